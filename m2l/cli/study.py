"""Commands of the user study."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

import click

from m2l.cli._base import COUNT, FILE, FOLDER, JOBS, SEED, Commands, _plural, main, output
from m2l.doors import outputs
from m2l.errors import InputError

CONFIG = click.option("--config", type=FILE, help="Settings; by default params/study.yaml.")
NEW = click.option("-o", "--out", required=True, type=FOLDER, help="Folder to write into.")


@main.group(cls=Commands)
def study():
    """Ask people: design the user study, try it on simulated answers, analyse real ones.

    \b
    m2l study stimuli -o mystudy               clips, and a picture of each system for each
    m2l study design --stimuli mystudy/stimuli.json -o mystudy/design.json
    m2l study simulate mystudy/design.json -o answers.csv
    m2l study analyse mystudy/design.json answers.csv -o report
    """


study.stage("power", "m2l.experiments.power:power")
study.stage("validate", "m2l.experiments.power:validation")
study.stage("preregister", "m2l.people.preregistration:page")


@study.command("serve")
@click.argument("design", type=FILE)
@click.option("--db", required=True, type=FILE, help="SQLite file of the answers; made if new.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, help="0 takes a free one.")
def study_serve(design, db, host, port):
    """Serve the study DESIGN to its participants and store their answers as they come.

    Each answer is on the disk before the browser is told so. Stop with Ctrl-C, start again with
    the same files: participants go on where they were. Only this machine is served by default; to
    invite others, put a web server with https in front, or write files with 'm2l study static'.
    """
    import uvicorn

    from m2l.people import design as study
    from m2l.people import serve

    made = study.load(design)
    with serve.Answers(db, made) as answers:
        app = serve.application(made, Path(design).parent, answers)
        try:  # a port in use is known before anything starts
            taken = socket.create_server((host, port), backlog=2048)
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"{host} port {port}: {why}; choose another with --port") from None
        url = f"http://{host}:{taken.getsockname()[1]}/"
        stored, people = answers.rows(), made["participants"]
        click.echo(
            f"{url} is open for {_plural(len(people), 'participant')}; {db}: "
            f"{_plural(len(stored), 'answer')} of {len({r['participant'] for r in stored})} so far"
        )
        click.echo(f"to try it: {url}#{people[0]['code']}")
        _stand_ins(made)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[taken])
    click.echo(f"closed; the answers are in {db}")


def _stand_ins(made):
    if made.get("stand_ins"):
        click.echo(f"for a try only: {', '.join(made['stand_ins'])} are stood in for")


@study.command("static")
@click.argument("design", type=FILE)
@NEW
def study_static(design, out):
    """Write the study DESIGN as a folder of files for any web host.

    At the end each participant saves a file of answers and sends it back; 'm2l study export' reads
    them.
    """
    from m2l.people import design as study
    from m2l.people import files

    made = study.load(design)
    files.static(made, Path(design).parent, out)
    click.echo(f"{out}: written for {_plural(len(made['participants']), 'participant')}")
    click.echo(f"their links, once it is on a host: m2l study links {design} --at URL")


@study.command("links")
@click.argument("design", type=FILE)
@click.option("--at", required=True, help="Address of the study, as https://example.org/study/.")
def study_links(design, at):
    """Print the link of each participant of DESIGN, one a line, to be sent to one person each.

    Nobody is to be invited without the approval of an ethics board and the right to show the
    photos and play the songs; both stand in the settings, and the design carries them.
    """
    from m2l.people import design as study

    made = study.load(design)
    missing = [k for k in ("approval", "rights") if not made.get(k)]
    if missing or made.get("stand_ins"):
        what = f"no {' and no '.join(missing)} given" if missing else "stand-ins for systems"
        raise InputError(
            f"{design}: {what}: nobody is to be invited to it; "
            "see approval and rights in params/study.yaml"
        )
    for person in made["participants"]:
        click.echo(f"{at}#{person['code']}")


@study.command("export")
@click.argument("sources", nargs=-1, required=True, type=FILE)
@click.option("--design", type=FILE, help="The design; needed for files that participants saved.")
@output(".csv", help=".csv")
def study_export(sources, design, out):
    """Write the answers in SOURCES as one table, a row an answer.

    SOURCES are .sqlite files of 'm2l study serve', which may be running, and .json files that
    participants of 'm2l study static' saved.
    """
    from m2l.people import design as study
    from m2l.people import files

    stored, persons, lost = files.export(sources, out, study.load(design) if design else None)
    click.echo(f"{out}: {_plural(stored, 'answer')} of {_plural(persons, 'participant')}")
    if lost:
        click.echo(f"m2l: {_plural(lost, 'answer')} left out: an earlier one stands", err=True)


@study.command("withdraw")
@click.argument("db", type=FILE)
@click.argument("code")
def study_withdraw(db, code):
    """Delete the answers of the participant CODE from DB, when they ask for it.

    The server may be running; it takes nothing more of this participant. A file that they saved is
    simply thrown away.
    """
    from m2l.people import serve

    with serve.Answers(db) as answers:
        standing = answers.standing(code) or {}
        if not standing.get("consented"):
            raise InputError(f"{db}: nothing of {code} here; check the code")
        answers.withdraw(code)
    click.echo(f"{db}: {_plural(len(standing['done']), 'answer')} deleted")


@study.command("stimuli")
@click.argument("songs", nargs=-1, type=click.Path())
@CONFIG
@click.option(
    "--generators",
    type=click.Path(file_okay=False, exists=True),
    help="Folder of 'make ablation GRID=ablation128-projected', with a generator of each system; "
    "for a try, the shipped one stands in for all.",
)
@click.option(
    "--photos",
    type=click.Choice(["landscapes", "oasis", "sample"]),
    default="sample",
    help="Corpus that the real photographs are picked from; for a try, painted ones.",
)
@JOBS
@click.option("--seed", type=SEED, help="In place of the settings'.")
@NEW
def study_stimuli(songs, config, generators, photos, jobs, seed, out):
    """Choose and cut SONGS (files or folders), and make a picture of each system for each.

    As many songs as the settings ask for are chosen, spread over the emotions that the forest
    hears in them. Whether you may play them to participants is for you to know. Without SONGS, 20
    of the sample corpus serve for a try.
    """
    from m2l import corpora, generate
    from m2l.experiments import ablation, stimuli
    from m2l.people import design as study

    values, weights = study.settings(config, seed=seed), {"full": generate.WEIGHTS}
    if generators:
        runs = {name: ablation.stem(ablation.STUDY, name, 0) for name in study.SYSTEMS[:-1]}
        weights = {k: Path(generators, run, "generator.safetensors") for k, run in runs.items()}
    kind = {"kind": "landscapes"} if photos == "sample" else {}
    table = corpora.load(photos, **kind).table.dropna(subset="path")
    if photos == "oasis":
        table = table[table["category"] == "Scenery"]
    count, seconds = values["songs"], values["seconds"]
    if not songs:
        songs, count, seconds = list(corpora.load("sample").table["path"]), 20, 12
    made = stimuli.prepare(songs, weights, table, out, count, seconds, values["seed"], jobs=jobs)
    click.echo(f"{out}: {_plural(len(made['songs']), 'song')}, {len(made['images'])} pictures")
    _stand_ins(made)
    click.echo(f"now: m2l study design --stimuli {out}/stimuli.json -o {out}/design.json")


@study.command("design")
@CONFIG
@click.option("--stimuli", type=FILE, help="stimuli.json of 'm2l study stimuli'.")
@click.option("--participants", type=COUNT, help="Codes to make, in place of the settings'.")
@click.option("--seed", type=SEED, help="In place of the settings'. Choose your own, see above.")
@output(".json", help="JSON to write.")
def study_design(config, stimuli, participants, seed, out):
    """Deal songs and pictures out to participants, in balance, and write the design file.

    It holds everything that the participant's page and the analysis need, the participants' codes
    too. These follow from the seed: for a real study choose one that nobody knows, and keep the
    file to yourself until all answers are in.
    """
    from m2l.people import design as study

    reserve = 0 if participants else None
    values = study.settings(config, seed=seed, participants=participants, reserve=reserve)
    found = None
    if stimuli:
        found = study.stimuli(stimuli, Path(out).parent)
        songs = len(found["songs"])
        values |= {"songs": songs, "songs_each": min(songs, values["songs_each"])}
    made = study.design(values, found)
    with outputs.writing(out) as aside:
        aside.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    trials = sum(len(block["trials"]) for block in made["participants"][0]["blocks"])
    click.echo(
        f"{out}: {_plural(len(made['participants']), 'participant')}, "
        f"{_plural(len(made['songs']), 'song')}, {trials} trials each"
    )


@study.command("simulate")
@click.argument("design", type=FILE)
@CONFIG
@click.option("--effect", type=click.FloatRange(0, 1), default=1.0,
              help="Share of the assumed effects; 0 leaves none.")  # fmt: skip
@click.option("--seed", type=SEED, default=0, help="Of the answers.")
@output(".csv", help="CSV to write.")
def study_simulate(design, config, effect, seed, out):
    """Answer DESIGN by simulated persons, to try the analysis before anyone is asked.

    A column of the table, and everything that the analysis makes of it, say that the answers are
    simulated.
    """
    from m2l.people import design as study
    from m2l.people import simulation

    table = study.trials(study.load(design))
    effects = simulation.Effects.of(study.settings(config)).scaled(effect)
    answers = simulation.simulate(table, effects, seed)
    with outputs.writing(out) as aside:
        answers.to_csv(aside, index=False)
    click.echo(f"{out}: {_plural(len(answers), 'simulated answer')}")


@study.command("analyse")
@click.argument("design", type=FILE)
@click.argument("answers", type=FILE)
@NEW
def study_analyse(design, answers, out):
    """Analyse ANSWERS (.csv) to DESIGN as preregistered: tables, figures and report.md.

    ANSWERS is the long table that the instrument stores: one row a trial, with the columns
    participant, trial, valence, arousal, choice, ms and heard.
    """
    import matplotlib
    from threadpoolctl import threadpool_limits

    matplotlib.use("Agg")
    from m2l.doors import tables
    from m2l.people import analysis
    from m2l.people import design as study

    for name in analysis.FILES:
        outputs.check(Path(out, name), inputs=[design, answers])
    with threadpool_limits(1):  # threads that wait for each other made minutes of seconds
        table = tables.read(answers, advice="use the file as 'm2l study export' writes it")
        result = analysis.analyse(study.load(design), table)
    analysis.write(result, out)
    gone = int(result["persons"]["excluded"].sum())
    said = "simulated answers; " * result["simulated"]
    click.echo(f"{out}: {said}{_plural(len(result['persons']), 'participant')}, {gone} left out")
    for name, row in result["hypotheses"].iterrows():
        verdict = "supported" if row["supported"] else "not supported"
        verdict += " (exploratory)" * (not row["confirmatory"])
        click.echo(f"{name}  p {row['adjusted']:.3f}  {verdict}")
