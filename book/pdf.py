"""Print the report as a book, by a browser.

    python book/pdf.py FOLDER -o FILE      `make pdf` does this

FOLDER holds the report as one page (Sphinx' builder singlehtml). It is rearranged by pdf.js, set
by pdf.css and printed twice: the first print shows on which page each heading stands.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click
import yaml

sys.path.insert(0, str(Path(__file__).parent))
import browser

from m2l.errors import InputError

HERE = Path(__file__).parent
FONTS = HERE.parent / "web/node_modules/@fontsource-variable"
_STYLES = (
    "source-serif-4/index.css",
    "source-serif-4/wght-italic.css",
    "source-sans-3/index.css",
    "source-sans-3/wght-italic.css",
    "source-code-pro/index.css",
)
_COVER = """<section class="cover">
<img src="_static/plane.jpg" alt="">
<p class="kind">AIST4010 project report</p>
<h1>{title}</h1>
<p class="lead-line">{lead}</p>
<p class="author">{author}</p>
<p class="made">{made}</p>
</section>"""


def pages(pdf):
    """The page of each heading in a PDF by Chromium, dict of id to number from 1.

    Its objects are plain text: pages in their order, and each place that a link leads to by name.
    """
    text = pdf.decode("latin-1")
    kids = " ".join(re.findall(r"/Type /Pages\b.*?/Kids \[(.*?)\]", text, re.S))
    leaves = {
        number
        for number, body in re.findall(r"(?m)^(\d+) 0 obj\s(.*?)endobj", text, re.S)
        if re.search(r"/Type /Page\b", body)
    }
    order = [number for number in re.findall(r"(\d+) 0 R", kids) if number in leaves]
    places = re.findall(r"/(heading-[\d-]+) \[(\d+) 0 R", text)
    return {name: order.index(page) + 1 for name, page in places}


def made():
    """Version and date of what is printed."""
    words = ["git", "-C", str(HERE), "log", "-1", "--format=%h, %cs"]
    commit = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    return f"Version {metadata.version('m2l')}" + (f" ({commit})" if commit else "")


def write(folder, output):
    """Print the page in a folder to a PDF.

    Raises
    ------
    InputError
        There is no such page or no browser, or the fonts are not installed.
    """
    source = folder / "book/index.html"
    if not source.is_file():
        raise InputError(f"{source}: not there; 'make pdf' builds it")
    if not FONTS.is_dir():
        raise InputError(f"{FONTS}: not there; 'npm ci --prefix web' installs the fonts")
    # Its addresses are relative to the folder above.
    page_file = folder / "report.html"
    page_file.write_text(source.read_text().replace('href="book/index.html', 'href="'))
    config = yaml.safe_load((HERE.parent / "_config.yml").read_text())
    lead = re.search(r'class="lead-line.*?<p>(.*?)</p>', source.read_text(), re.S)
    cover = _COVER.format(
        title=config["title"], author=config["author"], lead=lead[1] if lead else "", made=made()
    )
    with browser.serve(folder) as base, browser.chromium() as chromium:
        page = chromium.new_page(viewport={"width": 605, "height": 900})  # as wide as the text
        page.route(
            "**/@fonts/**",
            lambda route: route.fulfill(path=FONTS / route.request.url.split("/@fonts/")[1]),
        )
        page.goto(f"{base}/report.html", wait_until="load")
        page.evaluate("async () => { await window.MathJax?.startup?.promise }")
        for style in _STYLES:
            page.add_style_tag(url=f"{base}/@fonts/{style}")
        page.add_style_tag(path=HERE / "pdf.css")
        page.add_script_tag(path=HERE / "pdf.js")
        page.emulate_media(media="print", color_scheme="light")
        page.evaluate(
            """async html => {
              const cover = document.createElement("template");
              cover.innerHTML = html;
              compose(cover.content);
              await document.fonts.ready;
              await Promise.all([...document.images].map(image => image.decode()));
            }""",
            cover,
        )
        settings = {"prefer_css_page_size": True, "print_background": True}
        settings |= {"tagged": True, "outline": True}
        page.evaluate("number", pages(page.pdf(**settings)))
        page.pdf(path=output, **settings)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "output", required=True, type=click.Path(path_type=Path), help="The PDF.")
def main(folder, output):
    """Print the report in FOLDER, one page, as a book."""
    try:
        write(folder, output)
    except InputError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
