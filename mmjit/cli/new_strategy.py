"""`mmjit new-strategy FILE`: a rule to begin with, commented, that runs as it is."""

import argparse
from pathlib import Path
from typing import Any, Final

from mmjit.cli import add_common, print_json

TEMPLATE: Final = '''"""{name}: one quote a side around a fair price, against the position."""

from mmjit import (
    ASK,
    BID,
    best,
    is_two_sided,
    mid_twice,
    now_ns,
    parameters,
    passive,
    position,
    strategy,
    tick_at,
    want,
)

# A rule has parameters: an int makes an int64, a float a float64. `mmjit strategies {file}:{name}`
# shows them with these comments; `--param half_ticks=2.5` or params={{"half_ticks": 2.5}} sets one.
PARAMS = parameters(
    half_ticks=1.0,  # from the fair price to each quote, ticks
    skew_ticks=0.5,  # both quotes move this far against us for each `qty_lots` that we hold
    half_life_s=5.0,  # of the average of the mid that is the fair price, seconds
    qty_lots=100,  # of each quote, lots
)
# ... and a memory, one record a symbol, zero at first; an array is ("ring", "f8", (64,)).
MEMORY = [("seen_ns", "i8"), ("fair", "f8")]


@strategy(params=PARAMS, memory=MEMORY)
def {name}(desk, params, memory, quotes):
    """Want one quote a side around an average of the mid."""
    if not is_two_sided(desk):
        return  # what is not wanted is cancelled: so nothing rests in half a market

    # What there is: best(desk, BID), qty_at_best, mid_twice, position, queue_ahead, own_lots,
    # now_ns, ... and every array of `desk`, to be read only.
    mid = mid_twice(desk) / 2  # twice, so that it is whole; price units
    elapsed_s = (now_ns(desk) - memory["seen_ns"]) * 1e-9
    kept = 0.5 ** (elapsed_s / params["half_life_s"]) if memory["seen_ns"] > 0 else 0.0
    memory["fair"] = kept * memory["fair"] + (1.0 - kept) * mid
    memory["seen_ns"] = now_ns(desk)

    tick = tick_at(desk, best(desk, BID))
    held = position(desk) / params["qty_lots"]
    fair = memory["fair"] - held * params["skew_ticks"] * tick
    half = params["half_ticks"] * tick

    # Wants are whole price units and lots. `passive` rounds away from the market and never takes.
    want(quotes, BID, 0, passive(desk, BID, fair - half), params["qty_lots"])
    want(quotes, ASK, 0, passive(desk, ASK, fair + half), params["qty_lots"])
'''


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "new-strategy",
        help="write a rule to begin with",
        description="Writes a commented rule that runs as it is: mmjit backtest TAPE --strategy "
        "FILE.py:NAME, where NAME is that of the file.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.py")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file, which must not be there."""
    from mmjit.errors import ArgumentError

    file, name = arguments.file, arguments.file.stem
    if file.suffix != ".py" or not name.isidentifier():
        raise ArgumentError(f"file: {file} is no name of a module; give one such as maker.py")
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(TEMPLATE.format(name=name, file=file.name))
    except FileExistsError:
        raise ArgumentError(f"file: {file} is there already; give another name") from None
    if arguments.json:
        print_json({"file": str(file), "strategy": f"{file}:{name}"})
        return 0
    print(f"{file} is written; run it with\n  mmjit backtest TAPE --strategy {file}:{name}")
    return 0
