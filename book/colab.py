"""Write the notebooks for Colab, each with a first cell that fetches what a notebook lacks there.

    python book/colab.py ADDRESS COMMIT FOLDER

ADDRESS is the project's repository. The cell gets the project at that commit, with its results, and
installs the package. The standard library suffices to run this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
_CELL = """\
# Colab opens a notebook alone: this fetches the project and installs it. Takes some minutes.
!git clone --quiet {address} project
%cd project
!git checkout --quiet {commit}
%pip install --quiet .[book,study]"""


def prepared(notebook, address, commit):
    """A notebook with the cell in front, dict as in its JSON."""
    text = _CELL.format(address=address, commit=commit)
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "fetch",
        "metadata": {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }
    return notebook | {"cells": [cell, *notebook["cells"]]}


def main(address, commit, folder):
    """Write all notebooks into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = prepared(json.loads(path.read_text()), address, commit)
        (Path(folder) / path.name).write_text(json.dumps(notebook, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
