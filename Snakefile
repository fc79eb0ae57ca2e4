# The study: from the corpora under M2L_DATA to results/ and the released weights.
#
#   make study                  the real thing, hours on two cores
#   make study PRESET=smoke     every stage on a little data, in minutes, into runs/smoke
#
# On a cluster: snakemake --executor slurm --config preset=gpu

import os

PRESET = config.get("preset", "laptop")
SMOKE = PRESET == "smoke"
DATA = os.environ["M2L_DATA"]
RESULTS = "runs/smoke/results" if SMOKE else "results"
WEIGHTS = "runs/smoke/weights" if SMOKE else "m2l/weights"
RUN = f"runs/{PRESET}"
# Made by `make study` before its first run. It is younger than the results of a fresh clone, which
# are therefore made anew, and older than those of an interrupted run, which goes on.
STARTED = f"{RUN}/started"


rule study:
    input:
        expand("{results}/{name}.json", results=RESULTS,
               name=["data", "forest", "gan", "metrics", "baselines"]),
        "runs/smoke/plane.png" if SMOKE else "book/_static/plane.png",


rule data:
    input:
        STARTED,
        features=f"{RUN}/features.parquet",
    output:
        f"{RESULTS}/data.json",
    shell:
        "m2l data -o {output} --features {input.features}"


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
        "m2l features {input.songs} -o {output} --extended --jobs {threads} {params.limit}"


rule forest:
    input:
        rules.features.output,
    output:
        result=f"{RESULTS}/forest.json",
        weights=f"{WEIGHTS}/forest.skops",
    params:
        size="--trees 20 --folds 3 --repeats 1 --trials 2 --epochs 1" if SMOKE else "",
    shell:
        # Finished models are kept in the run's folder: an interrupted comparison goes on.
        "m2l forest train --features {input} -o {output.result} --weights {output.weights} "
        "--run {RUN}/forest --preset {PRESET} {params.size}"


rule gan:
    input:
        STARTED,
        f"{DATA}/images/landscapes128.csv",
    output:
        result=f"{RESULTS}/gan.json",
        weights=f"{WEIGHTS}/generator.safetensors",
    threads: 2
    params:
        limit="--limit 200" if SMOKE else "",
    shell:
        # An interrupted run is resumed; the checkpoint lies in its folder, not in an output.
        "m2l gan train --preset {PRESET} --run {RUN}/gan --resume --threads {threads} "
        "{params.limit} -o {output.result} --weights {output.weights}"


rule metrics:
    input:
        generator=rules.gan.output.weights,
    output:
        result=f"{RESULTS}/metrics.json",
        weights=f"{WEIGHTS}/scene.safetensors",
    threads: 2
    params:
        size="--limit 200 --epochs 4 -n 200" if SMOKE else "",
    shell:
        "m2l metrics --generator {input.generator} -o {output.result} "
        "--weights {output.weights} --preset {PRESET} {params.size}"


rule baselines:
    input:
        STARTED,
        f"{DATA}/images/landscapes128.csv",
    output:
        f"{RESULTS}/baselines.json",
    threads: 2
    params:
        size="--preset smoke --limit 200 --epochs 4 -n 200" if SMOKE else "",
    shell:
        "m2l gan baselines --run {RUN}/baselines -o {output} {params.size}"


rule picture:
    # The one picture of the README and of the landing page.
    input:
        rules.gan.output.weights,
    output:
        "runs/smoke/plane.png" if SMOKE else "book/_static/plane.png",
    shell:
        "m2l gan sample --weights {input} --seed 12 -o {output}"
