"""A progress bar of a few lines, shown once work has taken two seconds."""

import sys
import time
from typing import Final

_PATIENCE_S: Final = 2.0
_EVERY_S: Final = 0.1
_WIDTH: Final = 30


class Progress:
    """Counts work towards a total and shows it on a terminal.

    Args:
        label: what is being done.
        total: how much there is, in any unit; 0 when that is not known.
        enabled: None shows it where standard error is a terminal.
    """

    def __init__(self, label: str, total: int, enabled: bool | None = None) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._began_s = self._shown_s = time.monotonic()
        self._enabled = sys.stderr.isatty() if enabled is None else enabled
        self._visible = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def advance(self, amount: int) -> None:
        """Note that some more is done."""
        self._done += amount
        now_s = time.monotonic()
        if not self._enabled or now_s - self._shown_s < _EVERY_S:
            return
        if now_s - self._began_s < _PATIENCE_S:
            return
        self._shown_s = now_s
        self._visible = True
        sys.stderr.write("\r\x1b[K" + self.line(now_s - self._began_s))
        sys.stderr.flush()

    def line(self, elapsed_s: float) -> str:
        """The bar as text."""
        if self._total <= 0:
            return f"{self._label}  {self._done:,}  {elapsed_s:.0f} s"
        share = min(1.0, self._done / self._total)
        filled = int(share * _WIDTH)
        left_s = elapsed_s * (1 - share) / share if share else 0.0
        bar = "#" * filled + "." * (_WIDTH - filled)
        return f"{self._label}  [{bar}] {share:4.0%}  {left_s:.0f} s left"
