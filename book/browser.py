"""A headless browser for the built pages, and a server on this machine alone to give them to it."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from m2l.errors import InputError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# It starts without a first-run page, and reaches nobody on the network.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def executable():
    """The path of Chromium or Chrome: $CHROME, or the first that is installed.

    Raises
    ------
    InputError
        There is none.
    """
    for name in (os.environ.get("CHROME"), *_NAMES):
        if name and (path := shutil.which(name)):
            return path
    raise InputError(
        "no Chromium or Chrome found: install one (Debian: apt-get install chromium), "
        "or set CHROME to its path"
    )


@contextmanager
def chromium(options=()):
    """A running headless browser, a `playwright.sync_api.Browser`, with more options."""
    from playwright.sync_api import sync_playwright

    path = executable()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=[*_OPTIONS, *options])
        try:
            yield browser
        finally:
            browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_):  # a browser that closes a page hangs up in mid-answer
        pass


@contextmanager
def serve(folder):
    """Serve a folder on a free port of the loopback address; gives "http://127.0.0.1:PORT"."""
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
