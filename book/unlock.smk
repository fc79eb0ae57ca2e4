# A kill leaves Snakemake's locks behind. They mean nothing where no Snakemake runs in this folder,
# which a lock that the system frees with its process tells.

import fcntl
from pathlib import Path

if workflow.is_main_process:
    Path(".snakemake/locks").mkdir(parents=True, exist_ok=True)
    RUNNING = open(".snakemake/running", "w")
    try:
        fcntl.flock(RUNNING, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        for left in Path(".snakemake/locks").iterdir():
            left.unlink()
    fcntl.flock(RUNNING, fcntl.LOCK_SH)
