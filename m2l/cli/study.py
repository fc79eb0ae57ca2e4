"""Commands of the user study."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import click

from m2l.cli._base import COUNT, FILE, SEED, Commands, Stage, _plural, main
from m2l.errors import InputError


@main.group(cls=Commands)
def study():
    """Ask people: design the user study, try it on simulated answers, analyse real ones.

    \b
    m2l study stimuli ~/songs -o mystudy       clips, and a picture of each system for each
    m2l study design --stimuli mystudy/stimuli.json -o mystudy/design.json
    m2l study simulate mystudy/design.json -o answers.csv
    m2l study analyse mystudy/design.json answers.csv -o report
    """


@study.command("serve")
@click.argument("design", type=FILE)
@click.option("--db", required=True, type=FILE, help="SQLite file of the answers; made if new.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="0 takes a free one.",
)
def study_serve(design, db, host, port):
    """Serve the study DESIGN to its participants and store their answers as they come.

    Each answer is on the disk before the browser is told so. Stop with Ctrl-C, start again with
    the same files: participants go on where they were. Only this machine is served by default; to
    invite others, put a web server with https in front, or write files with 'm2l study static'.
    """
    from m2l.people import serve

    asked = serve.Design.load(design)
    answers = serve.Answers(db, asked)
    taken = serve.listen(host, port)
    where = f"[{host}]" if ":" in host else host
    url = f"http://{where}:{taken.getsockname()[1]}/"
    stored, persons = answers.counts()
    click.echo(
        f"{url} is open for {_plural(len(asked.participants), 'participant')}; "
        f"{db}: {_plural(stored, 'answer')} of {persons} so far"
    )
    click.echo(f"their links: m2l study links {design} --at {url}")
    with contextlib.suppress(KeyboardInterrupt):
        serve.server(asked, answers).run(sockets=[taken])
    click.echo(f"closed; the answers are in {db}")


@study.command("static")
@click.argument("design", type=FILE)
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False), help="New folder.")
def study_static(design, out):
    """Write the study DESIGN as a folder of files for any web host.

    At the end each participant saves a file of answers and sends it back; 'm2l study export' reads
    them.
    """
    from m2l.people import serve

    asked = serve.Design.load(design)
    serve.static(asked, out)
    click.echo(f"{out}: written for {_plural(len(asked.participants), 'participant')}")
    click.echo(f"their links, once it is on a host: m2l study links {design} --at URL")


@study.command("links")
@click.argument("design", type=FILE)
@click.option("--at", required=True, help="Address of the study, as https://example.org/study/.")
def study_links(design, at):
    """Print the link of each participant of DESIGN, one a line, to be sent to one person each."""
    from m2l.people import serve

    for participant in serve.Design.load(design).participants:
        click.echo(f"{at}#{participant.code}")


@study.command("export")
@click.argument("sources", nargs=-1, required=True, type=FILE)
@click.option("--design", type=FILE, help="The design; needed for files that participants saved.")
@click.option("-o", "--out", required=True, type=FILE, help=".csv")
def study_export(sources, design, out):
    """Write the answers in SOURCES as one table, a row an answer.

    SOURCES are .sqlite files of 'm2l study serve', which may be running, and .json files that
    participants of 'm2l study static' saved.
    """
    from m2l.people import serve

    asked = serve.Design.load(design) if design else None
    stored, persons, lost = serve.export(sources, out, asked)
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

    answers = serve.Answers(db)
    standing = answers.standing(code) or {}
    if not standing.get("consented"):
        raise InputError(f"{db}: nothing of {code} here; check the code")
    answers.withdraw(code)
    answers.close()
    click.echo(f"{db}: {_plural(len(standing['answered']), 'answer')} deleted")


CONFIG = click.option(
    "--config", type=FILE, help="Settings; those of the package, params/study.yaml, by default."
)


@study.command("stimuli")
@click.argument("songs", nargs=-1, required=True, type=click.Path())
@CONFIG
@click.option(
    "--generators",
    type=click.Path(file_okay=False),
    default="runs/ablation",
    show_default=True,
    help="Folder of 'm2l gan ablation'.",
)
@click.option(
    "--photos",
    type=click.Choice(["landscapes", "oasis"]),
    default="landscapes",
    show_default=True,
    help="Corpus under M2L_DATA that the real photographs are picked from.",
)
@click.option("--jobs", type=COUNT, default=1, show_default=True, help="Processes.")
@click.option("--seed", type=SEED, help="In place of the settings'.")
@click.option("-o", "--out", required=True, type=click.Path(file_okay=False), help="New folder.")
def study_stimuli(songs, config, generators, photos, jobs, seed, out):
    """Choose and cut SONGS (files or folders), and make a picture of each system for each.

    As many songs as the settings ask for are chosen, spread over the emotions that the forest
    hears in them. Whether you may play them to participants is for you to know.
    """
    from m2l import corpora
    from m2l.experiments import ablation, stimuli
    from m2l.people import design as study

    values = study.settings(config)
    weights = {
        name: Path(generators) / ablation.stem("ablation", name, 0) / "generator.safetensors"
        for name in study.SYSTEMS[:-1]
    }
    table = corpora.load(photos).table.dropna(subset="path")
    if photos == "oasis":
        table = table[table["category"] == "Scenery"]
    seed = values["seed"] if seed is None else seed
    made = stimuli.prepare(
        songs, weights, table, out, values["songs"], values["seconds"], seed, jobs=jobs
    )
    click.echo(f"{out}: {_plural(len(made['songs']), 'song')}, {len(made['images'])} pictures")
    click.echo(f"now: m2l study design --stimuli {out}/stimuli.json -o {out}/design.json")


@study.command("design")
@CONFIG
@click.option("--stimuli", type=FILE, help="stimuli.json of 'm2l study stimuli'.")
@click.option("--participants", type=COUNT, help="Codes to make, in place of the settings'.")
@click.option("--seed", type=SEED, help="In place of the settings'. Choose your own, see above.")
@click.option("-o", "--out", required=True, type=FILE, help="JSON to write.")
def study_design(config, stimuli, participants, seed, out):
    """Deal songs and pictures out to participants, in balance, and write the design file.

    It holds everything that the participant's page and the analysis need, the participants' codes
    too. These follow from the seed: for a real study choose one that nobody knows, and keep the
    file to yourself until all answers are in.
    """
    from m2l.people import design as study

    values, found = study.settings(config), None
    if participants:
        values |= {"participants": participants, "reserve": 0}
    if stimuli:
        found = study.stimuli(stimuli, Path(out).parent)
    made = study.design(values, found, seed)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    trials = sum(len(block["trials"]) for block in made["participants"][0]["blocks"])
    click.echo(
        f"{out}: {_plural(len(made['participants']), 'participant')}, "
        f"{_plural(len(made['songs']), 'song')}, {trials} trials each"
    )


@study.command("simulate")
@click.argument("design", type=FILE)
@CONFIG
@click.option("--effect", type=click.FloatRange(0, 1), default=1.0, show_default=True,
              help="Share of the assumed effects; 0 leaves none.")  # fmt: skip
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the answers.")
@click.option("-o", "--out", required=True, type=FILE, help="CSV to write.")
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
    answers.to_csv(out, index=False)
    click.echo(f"{out}: {_plural(len(answers), 'simulated answer')}")


@study.command("analyse")
@click.argument("design", type=FILE)
@click.argument("answers", type=FILE)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the bootstrap.")
@click.option(
    "-o", "--out", required=True, type=click.Path(file_okay=False), help="Folder to write into."
)
def study_analyse(design, answers, seed, out):
    """Analyse ANSWERS (.csv) to DESIGN as preregistered: tables, figures and report.md.

    ANSWERS is the long table that the instrument stores: one row a trial, with the columns
    participant, trial, valence, arousal, choice, ms and heard.
    """
    import matplotlib

    matplotlib.use("Agg")
    from m2l.people import analysis
    from m2l.people import design as study

    result = analysis.analyse(study.load(design), analysis.read(answers), seed=seed)
    analysis.write(result, out)
    gone = int(result["persons"]["excluded"].sum())
    said = "simulated answers; " * result["simulated"]
    click.echo(f"{out}: {said}{_plural(len(result['persons']), 'participant')}, {gone} left out")
    for name, row in result["hypotheses"].iterrows():
        verdict = "supported" if row["supported"] else "not supported"
        click.echo(f"{name}  p {row['adjusted']:.3f}  {verdict}")


@study.command("preregister", cls=Stage)
@CONFIG
@click.option("--power", "power_", type=FILE, default="results/study.json", show_default=True,
              help="What 'm2l study power' wrote.")  # fmt: skip
@click.option("-o", "--out", default="book/preregistration.md", show_default=True, help="Page.")
def study_preregister(config, power_, out):
    """Write the preregistration: hypotheses, rules, models and power from one set of settings."""
    from m2l.people import design as study

    result = json.loads(Path(power_).read_text(encoding="utf-8"))
    Path(out).write_text(study.preregistration(study.settings(config), result), encoding="utf-8")
    click.echo(f"{out}: written")


@study.command("power", cls=Stage)
@CONFIG
@click.option("-o", "--out", default="results/study.json", show_default=True, help="Result.")
@click.option("--draws", type=COUNT, help="Simulated studies a point, in place of the settings'.")
def study_power(config, out, draws):
    """Simulate studies of many sizes, and count how often each hypothesis is supported."""
    from m2l.experiments import stages
    from m2l.people.design import settings

    values = settings(config)
    if draws:
        values["power"] = values["power"] | {"draws": draws}
    stages.study_power(out, values)
    click.echo(f"{out}: written")


@study.command("validate", cls=Stage)
@CONFIG
@click.option(
    "-o", "--out", default="results/study_validation.json", show_default=True, help="Result."
)
@click.option("--studies", type=COUNT, help="Simulated studies, in place of the settings'.")
def study_validate(config, out, studies):
    """Analyse many simulated studies, with known effects and with none.

    Takes some minutes. Ctrl-C ends it early and keeps the studies that are done.
    """
    from m2l.experiments import stages
    from m2l.people.design import settings

    values = settings(config)
    if studies:
        values["validation"] = values["validation"] | {"studies": studies}
    stages.study_validation(out, values)
    click.echo(f"{out}: written")
