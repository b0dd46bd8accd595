"""The trades history: every fill of ours since somebody began to keep it, and questions to it.

The venue keeps its fills in a ring that its reader drains; this is where they go.
"""

from typing import Any

import numpy as np

from mmjit.arguments import pattern, whole
from mmjit.core.tables import FILL
from mmjit.growing import Log

Array = np.ndarray[Any, Any]


class FillLog(Log):
    """FILL records in the order in which they were appended."""

    def __init__(self) -> None:
        super().__init__(FILL, "mmjit.FILL")

    def find(
        self,
        *,
        owner: int | None = None,
        symbol: int | None = None,
        side: int | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        order_id: int | None = None,
    ) -> Array:
        """The fills of which all of this is true, as FILL of their own, in order.

        Args:
            owner: the account.
            symbol: the symbol's number.
            side: of our order, 0 bought, 1 sold.
            since_ns: at this time or later.
            until_ns: before this time.
            order_id: of our order, from 0 to 2**64 - 1.
        """
        lines = self.lines
        chosen = np.ones(len(lines), np.bool_)
        given = {"owner": owner, "symbol": symbol, "side": side}
        for name, value in given.items():
            if value is not None:
                chosen &= lines[name] == whole(name, value)
        if order_id is not None:
            chosen &= lines["order_id"] == pattern("order_id", order_id)
        if since_ns is not None:
            chosen &= lines["venue_ns"] >= whole("since_ns", since_ns)
        if until_ns is not None:
            chosen &= lines["venue_ns"] < whole("until_ns", until_ns)
        return lines[chosen]
