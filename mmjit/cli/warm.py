"""`mmjit warm`: compile every public kernel now, so that no later command waits for it."""

import argparse
from typing import Any

from mmjit.cli import add_common, print_json


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `mmjit`."""
    parser = subparsers.add_parser(
        "warm",
        help="compile every kernel now",
        description=(
            "Compile every public kernel and keep the code on disk, where later processes find it. "
            "Code is kept by version, CPU and settings (such as MMJIT_CHECKED=1), in "
            "MMJIT_CACHE_DIR or the user's cache folder."
        ),
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compile what is not there yet, and say what that was."""
    from mmjit.warming import warm

    done = warm()
    if args.json:
        print_json(
            {
                "compiled": done.compiled,
                "cached": done.cached,
                "seconds": done.seconds,
                "folder": str(done.folder),
            }
        )
    else:
        print(
            f"{done.compiled} kernels compiled, {done.cached} were cached, "
            f"{done.seconds:.1f} s; kept in {done.folder}"
        )
    return 0
