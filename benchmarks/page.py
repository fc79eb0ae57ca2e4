"""How fast the page "Play with it" starts, follows a hand on its plane, and finishes its picture.

A headless browser opens the built book, starts the generator and drags over the plane along
straight lines, of two seconds each, with an event at every frame. What is painted meanwhile is
counted, at half its side or whole, and once a line has ended, the times from the last event, as the
browser stamps it, to the whole picture and to its detail on the canvas are taken.

    make book && python benchmarks/page.py
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "book"))
import browser as browsers  # noqa: E402

SECONDS, FRAME = 2.0, 0.016  # of a line, and between events
LISTEN = """() => {
  window.painted = [];
  document.querySelector('.player').addEventListener('painted', ({ detail, timeStamp }) =>
    window.painted.push([timeStamp, detail.ms, detail.side]));
}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--html", type=Path, default=ROOT / "_build/html", help="the built book")
    options = parser.parse_args()
    rng, rates, wholes, first, after, detail = np.random.default_rng(0), [], [], [], [], []
    with browsers.serve(options.html) as address, browsers.chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/book/play.html", wait_until="networkidle")
        page.evaluate(LISTEN)
        begin = time.perf_counter()
        page.click(".player-start")
        page.wait_for_selector(".player[data-state=running]", timeout=120_000)
        seconds = time.perf_counter() - begin
        facts = page.evaluate("fetch('../_static/play/generator.json').then((x) => x.json())")
        whole = facts["sides"][1]
        page.wait_for_timeout(500)
        box = page.locator(".player-plane").bounding_box()

        def move(x, y):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

        move(*rng.uniform(0.05, 0.95, 2))
        page.mouse.down()
        for a, b in rng.uniform(0.05, 0.95, (options.lines, 2, 2)):
            page.wait_for_selector(".player[aria-busy=false]")
            page.evaluate("window.painted.length = 0")
            begin = time.perf_counter()
            while (gone := (time.perf_counter() - begin) / SECONDS) < 1:
                move(*(a + (b - a) * gone))
                time.sleep(FRAME)
            page.wait_for_timeout(50)
            page.wait_for_selector(".player[aria-busy=false]")
            painted = np.array(page.evaluate("window.painted"))
            fine = painted[:, 2] > whole
            detail += list(painted[fine, 1])
            stamps, ms, sides = painted[~fine].T
            rates.append((len(ms) - 1) / (stamps[-1] - stamps[0]) * 1000)
            wholes.append(np.mean(sides == sides[-1]))
            first += list(ms[:-1])
            after.append(ms[-1])
        page.mouse.up()
        threads = page.evaluate("crossOriginIsolated")
        name = f"{browser.browser_type.name} {browser.version}"

    def spread(values, form):
        low, middle, high = (format(np.quantile(values, q), form) for q in (0.05, 0.5, 0.95))
        return f"median {middle}, 90 % from {low} to {high}"

    print(f"start      {seconds:.1f} s from press to first picture, from this machine's disk")
    print(
        f"dragging   {spread(rates, '.1f')} pictures a second, {np.mean(wholes):.0%} of them whole"
    )
    print(f"           {spread(first, '.0f')} ms from an event to its picture")
    print(f"at rest    {spread(after, '.0f')} ms from the last event to the whole picture")
    if detail:
        print(f"           {spread(detail, '.0f')} ms to its detail")
    print(f"           {options.lines} lines, {name}, {'threads' if threads else 'one thread'}")


if __name__ == "__main__":
    main()
