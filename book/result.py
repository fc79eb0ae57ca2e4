"""A Sphinx extension: `` {result}`forest:corpora.taffc.models.ridge.valence.r2` `` is that number.

It works in pages and in the notebooks' text alike; the form of numbers is that of
`m2l.results.text`. What leads nowhere is a warning, and the book is built with warnings as errors.
"""

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from m2l import results
from m2l.errors import InputError

log = logging.getLogger(__name__)


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
        return [nodes.inline(self.rawtext, text, classes=["result"])], []


def setup(app):
    """Register with Sphinx."""
    app.add_role("result", Result())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
