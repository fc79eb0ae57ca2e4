# The study: from the corpora under M2L_DATA to results/ and the released weights.
#
#   make study                  the real thing, hours on two cores
#   make study PRESET=smoke     every stage on a little data, in minutes, into runs/smoke
#   snakemake seeds reading --cores 2   three seeds, a quarter into the last stage; a weight compared
#   make ablation               the grid of variants and seeds at 32×32; GRID=ablation-projected (the
#                               projected critic), ablation64, ablation64-projected, ablation128,
#                               ablation128-projected
#
# On a cluster: snakemake --executor slurm --config preset=gpu
#               snakemake ablation --executor slurm --config grid=ablation128

import os

include: "book/unlock.smk"

from m2l.experiments import ablation as grids

PRESET = config.get("preset", "projected")
SMOKE = PRESET == "smoke"
LARGER = PRESET == "projected"  # what a stage for 256×256 is made for
DATA = os.environ["M2L_DATA"]
RESULTS = "runs/smoke/results" if SMOKE else "results"
WEIGHTS = "runs/smoke/weights" if SMOKE else "m2l/weights"
GENERATOR = f"{WEIGHTS}/generator.safetensors"
RUN = f"runs/{PRESET}"
# Made by `make study` before its first run. It is younger than the results of a fresh clone, which
# are therefore made anew, and older than those of an interrupted run, which goes on.
STARTED = f"{RUN}/started"
GRID = "smoke" if SMOKE else config.get("grid", "ablation")
CELL_RUNS = f"{RUN}/ablation" if SMOKE else "runs/ablation"
CELLS = {grids.stem(GRID, *cell): cell for cell in grids.cells(GRID, (0,) if SMOKE else grids.SEEDS)}


rule study:
    input:
        expand("{results}/{name}.json", results=RESULTS,
               name=["data", "forest", "ear", "abroad", "gan", "choice", "emphasis", "scene", "people", "metrics", "baselines",
                     "end_to_end", "songs", "study", "study_validation"]),
        expand("{results}/ablation/{cell}.jsonl", results=RESULTS, cell=CELLS if SMOKE else []),
        [] if SMOKE else ["book/preregistration.md", f"{RESULTS}/metrics_milestone.json"],
        f"{RESULTS}/detail.json" if LARGER else [],
        "runs/smoke/plane.jpg" if SMOKE else "book/_static/plane.jpg",
        [] if SMOKE else "book/_static/stills.jpg",


rule data:
    input:
        STARTED,
        features=f"{RUN}/features.parquet",
    output:
        f"{RESULTS}/data.json",
    shell:
        "m2l data -o {output:q} --features {input.features:q}"


rule features:
    input:
        STARTED,
        songs=f"{DATA}/music/4Q-TAFFC/audio",
    output:
        f"{RUN}/features.parquet",
    threads: 2
    params:
        limit="--limit 40" if SMOKE else "",
    shell:
        "m2l features {input.songs:q} -o {output:q} --embedding --jobs {threads} {params.limit}"


rule forest:
    input:
        rules.features.output,
    output:
        f"{RESULTS}/forest.json",
    params:
        size="--trees 20 --folds 3 --repeats 1 --trials 2 --epochs 1" if SMOKE else "",
    shell:
        # Finished models are kept in the run's folder: an interrupted comparison goes on.
        "m2l forest train --features {input:q} -o {output:q} --folder {RUN}/forest "
        "{params.size}"


rule ear:
    input:
        rules.features.output,
    output:
        result=f"{RESULTS}/ear.json",
        weights=expand("{weights}/{name}.safetensors", weights=WEIGHTS, name=["ear", "forest"]),
    params:
        size="--trees 20 --folds 3 --trials 2" if SMOKE else "",
    shell:
        "m2l forest ear --features {input:q} -o {output.result:q} --weights {WEIGHTS:q} "
        "--folder {RUN}/ear {params.size}"


rule abroad:
    input:
        rules.features.output,
        rules.ear.output,
        f"{DATA}/music/DEAM",
        f"{DATA}/music/PMEmo2019",
    output:
        f"{RESULTS}/abroad.json",
    shell:
        # openSMILE takes a minute for twenty clips; finished ones are kept.
        "m2l forest abroad --features {input[0]:q} -o {output:q} --folder {RUN}/abroad"


rule gan:
    input:
        STARTED,
        f"{DATA}/images/landscapes128.csv",
    output:
        result=f"{RESULTS}/gan.json",
        weights=f"{RUN}/end.safetensors",
    threads: 2
    params:
        limit="--limit 200" if SMOKE else "",
    shell:
        # An interrupted run is resumed; the checkpoint lies in its folder, not in an output.
        "m2l gan train --preset {PRESET} --run {RUN}/gan --resume --threads {threads} "
        "{params.limit} -o {output.result:q} --weights {output.weights:q}"


rule choose:
    # Training longer is not always better: of the states kept on the way the best goes on.
    input:
        generator=rules.gan.output.weights,
        judge=f"{WEIGHTS}/scene.safetensors",
        rated=f"{WEIGHTS}/ratings.safetensors",
    output:
        result=f"{RESULTS}/choice.json",
        weights=f"{RUN}/generator.safetensors",
    params:
        size="--limit 200 -n 60 --draws 10" if SMOKE else "",
    shell:
        "m2l metrics choose --run {RUN}/gan --generator {input.generator:q} --judge {input.judge:q} "
        "--rated {input.rated:q} -o {output.result:q} --weights {output.weights:q} {params.size}"


rule emphasis:
    # What is released asks as much more than is wanted as its pictures fall short of.
    input:
        generator=rules.choose.output.weights,
        judge=f"{WEIGHTS}/scene.safetensors",
        rated=f"{WEIGHTS}/ratings.safetensors",
    output:
        result=f"{RESULTS}/emphasis.json",
        weights=f"{RUN}/emphasis.safetensors" if LARGER else GENERATOR,
    params:
        size="--limit 200 -n 60 --rounds 2 --draws 10" if SMOKE else "",
    shell:
        "m2l metrics emphasis --generator {input.generator:q} --judge {input.judge:q} "
        "--rated {input.rated:q} -o {output.result:q} --weights {output.weights:q} {params.size}"


rule larger:
    input:
        rules.gan.output.weights,
        f"{DATA}/images/scenes256.csv",
    output:
        result=f"{RESULTS}/gan256.json",
        weights=f"{RUN}/larger.safetensors",
    threads: 2
    shell:
        "m2l gan train --preset projected256 --photos scenes256 --start {RUN}/gan "
        "--run {RUN}/larger --resume --threads {threads} -o {output.result:q} "
        "--weights {output.weights:q}"


if LARGER:

    rule detail:
        input:
            generator=rules.emphasis.output.weights,
            stage=rules.larger.output.weights,
            rated=f"{WEIGHTS}/ratings.safetensors",
        output:
            result=f"{RESULTS}/detail.json",
            weights=GENERATOR,
        shell:
            "m2l metrics detail --generator {input.generator:q} --stage {input.stage:q} "
            "--rated {input.rated:q} -o {output.result:q} --weights {output.weights:q}"


rule milestone:
    # The milestone's critic beside the one that ships: the same photos, the same card.
    input:
        STARTED,
        f"{DATA}/images/landscapes128.csv",
    output:
        result=f"{RESULTS}/gan_milestone.json",
        weights="runs/gpu/milestone.safetensors",
    threads: 2
    shell:
        "m2l gan train --preset gpu --run runs/gpu --resume --threads {threads} "
        "-o {output.result:q} --weights {output.weights:q}"


rule run:
    # Runs from other seeds, and what came before the released run: the critic's reading weighs less.
    output:
        directory("runs/seeds/{seed}"),
    wildcard_constraints:
        seed=r"\d+",
    shell:
        "m2l gan train --preset {PRESET} --set reading_weight=1 --seed {wildcards.seed} "
        "--run {output:q}"


rule reading:
    input:
        "runs/seeds/1",
    output:
        result=f"{RESULTS}/gan_reading1.json",
        choice=f"{RESULTS}/choice_reading1.json",
        emphasis=f"{RESULTS}/emphasis_reading1.json",
        end=temp("runs/reading1-end.safetensors"),
        chosen=temp("runs/reading1-chosen.safetensors"),
        weights="runs/reading1.safetensors",
    shell:
        "m2l gan release --preset {PRESET} --run {input:q} -o {output.result:q} "
        "--weights {output.end:q} && "
        "m2l metrics choose --run {input:q} --generator {output.end:q} -o {output.choice:q} "
        "--weights {output.chosen:q} && "
        "m2l metrics emphasis --generator {output.chosen:q} -o {output.emphasis:q} "
        "--weights {output.weights:q}"


rule snapshot:
    input:
        run="runs/seeds/{seed}",
        judge=ancient(f"{WEIGHTS}/scene.safetensors"),
    output:
        generator="runs/seeds/{seed}.safetensors",
        result="runs/seeds/{seed}.json",
    shell:
        "cp $(ls {input.run:q}/snapshots/* | head -n 1) {output.generator:q} && "
        "m2l metrics model --generator {output.generator:q} -o {output.result:q}"


rule seeds:
    input:
        results=expand("runs/seeds/{seed}.json", seed=range(3)),
        generators=expand("runs/seeds/{seed}.safetensors", seed=range(3)),
    output:
        f"{RESULTS}/seeds.json",
    params:
        generators=lambda wildcards, input: [f"--generators {path}" for path in input.generators],
    shell:
        "m2l metrics seeds {input.results:q} {params.generators} -o {output:q}"


rule scene:
    input:
        STARTED,
        f"{DATA}/images/landscapes128.csv",
    output:
        result=f"{RESULTS}/scene.json",
        weights=f"{WEIGHTS}/scene.safetensors",
    threads: 2
    params:
        size="--limit 200 --epochs 4" if SMOKE else "",
    shell:
        "m2l metrics scene -o {output.result:q} --weights {output.weights:q} {params.size}"


rule people:
    # Once for all: both follow from OASIS and from networks that others trained.
    input:
        STARTED,
        f"{DATA}/images/OASIS/OASIS.csv",
        judge=rules.scene.output.weights,
    output:
        result=f"{RESULTS}/people.json",
        rated=f"{WEIGHTS}/ratings.safetensors",
        machines=f"{WEIGHTS}/labels.safetensors",
    params:
        size="--repeats 1" if SMOKE else "",
    shell:
        "m2l metrics people -o {output.result:q} --rated {output.rated:q} "
        "--machines {output.machines:q} --judge {input.judge:q} {params.size}"


rule metrics:
    input:
        generator=GENERATOR,
        judge=rules.scene.output.weights,
        rated=rules.people.output.rated,
    output:
        f"{RESULTS}/metrics.json",
    threads: 2
    params:
        size="--limit 200 -n 100" if SMOKE else "",
    shell:
        "m2l metrics model --generator {input.generator:q} --judge {input.judge:q} "
        "--rated {input.rated:q} -o {output:q} {params.size}"


rule baselines:
    input:
        generator=GENERATOR,
        judge=rules.scene.output.weights,
        rated=rules.people.output.rated,
    output:
        f"{RESULTS}/baselines.json",
    params:
        size="--limit 200 -n 100 --asked 12" if SMOKE else "",
    shell:
        "m2l metrics baselines --generator {input.generator:q} --judge {input.judge:q} "
        "--rated {input.rated:q} -o {output:q} {params.size}"


rule metrics_milestone:
    input:
        generator=rules.milestone.output.weights,
        judge=rules.scene.output.weights,
        rated=rules.people.output.rated,
    output:
        f"{RESULTS}/metrics_milestone.json",
    threads: 2
    shell:
        "m2l metrics model --generator {input.generator:q} --judge {input.judge:q} "
        "--rated {input.rated:q} -o {output:q}"


rule end_to_end:
    input:
        features=rules.features.output,
        listening=rules.ear.output.result,
        generator=GENERATOR,
        judge=rules.scene.output.weights,
        rated=rules.people.output.rated,
    output:
        f"{RESULTS}/end_to_end.json",
    params:
        size="--limit 200 --pictures 2 --uncertain 10 --draws 3 --trees 20 --folds 3 --trials 2" if SMOKE else "",
    shell:
        "m2l metrics end-to-end --features {input.features:q} --generator {input.generator:q} "
        "--judge {input.judge:q} --rated {input.rated:q} --folder {RUN}/ear -o {output:q} "
        "{params.size}"


rule songs:
    input:
        rules.ear.output.result,
        features=rules.features.output,
        generator=GENERATOR,
    output:
        f"{RESULTS}/songs.json",
    params:
        size="--trees 20 --folds 3 --trials 2 --each 1" if SMOKE else "",
    shell:
        "m2l metrics songs --features {input.features:q} --folder {RUN}/ear -o {output:q} "
        "{params.size}"


rule ablation:
    # Not part of `make study`: `make ablation` goes on with it, a run a variant and seed.
    input:
        expand("{results}/ablation/{cell}.jsonl", results=RESULTS, cell=CELLS),
    output:
        touch(f"{CELL_RUNS}/told-{GRID}"),
    shell:
        "python -c 'from m2l.experiments.ablation import conclude; "
        'conclude("{RESULTS}/ablation", "{RESULTS}/ablation.json")\''


rule cell:
    # Finished cells are kept: a younger judge or package makes none of them anew.
    input:
        ancient(f"{DATA}/images/landscapes128.csv"),
        judge=ancient(rules.scene.output.weights),
    output:
        f"{RESULTS}/ablation/{{cell}}.jsonl",
    wildcard_constraints:
        cell="|".join(CELLS),
    priority:
        lambda wildcards: -list(CELLS).index(wildcards.cell),
    params:
        variant=lambda wildcards: CELLS[wildcards.cell][0],
        seed=lambda wildcards: CELLS[wildcards.cell][1],
        size="--limit 200 -n 100 --draws 10" if SMOKE else "",
    shell:
        "m2l gan ablation --grid {GRID} --variant '{params.variant}' --seed {params.seed} "
        "--judge {input.judge:q} --folder {CELL_RUNS} --out {RESULTS}/ablation {params.size}"


rule picture:
    # The one picture of the README and of the landing page.
    input:
        GENERATOR,
    output:
        "runs/smoke/plane.jpg" if SMOKE else "book/_static/plane.jpg",
    shell:
        "m2l gan sample --side 6 --size 160 --weights {input:q} -o {output:q}"


rule stills:
    # The README's picture of a film, from the one that opens the book.
    input:
        GENERATOR,
    output:
        "book/_static/stills.jpg",
    params:
        folder=f"{RUN}/play",
    shell:
        "m2l page -o {params.folder:q} --weights {input:q} && cp {params.folder:q}/stills.jpg {output:q}"


rule study_power:
    input:
        STARTED,
        "params/study.yaml",
    output:
        f"{RESULTS}/study.json",
    params:
        size="--draws 4" if SMOKE else "",
    shell:
        "m2l study power -o {output:q} {params.size}"


rule study_validation:
    # Tens of minutes on a busy core; Ctrl-C keeps the studies that are done.
    input:
        STARTED,
        "params/study.yaml",
    output:
        f"{RESULTS}/study_validation.json",
    params:
        size="--studies 2" if SMOKE else "",
    shell:
        "m2l study validate -o {output:q} {params.size}"


rule preregistration:
    # The power that it states is that of the results.
    input:
        "params/study.yaml",
        power=rules.study_power.output,
    output:
        "book/preregistration.md",
    shell:
        "m2l study preregister --power {input.power:q} -o {output:q}"
