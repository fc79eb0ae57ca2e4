"""How fast the study's server stores answers, and whether it loses any when it is killed.

Participants answer at once on loopback, each in turn, with a pause between answers. In the middle
the server is killed (SIGKILL) and started again with the same files; whoever got no answer asks
again, as the page does. At the end every answer that was acknowledged must be in the database as
it was sent. Latency is from the sending of an answer to its acknowledgement, without those
requests that the kill cut off; on a busy machine the server's CPU time, without that of its
start, is the better measure. The status is 1 if an answer is lost.

    python benchmarks/serve.py                # 50 participants, 60 answers each
    python benchmarks/serve.py --pause 0      # as fast as they can
"""

import argparse
import asyncio
import json
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
from PIL import Image


def write_design(folder, participants, trials):
    """A design of ratings of one picture; returns its path and the codes."""
    Image.new("RGB", (8, 8)).save(folder / "picture.png")
    codes = [f"participant-{i:03}" for i in range(participants)]
    rate = [{"id": f"t{i}", "kind": "rate_image", "image": "i"} for i in range(trials)]
    block = {"name": "images", "instructions": "", "trials": rate}
    design = {
        **{"format": "m2l-study", "version": 1, "title": "Load", "songs": {}},
        **{"consent": ["Yes?"], "debriefing": ["Thanks."], "images": {"i": {"src": "picture.png"}}},
        "participants": [{"code": code, "blocks": [block]} for code in codes],
    }
    (folder / "design.json").write_text(json.dumps(design))
    return folder / "design.json", codes


def start(design, db, port):
    """The command itself, in a process of its own, once it takes connections."""
    words = ["study", "serve", design, "--db", db, "--port", port]
    process = subprocess.Popen(
        [sys.executable, "-m", "m2l.cli", *map(str, words)], stdout=subprocess.DEVNULL
    )
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process
        except ConnectionRefusedError:
            if process.poll() is not None:
                raise SystemExit("the server did not start") from None
            time.sleep(0.02)


def end(server, how=signal.SIGTERM):
    """Stop a server; seconds of CPU that all servers so far have used."""
    server.send_signal(how)
    server.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def participate(url, code, trials, pause, seed, log):
    """Answer every trial once, asking again until it is acknowledged; into `log`."""
    rng = np.random.default_rng(seed)
    headers = {"Authorization": f"Bearer {code}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:

        async def put(path, body):
            while True:
                before = time.perf_counter()
                try:
                    status = (await client.put(path, json=body)).status_code
                except httpx.TransportError:
                    log["again"] += 1
                    await asyncio.sleep(0.1)
                    continue
                if status >= 300:
                    raise SystemExit(f"{code}: {path}: status {status}")
                return time.perf_counter() - before

        await put("api/consent", {"at": datetime.now(UTC).isoformat()})
        for position in range(1, trials + 1):
            await asyncio.sleep(pause * rng.uniform(0.5, 1.5))
            va = [int(x) for x in rng.integers(1, 10, 2)]
            answer = {"valence": va[0], "arousal": va[1], "ms": 1000}
            answer["at"] = datetime.now(UTC).isoformat()
            log["seconds"].append(await put(f"api/answers/{position}", answer))
            log["acknowledged"][code, position] = va


async def attend(url, codes, options, restart, log):
    """All participants at once; `restart` is called when half of the answers are in."""
    tasks = [
        asyncio.create_task(participate(url, code, options.trials, options.pause, i, log))
        for i, code in enumerate(codes)
    ]
    half = len(codes) * options.trials // 2
    while len(log["acknowledged"]) < half and not any(task.done() for task in tasks):
        await asyncio.sleep(0.005)
    log["killed_after"] = len(log["acknowledged"])
    await asyncio.to_thread(restart)
    await asyncio.gather(*tasks)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--participants", type=int, default=50)
    parser.add_argument("--trials", type=int, default=60, help="answers of each (60)")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between them (0.5)")
    options = parser.parse_args()
    log = {"seconds": [], "acknowledged": {}, "again": 0}
    with tempfile.TemporaryDirectory() as folder:
        design, codes = write_design(Path(folder), options.participants, options.trials)
        db = Path(folder) / "answers.sqlite"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        starting = end(start(design, db, port))
        server = start(design, db, port)

        def restart():
            nonlocal server
            end(server, signal.SIGKILL)
            server = start(design, db, port)

        began = time.perf_counter()
        try:
            asyncio.run(attend(f"http://127.0.0.1:{port}/", codes, options, restart, log))
        finally:
            cpu = end(server) - 3 * starting
        seconds = time.perf_counter() - began
        with sqlite3.connect(db) as connection:
            rows = connection.execute("SELECT participant, position, valence, arousal FROM answers")
            stored = {(code, position): va for code, position, *va in rows}
    lost = sum(stored.get(key) != va for key, va in log["acknowledged"].items())
    ms = 1000 * np.array(log["seconds"])
    print(
        f"{len(codes)} participants, {seconds:.1f} s; killed after {log['killed_after']} answers, "
        f"{log['again']} requests made again\n"
        f"{len(log['acknowledged'])} answers acknowledged, {lost} of them lost; "
        f"{len(stored)} rows\n"
        f"latency in ms: median {np.median(ms):.1f}, 95 % {np.quantile(ms, 0.95):.1f}, "
        f"99 % {np.quantile(ms, 0.99):.1f}, largest {ms.max():.1f}\n"
        f"server: {1000 * cpu / len(ms):.2f} ms of CPU an answer"
    )
    sys.exit(int(lost > 0 or len(stored) != len(codes) * options.trials))


if __name__ == "__main__":
    main()
