"""How long the page "Play with it" takes to start, and to answer a hand on its plane.

A headless browser opens the built book, starts the generator and drags over the plane. An answer
is timed from the event, as the browser stamps it, to the picture drawn on the canvas.

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--moves", type=int, default=200)
    options = parser.parse_args()
    html = ROOT / "_build/html"
    with browsers.serve(html) as address, browsers.chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/book/play.html", wait_until="networkidle")
        page.evaluate(
            "() => { window.ms = []; document.querySelector('.player')"
            ".addEventListener('painted', (event) => window.ms.push(event.detail)) }"
        )
        begin = time.perf_counter()
        page.click(".player-start")
        page.wait_for_selector(".player[data-state=running]", timeout=120_000)
        seconds = time.perf_counter() - begin
        page.wait_for_timeout(500)
        page.evaluate("window.ms.length = 0")
        box = page.locator(".player-plane").bounding_box()
        rng = np.random.default_rng(0)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        for x, y in rng.uniform(0.05, 0.95, (options.moves, 2)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            page.wait_for_timeout(60)
        page.mouse.up()
        ms = np.array(page.evaluate("window.ms"))
        browser_name = f"{browser.browser_type.name} {browser.version}"
    print(f"start          {seconds:.1f} s from press to first picture, from this machine's disk")
    print(
        f"answer         median {np.median(ms):.0f} ms, 95 % within {np.quantile(ms, 0.95):.0f} ms"
    )
    print(f"               {len(ms)} pictures, {browser_name}")


if __name__ == "__main__":
    main()
