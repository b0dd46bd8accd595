"""What the log takes of a run: with it and without it, alternating, each in a process of its own.

Users cannot switch it off; versus_unlogged.py does, for this alone.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
from pathlib import Path

from replay import spread
from versus_markets import Market, market
from versus_runs import Ours, Terms, Took, Worker

from mmjit.core.cache import cache_folder

HERE = Path(__file__).resolve().parent
SHARE_MAX = 0.10


def log_shares(one: Market, options: argparse.Namespace, found: dict[str, list[float]]) -> bool:
    """Print what share of a run the log takes; whether that is at most the goal."""
    terms = Terms(options.rule == "keep", options.lots)
    said = [one.name, str(options.data), str(one.generated_rows), json.dumps(terms)]
    apart = cache_folder() / f"unlogged-{text_digest()}"
    logged = Worker([sys.executable, "-c", "import versus_log; versus_log.serve()", *said], **at())
    bare = Worker(
        [sys.executable, "-c", "import versus_unlogged, versus_log; versus_log.serve()", *said],
        **at(MMJIT_CACHE_DIR=str(apart)),
    )
    answers = [worker.ask(do="result") for worker in (logged, bare)]
    if answers[0]["position"] != answers[1]["position"] or answers[1]["lines"] != 0:
        sys.exit(f"{one.name}: without its log mmjit is another: {answers}")
    took: dict[str, list[Took]] = {"logged": [], "unlogged": []}
    for turn in range(options.pairs + 1):
        pairs = [("logged", logged), ("unlogged", bare)]
        for name, worker in pairs if turn % 2 else pairs[::-1]:
            took[name].append(worker.time())
    logged.close()
    bare.close()
    print(f"{one.name}  the log: {answers[0]['lines']:,} lines")
    for name, values in took.items():
        found[f"{one.name} {name} cpu"] = [value.cpu for value in values[1:]]
    paired = zip(*(found[f"{one.name} {name} cpu"] for name in took), strict=True)
    shares = [(whole - bare_s) / whole for whole, bare_s in paired]
    print(
        f"  share of a run  {spread([100 * share for share in shares])} % of paired runs; "
        f"goal: {SHARE_MAX:.0%}"
    )
    return statistics.median(shares) <= SHARE_MAX


def at(**more: str) -> dict[str, object]:
    """The environment of a process that finds this folder."""
    search = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
    return {"env": os.environ | {"PYTHONPATH": search} | more}


def text_digest() -> str:
    """Of what is done to mmjit: kernels are kept by it."""
    return hashlib.blake2b((HERE / "versus_unlogged.py").read_bytes(), digest_size=6).hexdigest()


def serve() -> None:
    """Run mmjit on a market, as often as is asked for; `sys.argv` says which."""
    name, folder, rows, terms = sys.argv[1:]
    one = market(name, Path(folder), int(rows))
    assert one is not None
    ours = Ours(one, Terms(*json.loads(terms)))
    for line in sys.stdin:
        if json.loads(line)["do"] == "time":
            answer = ours.time()._asdict()
        else:
            _, result = ours.run()
            lines = len(result.fills) + len(result.steps)
            answer = {"position": result.summary()["position"], "lines": lines}
        print(json.dumps(answer), flush=True)
