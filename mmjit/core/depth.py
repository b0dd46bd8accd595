"""The best levels of one symbol after every source message: what people train models on."""

from mmjit.core.codes import Flag, Kind
from mmjit.core.jit import kernel, verb
from mmjit.core.reads import fill_depth
from mmjit.core.replay import apply_dirty


@kernel
def record_depth(book, region, events, symbol, rows, counts):  # type: ignore[no-untyped-def]
    """Replay the events of a symbol and write a row after the last event of each source message.

    Args:
        book: its book; events of other symbols are passed over.
        region: of the tape.
        events: EVENT.
        symbol: its number.
        rows: int64[messages, 1 + 4 * levels]: time, bid prices, bid quantities, ask prices, ask
            quantities; a level that is missing is 0.
        counts: int64[STATUS_SPAN], as in `replay`.

    Returns:
        How many rows were written.
    """
    levels = (rows.shape[1] - 1) // 4
    written = 0
    stale = True
    for place in range(len(events)):
        event = events[place]
        if event["symbol"] != symbol:
            continue
        apply_dirty(book, region, event, counts)
        stale = stale or changes_book(event["kind"])
        if event["flags"] & Flag.LAST == 0:
            continue
        row = rows[written]
        if stale or written == 0:
            fill_depth(book, 2 * symbol, row[1 : 1 + levels], row[1 + levels : 1 + 2 * levels])
            asks = row[1 + 2 * levels :]
            fill_depth(book, 2 * symbol + 1, asks[:levels], asks[levels:])
        else:
            for column in range(1, len(row)):  # a copy of slices would need room of its own
                row[column] = rows[written - 1, column]
        row[0] = event["venue_ns"]
        stale = False
        written += 1
    return written


@verb
def changes_book(kind):  # type: ignore[no-untyped-def]
    """Whether a kind of event can change a level."""
    return (kind > 0 and kind <= Kind.EXECUTE) or kind == Kind.LEVEL or kind == Kind.CLEAR
