"""Look at every built page as its readers do, and say what is wrong with it.

    python book/check.py [FOLDER]      `make check` does this with _build/html

Conventions
-----------
First the files are read: links between pages lead somewhere, images have a text, nothing is loaded
from elsewhere. Then a browser opens each page, as wide as a phone and as a laptop, in light and in
dark: nothing fails to load, nothing complains, nothing is wider than the screen, nothing is lost in
parsing, and axe finds no serious barrier. A finding is one line of text.
"""

from __future__ import annotations

import re
import sys
from functools import partial
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import click
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent))
import browser

from m2l.errors import InputError

AXE = Path(__file__).parent.parent / "web/node_modules/axe-core/axe.min.js"
WIDTHS = {"phone": 390, "laptop": 1280}
SCHEMES = ("light", "dark")
HEAVIEST = 5_000_000  # bytes of a page with all that it loads
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
         "track", "wbr"}  # fmt: skip
_LOADS = {"script": "src", "img": "src", "audio": "src", "video": "src", "source": "src",
          "iframe": "src", "embed": "src", "object": "data", "link": "href"}  # fmt: skip
_NO_LOAD = {"author", "canonical", "index", "next", "prev", "search"}  # of a <link>
_FILE_NAME = re.compile(r"\.(png|jpe?g|gif|svg|webp)$|^[0-9a-f]{16,}$", re.I)

# The elements as the browser reads them. Where the nesting is wrong, it silently mends, moves or
# drops some, and the list differs from the one in the file.
_TREE = """source => {
  const tree = [];
  const walk = (node, depth) => {
    for (const child of node.children) {
      tree.push([depth, child.localName.toLowerCase()]);
      walk(child, depth + 1);
    }
  };
  walk(new DOMParser().parseFromString(source, "text/html"), 0);
  return tree;
}"""

# What reaches beyond the right edge and is not inside something that scrolls by itself.
_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= width) return [];
  const scrolls = node => node && node !== document.body
    && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  return [...document.body.querySelectorAll("*")]
    .filter(node => node.getBoundingClientRect().right > width + 1 && !scrolls(node.parentElement))
    .slice(0, 3).map(node => node.localName + "." + node.className);
}"""

_AXE = """async () => (await axe.run({
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    resultTypes: ["violations"],
  })).violations.filter(({impact}) => impact === "serious" || impact === "critical")
  .map(({id, help, nodes}) => `${id}: ${help} (${nodes.length}, first ${nodes[0].target})`)
"""


class Source(HTMLParser):
    """What the file of a page says.

    Attributes
    ----------
    ids : list of str
    links, loads : list of str, where readers can go; what is loaded with the page.
    images : list of (src, alt or None)
    tree : list of (depth, tag), every element as it was written.
    moved : bool, it only sends its readers to another page.
    """

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.images, self.tree = [], [], [], [], []
        self.moved = False
        self._open = []
        self.feed(text)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tree.append([len(self._open), tag])
        if tag not in _VOID:
            self._open.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag == "meta" and attrs.get("http-equiv") == "Refresh":
            self.moved = True
            self.links.append(attrs["content"].split("url=")[1])
        url = attrs.get(_LOADS.get(tag))
        if url and not (tag == "link" and set(attrs["rel"].split()) <= _NO_LOAD):
            self.loads.append(url)
        if tag == "img" and attrs.get("aria-hidden") != "true":
            self.images.append((attrs.get("src", ""), attrs.get("alt")))

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass


def read(folder):
    """The pages of a built book, dict of path in it to `Source`.

    Raises
    ------
    InputError
        There is no page.
    """
    pages = {
        path.relative_to(folder).as_posix(): Source(path.read_text())
        for path in sorted(Path(folder).rglob("*.html"))
        if "_static" not in path.parts  # templates of the theme
    }
    if not pages:
        raise InputError(f"{folder}: no pages there; 'make book' builds them")
    return pages


def files(folder, pages):
    """Findings about the files, without a browser: (page, text) one after the other."""
    base = "http://book/"
    for name, page in pages.items():
        for twice in sorted({i for i in page.ids if page.ids.count(i) > 1}):
            yield name, f"two elements have the id {twice}"
        for src, alt in page.images:
            if not (alt or "").strip():
                yield name, f"image without a text for those who cannot see it: {src[:80]}"
            elif _FILE_NAME.search(alt) or alt in src:
                yield name, f"the text of an image is the name of its file: {alt}"
        for url in page.loads:
            if urlsplit(url).netloc:
                yield name, f"loaded from elsewhere: {url[:80]}"
        for url in page.links + page.loads:
            target, anchor = urldefrag(urljoin(base + name, url))
            if not target.startswith(base):
                continue
            target = unquote(urlsplit(target).path[1:])
            if not (Path(folder) / target).is_file():
                yield name, f"leads nowhere: {url}"
            elif anchor and target in pages and unquote(anchor) not in pages[target].ids:
                yield name, f"no such place on that page: {url}"
    for path in sorted(Path(folder).rglob("*.css")):
        for url in re.findall(r"url\(\s*[\"']?((?:https?:)?//[^\"')]+)", path.read_text()):
            yield path.relative_to(folder).as_posix(), f"loaded from elsewhere: {url}"


def look(window, base, name, source, axe=None):
    """Findings of a browser about one page, set of text.

    Parameters
    ----------
    window : playwright BrowserContext
    base : the address of the served folder.
    name : path of the page in it.
    source : its `Source`.
    axe : text of the axe-core script, optional.
    """
    found, weights = set(), {}
    page = window.new_page()

    def asked(request):
        if not request.url.startswith((base + "/", "data:", "blob:")):
            found.add(f"asks a third party: {request.url[:80]}")

    def answered(response):
        weights[response.url] = int(response.headers.get("content-length", 0))
        if response.status >= 400:
            found.add(f"not there: {response.url.removeprefix(base)}")

    page.on("request", asked)
    page.on("response", answered)
    page.on("requestfailed", lambda r: found.add(f"failed to load: {r.url.removeprefix(base)}"))
    page.on("pageerror", lambda error: found.add(f"error in a script: {str(error)[:120]}"))
    page.on(
        "console",
        lambda m: m.type == "error" and found.add(f"error in the console: {m.text[:120]}"),
    )
    try:
        for device, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(f"{base}/{name}", wait_until="load")
            page.evaluate("async () => { await window.MathJax?.startup?.promise }")
            if axe:
                page.evaluate(axe)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                view = f"[{device}, {scheme}]"
                if wide := page.evaluate(_WIDE):
                    found.add(f"wider than the screen: {', '.join(wide)} {view}")
                if axe:
                    found |= {f"{text} {view}" for text in page.evaluate(_AXE)}
        if sum(weights.values()) > HEAVIEST:
            most = sorted(weights, key=weights.get)[:-4:-1]
            parts = (f"{url.rsplit('/')[-1][:40]} {weights[url] / 1e6:.1f}" for url in most)
            found.add(f"weighs {sum(weights.values()) / 1e6:.1f} MB ({', '.join(parts)})")
        kept = page.evaluate(_TREE, page.request.get(f"{base}/{name}").text())
    finally:
        page.close()
    for i, (was, now) in enumerate(zip_longest(source.tree, kept)):
        if was != now:
            around = " ".join(tag for _, tag in source.tree[max(0, i - 4) : i])
            found.add(f"read otherwise than written: after {around}, {was} became {now}")
            break
    return found


@click.command()
@click.argument("folder", default="_build/html", type=click.Path(path_type=Path))
@click.option("--only", help="Pages whose path contains this.")
def main(folder, only):
    """Check the pages of a built book, in FOLDER."""
    try:
        pages = read(folder)
        if not AXE.is_file():
            raise InputError(f"{AXE}: not there; 'npm ci --prefix web' installs it")
        chosen = [n for n, page in pages.items() if not page.moved and (not only or only in n)]
        found = [(name, text) for name, text in files(folder, pages) if name in chosen or not only]
        with browser.serve(folder) as base, browser.chromium() as chromium:
            window = chromium.new_context(reduced_motion="reduce")
            see = partial(look, window, base, axe=AXE.read_text())
            for name in tqdm(chosen, unit="page", disable=None):
                found += [(name, text) for text in sorted(see(name, pages[name]))]
    except InputError as error:
        raise click.ClickException(str(error)) from error
    for name, text in found:
        print(f"{name}: {text}")
    print(f"{len(chosen)} pages, {len(WIDTHS) * len(SCHEMES)} views of each, {len(found)} findings")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
