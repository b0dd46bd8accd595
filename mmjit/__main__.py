"""The command `mmjit`, as a process of its own; `python -m mmjit` is the same.

What a command imports is 120,000 objects that stay until it ends. To look through them for garbage,
as they came and once more at the end, took 0.4 s of a command.
"""

import gc
import sys
from typing import Final

from mmjit.cli import main

_OBJECTS: Final = 100_000  # new ones, before garbage is looked for


def command() -> int:
    """Run the command of this process; returns its exit code."""
    gc.set_threshold(_OBJECTS)
    try:
        return main()
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(command())
