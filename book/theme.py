"""A Sphinx extension: what the theme leaves to be wished for, pictures as light as photographs, and
links to run a chapter elsewhere.

The built pages are mended once they are written, since most of it comes from templates of the
theme, of which copies would soon be out of date.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pydata_sphinx_theme
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

HEAVY = 100_000  # bytes; what is lighter, charts above all, stays as it is

# What is found in a page, and what stands there afterwards.
_MENDED = [
    # Their visible text names them; another name leaves who speaks to a browser without a word.
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    (r'(<button class="btn search-button-field[^>]*?) title="Search" aria-label="Search"', r"\1"),
    (r'(<i class="theme-switch [^>]*?) title="[^"]*"', r'\1 aria-hidden="true"'),
    # A list role wants list items in it.
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    # The stylesheet has the same icons, a tenth of the weight.
    (r'\s*<script defer src="[^"]*scripts/fontawesome\.js[^"]*"></script>', ""),
    # No page runs code, and this names a third party that would.
    (r"\s*<script>const THEBE_JS_URL.*?</script>", ""),
    (r'\s*<(?:script|link)[^>]*_static/sphinx-thebe\.(?:js|css)[^>]*>(?:</script>)?', ""),
    (r'\s*<script type="text/x-thebe-config">.*?</script>', ""),
    (r"\s*<script>kernelName = .*?</script>", ""),
]  # fmt: skip
_MATHJAX = r"\s*<script>window\.MathJax = .*?</script>|\s*<script defer[^>]*mathjax[^>]*></script>"


def mended(page, lighter=()):
    """The text of a built page, mended.

    Parameters
    ----------
    lighter : names of pictures that have another ending now.
    """
    for found, instead in _MENDED:
        page = re.sub(found, instead, page, flags=re.S)
    if 'class="math' not in page:  # the first page gets it in any case, and it weighs most
        page = re.sub(_MATHJAX, "", page)
    names = {Path(name).stem: name for name in lighter}
    picture = r"(?<=_images/)([\w.-]+)\.(?:png|jpg)"
    return re.sub(picture, lambda found: names.get(found[1], found[0]), page)


def lighten(folder, ending):
    """Replace heavy pictures by what they are lighter as: photographs, mostly.

    Parameters
    ----------
    folder : with the pictures of a built book.
    ending : ".webp", which is transparent where a PNG is, or ".jpg", which is white there; PDF
        takes JPEG as it is, and nothing else that is light.

    Returns
    -------
    Names of the files that took another's place.
    """
    made = []
    for path in sorted([*Path(folder).glob("*.png"), *Path(folder).glob("*.jpg")]):
        if path.stat().st_size < HEAVY or path.suffix == ending:
            continue
        other = path.with_suffix(ending)
        with Image.open(path) as image:
            image = image.convert("RGBA")
            if ending == ".jpg":
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image).convert("RGB")
            image.save(other, quality=90 if path.suffix == ".png" else 80)
        if other.stat().st_size < path.stat().st_size * (0.5 if path.suffix == ".png" else 0.8):
            path.unlink()
            made.append(other.name)
        else:
            other.unlink()
    return made


def icons(folder, pages):
    """Keep only those of the theme's icons that pages show; the others weigh more than a page.

    Parameters
    ----------
    folder : of a built book.
    pages : text of all its pages.
    """
    theirs = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static"
    style, fonts = "styles/pydata-sphinx-theme.css", "vendor/fontawesome/webfonts"
    shown, drawn = set(re.findall(r"\bfa-[\w-]+", pages)), set()

    def kept(rule):
        if not shown & set(re.findall(r"fa-[\w-]+", rule[1])):
            return ""
        drawn.add(int(rule[2], 16))
        return rule[0]

    text = (theirs / style).read_text()
    text = re.sub(r'((?:\.fa-[\w-]+:+before,?)+)\{content:"\\([0-9a-f]+)"\}', kept, text)
    text = re.sub(
        r'fa-solid-900\.woff2\) format\("woff2"\)', 'fa-solid-900.woff) format("woff")', text
    )
    (folder / "_static" / style).write_text(text)
    font = TTFont(theirs / fonts / "fa-solid-900.ttf")
    some = subset.Subsetter()
    some.populate(unicodes=drawn)
    some.subset(font)
    font.flavor = "woff"
    font.save(folder / "_static" / fonts / "fa-solid-900.woff")


def mend(app, exception):
    """Mend all pages that were written, and make their pictures lighter."""
    if not exception and app.builder.format == "html":
        folder = Path(app.outdir)
        # The one page is there to be printed.
        ending = ".jpg" if app.builder.name == "singlehtml" else ".webp"
        lighter = lighten(folder / "_images", ending)
        pages = {p: mended(p.read_text(), lighter) for p in folder.rglob("*.html")}
        for path, text in pages.items():
            path.write_text(text)
        icons(folder, "".join(pages.values()))


def repository(config):
    """Where the project is published, as "https://host/owner/name", or "".

    It is what _config.yml says under `repository: url`; a build by GitHub knows it by itself.
    """
    given = config.html_theme_options.get("repository_url") or ""
    if "GITHUB_REPOSITORY" in os.environ:
        given = given or "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}".format(**os.environ)
    return given.rstrip("/")


def launch(app, pagename, templatename, context, doctree):
    """Give a chapter buttons that open its notebook on Binder and on Colab.

    Only where the project has an address, and for notebooks that it holds: the page itself comes
    from an executed copy, which it does not hold.
    """
    notebook = f"notebooks/{Path(pagename).name}.ipynb"
    address = repository(app.config)
    if not (address.startswith("https://github.com/") and (Path(app.srcdir) / notebook).is_file()):
        return
    name = address.removeprefix("https://github.com/")
    places = {
        "Binder": f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/{notebook}",
        "Colab": f"https://colab.research.google.com/github/{name}/blob/colab/{notebook}",
        "GitHub": f"{address}/blob/HEAD/{notebook}",
    }
    context["header_buttons"].append(
        {
            "type": "group",
            "label": "launch-buttons",
            "tooltip": "Run or read this notebook elsewhere",
            "icon": "fas fa-rocket",
            "buttons": [
                {"type": "link", "text": place, "tooltip": f"Open on {place}", "url": url,
                 "icon": "fas fa-arrow-up-right-from-square"}
                for place, url in places.items()
            ],
        }
    )  # fmt: skip


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", launch, priority=600)  # the theme's own buttons come first
    app.connect("build-finished", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
