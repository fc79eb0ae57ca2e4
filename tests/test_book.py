"""What makes the pages fit to be published: the mended theme, the check, the print, Colab.

The browser's part is skipped where there is none.
"""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image
from scipy.ndimage import gaussian_filter

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
import browser as browsers  # noqa: E402
import check  # noqa: E402
import colab  # noqa: E402
import pdf  # noqa: E402
import theme  # noqa: E402

from m2l import results  # noqa: E402
from m2l.errors import InputError  # noqa: E402

PAGE = """<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<title>A page</title><link rel="icon" href="data:,">{head}</head>
<body><main><h1 id="top">A page</h1>{body}</main></body></html>"""


def book(folder, body="", head="", **others):
    (folder / "page.html").write_text(PAGE.format(head=head, body=body))
    for name, text in others.items():
        (folder / f"{name}.html").write_text(PAGE.format(head="", body=text))
    return check.read(folder)


def found(folder, *body, **others):
    pages = book(folder, *body, **others)
    return [text for _, text in check.files(folder, pages)]


# The files


def test_a_sound_page_has_no_finding(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    body = '<p><img src="a.png" alt="A hill"> <a href="other.html#there">x</a> <a href="#top">y</a>'
    assert found(tmp_path, body + "</p>", other='<p id="there"></p>') == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<a href="gone.html">x</a>', "leads nowhere: gone.html"),
        ('<a href="#gone">x</a>', "no such place on that page: #gone"),
        ('<a href="other.html#gone">x</a>', "no such place on that page: other.html#gone"),
        ('<img src="data:,">', "image without a text"),
        ('<img src="data:," alt=" ">', "image without a text"),
        ('<img src="a.png" alt="_images/a.png">', "is the name of its file"),
        ('<script src="https://example.org/x.js"></script>', "loaded from elsewhere"),
        ('<img src="//example.org/x.png" alt="A hill">', "loaded from elsewhere"),
        ('<link rel="stylesheet" href="https://example.org/x.css">', "loaded from elsewhere"),
        ('<p id="top"></p>', "two elements have the id top"),
    ],
)
def test_what_is_wrong_in_a_file_is_found(tmp_path, body, words):
    (tmp_path / "a.png").write_bytes(b"")
    (finding,) = found(tmp_path, body, other="")
    assert words in finding


def test_links_to_other_sites_are_no_loading(tmp_path):
    assert found(tmp_path, '<a href="https://example.org/gone">x</a>') == []


def test_a_stylesheet_that_asks_another_site_is_found(tmp_path):
    (tmp_path / "a.css").write_text("p { background: url(https://example.org/x.png) }")
    assert found(tmp_path) == ["loaded from elsewhere: https://example.org/x.png"]


def test_a_page_that_only_sends_on_is_a_link(tmp_path):
    book(tmp_path)
    (tmp_path / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=gone.html" />')
    pages = check.read(tmp_path)
    assert pages["index.html"].moved and not pages["page.html"].moved
    assert list(check.files(tmp_path, pages)) == [("index.html", "leads nowhere: gone.html")]


def test_a_folder_without_pages_is_said(tmp_path):
    with pytest.raises(InputError, match="make book"):
        check.read(tmp_path)


# The browser


@pytest.fixture(scope="module")
def window():
    try:
        browsers.executable()
    except InputError as error:
        pytest.skip(str(error))
    with browsers.chromium() as chromium:
        yield chromium.new_context()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p>All is well.</p>", None),
        ("<p>A <div>block</div> in a paragraph</p>", "read otherwise than written"),
        ("<table><tr><td>a</td></tr><b>b</b></table>", "read otherwise than written"),
        ("<script>throw new Error('no')</script>", "error in a script: no"),
        ("<script>console.error('no')</script>", "error in the console: no"),
        ("<img src='gone.png' alt='A hill'>", "not there: /gone.png"),
        ("<img src='http://example.org/x.png' alt='A hill'>", "asks a third party"),
        ("<p style='width: 500px'>Wide</p>", "wider than the screen: p. [phone, dark]"),
        ("<p style='width: 500px; overflow: auto'>x</p>", "wider than the screen"),
        ("<div style='overflow: auto'><p style='width: 500px'>x</p></div>", None),
        ("<script>/*" + "x" * 5_100_000 + "*/</script>", "weighs 5.1 MB"),
    ],
)
def test_what_a_reader_would_trip_over_is_found(tmp_path, window, body, words):
    pages = book(tmp_path, body)
    with browsers.serve(tmp_path) as base:
        findings = check.look(window, base, "page.html", pages["page.html"])
    if words is None:
        assert findings == set()
    else:
        assert any(words in text for text in findings), findings


def test_a_barrier_is_found_in_the_view_that_has_it(tmp_path, window):
    if not check.AXE.is_file():
        pytest.skip("axe-core is not installed (npm ci --prefix web)")
    dim = "@media (prefers-color-scheme: dark) { p { color: #eee; background: #fff } }"
    pages = book(tmp_path, "<p>Hard to read</p>", head=f"<style>{dim}</style>")
    with browsers.serve(tmp_path) as base:
        findings = check.look(window, base, "page.html", pages["page.html"], check.AXE.read_text())
    assert len(findings) == 2 and all("color-contrast" in text for text in findings)
    assert {text[-13:] for text in findings} == {"[phone, dark]", "laptop, dark]"}


def test_the_pages_of_headings_are_read_off_a_print(window):
    page = window.new_page()
    heading = '<h2 id="heading-{}" style="break-before: page">A heading</h2>'
    links = "".join(f'<a href="#heading-0-{i}">x</a>' for i in range(20))
    page.set_content(links + "".join(heading.format(f"0-{i}") for i in range(20)))
    assert pdf.pages(page.pdf()) == {f"heading-0-{i}": i + 2 for i in range(20)}
    page.close()


def test_printing_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="make pdf"):
        pdf.write(tmp_path, tmp_path / "report.pdf")


# The theme


def test_the_pages_are_mended():
    page = (
        '<summary aria-label="Toggle hidden content">\n<p>Show</p></summary>'
        '\n  <script defer src="../_static/scripts/fontawesome.js?digest=1"></script>'
        '\n<script>const THEBE_JS_URL = "https://example.org/x.js"</script>'
        '\n<script async="async" src="../_static/sphinx-thebe.js?v=1"></script>'
        "\n<script>kept()</script>"
    )
    once = theme.mended(page)
    assert once == "<summary>\n<p>Show</p></summary>\n<script>kept()</script>"
    assert theme.mended(once) == once


def test_a_page_without_an_equation_loads_no_mathjax():
    script = (
        '<script>window.MathJax = {}</script><script defer="defer" src="mathjax/x.js"></script>'
    )
    assert theme.mended(f"<p>Text</p>{script}") == "<p>Text</p>"
    equation = f'<span class="math">x</span>{script}'
    assert theme.mended(equation) == equation


@pytest.mark.parametrize("ending", [".webp", ".jpg"])
def test_pictures_become_lighter_and_pages_follow(tmp_path, ending):
    rng = np.random.default_rng(0)
    rgb = gaussian_filter(rng.uniform(0, 255, (400, 400, 3)), (3, 3, 0))
    alpha = np.where(np.arange(400) < 200, 0, 255)[:, None, None].repeat(400, 1)
    photo = np.concatenate([rgb, alpha], -1).astype(np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo-1.png")
    Image.fromarray(rng.random((1200, 1200)) < 0.5).save(tmp_path / "dots.png")  # a bit each
    Image.fromarray(photo[:9, :9]).save(tmp_path / "chart.png")
    before = (tmp_path / "photo-1.png").stat().st_size

    made = theme.lighten(tmp_path, ending)
    assert made == [f"photo-1{ending}"]
    assert {p.name for p in tmp_path.iterdir()} == {"chart.png", "dots.png", *made}
    assert (tmp_path / made[0]).stat().st_size < before / 2
    with Image.open(tmp_path / made[0]) as image:
        corner, opposite = np.array(image.convert("RGBA"))[[0, -1], [0, -1]]
    assert corner[3] == (0 if ending == ".webp" else 255) and opposite[3] == 255
    if ending == ".jpg":
        assert corner[:3].min() > 250
    page = '<img src="../_images/photo-1.png"><img src="../_images/chart.png"><p>photo-1.png</p>'
    assert theme.mended(page, made) == page.replace(
        "_images/photo-1.png", f"_images/photo-1{ending}"
    )


def test_only_the_icons_that_pages_show_are_kept(tmp_path):
    style = tmp_path / "_static/styles/pydata-sphinx-theme.css"
    font = tmp_path / "_static/vendor/fontawesome/webfonts/fa-solid-900.woff"
    for file in (style, font):
        file.parent.mkdir(parents=True)
    theme.icons(tmp_path, '<i class="fa-solid fa-moon">')
    text = style.read_text()
    assert ".fa-moon:before" in text and ".fa-sun:before" not in text
    assert "fa-solid-900.woff)" in text and "fa-solid-900.woff2)" not in text
    (code,) = re.findall(r'\.fa-moon:before\{content:"\\([0-9a-f]+)"', text)
    assert set(TTFont(font).getBestCmap()) == {int(code, 16)}


def context_of(page, address, monkeypatch, **environment):
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = SimpleNamespace(html_theme_options={"repository_url": address})
    app = SimpleNamespace(config=config, srcdir=ROOT)
    context = {"header_buttons": []}
    theme.launch(app, page, "page.html", context, None)
    return context["header_buttons"]


def test_a_chapter_links_to_notebooks_that_exist(monkeypatch):
    (group,) = context_of("book/executed/02_forest", "https://github.com/a/b", monkeypatch)
    urls = [button["url"] for button in group["buttons"]]
    assert all("/a/b/" in url and url.endswith("notebooks/02_forest.ipynb") for url in urls)
    assert (ROOT / "notebooks/02_forest.ipynb").is_file()


def test_without_an_address_or_a_notebook_there_is_no_link(monkeypatch):
    assert context_of("book/executed/02_forest", "", monkeypatch) == []
    assert context_of("book/approach", "https://github.com/a/b", monkeypatch) == []


def test_builds_by_github_know_their_address(monkeypatch):
    known = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "c/d"}
    (group,) = context_of("book/executed/03_gan", "", monkeypatch, **known)
    assert group["buttons"][0]["url"].startswith("https://mybinder.org/v2/gh/c/d/")


# Colab


def test_colab_gets_the_notebooks_with_a_cell_that_fetches_the_rest(tmp_path):
    colab.main("https://example.org/a/b", "abc123", tmp_path)
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.ipynb")}
    kept = {path.name: json.loads(path.read_text()) for path in colab.NOTEBOOKS.glob("*.ipynb")}
    assert written.keys() == kept.keys() != set()
    for name, notebook in written.items():
        assert notebook["cells"][1:] == kept[name]["cells"]
        first = "".join(notebook["cells"][0]["source"])
        assert "git clone --quiet https://example.org/a/b" in first and "abc123" in first


# Numbers of results


def build(folder, text):
    """Build a book of a page and a notebook that both hold a text, with warnings as errors."""
    from sphinx.cmd.build import main

    picture = {"data": {"image/svg+xml": "<svg/>"}, "metadata": {}, "output_type": "display_data"}
    cells = [{"cell_type": "markdown", "metadata": {}, "source": ["# Notebook\n", "\n", text]}]
    for code in ("r = results.load('forest')", "x = [r['a'] for i in r]\nplot(x)", "r = 1\nr"):
        cells.append(
            {
                "cell_type": "code",
                "metadata": {"mystnb": {"figure": {"caption": "A figure."}}},
                "source": [code],
                "outputs": [picture] * code.endswith(("(x)", "r")),
                "execution_count": 1,
            }
        )
    metadata = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    page = f"# Page\n\n{text}\n\n```{{toctree}}\nbook\n```\n"
    (folder / "index.md").write_text(page + "\n(tab-provenance-results)=\n## Results\n")
    (folder / "book.ipynb").write_text(json.dumps(notebook))
    options = "extensions=myst_nb,result", "nb_execution_mode=off", "html_theme=basic"
    options += ("exclude_patterns=jupyter_execute", "html_sourcelink_suffix=")
    status = main(
        [str(folder), str(folder / "html"), "-C", "-W", "--keep-going", "-q", "-E"]
        + [word for option in options for word in ("-D", option)]
    )
    return status, [(folder / "html" / f"{name}.html").read_text() for name in ("index", "book")]


def test_a_number_is_read_from_its_result(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("M2L_RESULTS", str(tmp_path))
    (tmp_path / "forest.json").write_text('{"tuned forest": {"r2": 0.614}}')
    said = "R² was {result}`forest:tuned forest.r2:.0%`.\n\n"
    said += "```{list-table} A table.\n* - {result}`forest:tuned forest.r2`\n```"
    status, pages = build(tmp_path, said)
    assert status == 0 and all('R² was <span class="result">61\u00a0%</span>.' in p for p in pages)
    # And a figure says what it was drawn from.
    origins = re.findall(r'A figure. <span class="origin">(.*?)</span><a class="header', pages[1])
    assert [re.sub("<.*?>", "", text) for text in origins] == [
        "From results/forest, by this notebook.",
        "Made on this page, by this notebook.",
    ]
    assert 'href="index.html#tab-provenance-results"' in origins[0]
    assert (tmp_path / "html" / re.search('href="(_sources.*?)"', origins[0])[1]).is_file()
    assert all('A table. <span class="origin">From <a ' in page for page in pages)
    status, _ = build(tmp_path, "R² was {result}`forest:tuned.r2`.")
    assert status == 1
    assert capsys.readouterr().err.count("no 'tuned' in forest; there is tuned forest") == 2


def test_all_numbers_of_the_book_are_there():
    sources = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.py")]
    found = [r for path in sources for r in re.findall(r"\{result\}`([^`]*)`", path.read_text())]
    assert found and all(results.quote(reference) for reference in found)


def test_every_figure_and_table_is_cited():
    sources = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    named = re.findall(r'(?:^(?:# )?:name: |"name": "|name=")((?:fig|tab)-[\w-]+)', text, re.M)
    cited = re.findall(r"\{numref\}`(?:[^`]*<)?((?:fig|tab)-[\w-]+)", text)
    assert named and set(named) <= set(cited)
    assert not re.search(
        r"^(?:# )?[`:]{3,}\{(?:list-table|figure)\}(?!.*\n(?:# )?:name:)", text, re.M
    )
