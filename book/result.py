"""A Sphinx extension: what leads from the book's numbers and figures to where they come from.

`` {result}`forest:corpora.taffc.models.ridge.valence.r2` `` is that number, in pages and in the
notebooks' text alike; the form of numbers is that of `m2l.results.text`. What leads nowhere is a
warning, and the book is built with warnings as errors. Figures and tables say whether they were
made on the page or which files of `results/` they were made from or quote.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from m2l import results
from m2l.errors import InputError

log = logging.getLogger(__name__)
TABLE = "tab-provenance-results"  # where the results are described


class Result(SphinxRole):
    """The role."""

    def run(self):
        name = self.text.partition(":")[0]
        try:
            text = results.quote(self.text)
        except InputError as error:
            log.warning("%s", error, location=self.get_location())
            return [nodes.problematic(text=self.text)], []
        self.env.note_dependency(results.results_dir() / f"{name}.json")
        return [nodes.inline(self.rawtext, text, classes=["result"], result=name)], []


def sign(app, doctree):
    """Say below each figure and table what it was made from; leave out settings."""
    for table in doctree.findall(nodes.table):
        quoted = {n["result"] for n in table.findall(nodes.inline) if "result" in n}
        for title in table.findall(nodes.title) if quoted else ():
            title += [nodes.Text(" "), origin(sorted(quoted))]
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    up = "../" * app.env.docname.count("/")
    script = f"{up}_sources/{app.env.docname}.ipynb"  # as it was run
    read = results.reads(json.loads(path.read_text()))
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code":
            continue
        if "tag_injected-parameters" in cell["classes"]:  # they are told with the provenance
            cell.parent.remove(cell)
            continue
        for shown in cell.findall(lambda node: isinstance(node, nodes.figure | nodes.table)):
            texts = [n for n in shown.children if isinstance(n, nodes.caption | nodes.title)]
            if texts:
                texts[0] += nodes.Text(" ")
                texts[0] += origin(sorted(read[cell["cell_index"]]), script)


def origin(names, script=None):
    """The words "from results/forest.json, by this notebook", with links."""
    words = [nodes.Text("From " if names else "Made on this page")]
    for i, name in enumerate(names):
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="ref", reftarget=TABLE, refexplicit=True, refwarn=True
        )
        link += nodes.inline("", f"results/{name}")
        words += [nodes.Text(", "), link] if i else [link]
    if script:
        words += [nodes.Text(", by "), nodes.reference("", "this notebook", refuri=script)]
    return nodes.inline("", "", *words, nodes.Text("."), classes=["origin"])


def setup(app):
    """Register with Sphinx."""
    app.add_role("result", Result())
    app.connect("doctree-read", sign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
