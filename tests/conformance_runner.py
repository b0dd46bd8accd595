"""Plays a conformance case through mmjit: a tape in memory, orders sent by hand."""

from decimal import Decimal
from typing import Any

from mmjit.backtesting import start_backtest
from mmjit.core.codes import ASK, BID, Flag, Kind, Status, TimeInForce, TradingStatus
from mmjit.errors import ArgumentError, RefusedError
from mmjit.instrument import Instrument
from mmjit.latency import Latency
from mmjit.outcome import Backtest
from mmjit.running import Run
from tests import builders as b
from tests.backtests import tape_of
from tests.conformance_format import Case, Row

SIDES = {"bid": BID, "ask": ASK, "buy": BID, "sell": ASK}
OVER = (Status.SESSION_CLOSED, Status.EXPIRY_PAST)
PICO = 10**12


def play(case: Case) -> Case:
    """What mmjit makes of a case: its fills, orders, position and what was seen."""
    instrument = Instrument(
        symbol="CASE",
        price_unit=case["instrument"]["tick"],
        lot_size=case["instrument"]["lot"],
        price_min=case["instrument"].get("price_min", 0),
        price_max=case["instrument"].get("price_max", 1000),
    )
    spans = {leg: f"{ns}ns" if ns else "none" for leg, ns in case["latency_ns"].items()}
    run = start_backtest(
        tape_of(*_events(case["events"]), instruments=[instrument]),
        latency=Latency(**spans),
        queue_model=case.get("queue_model", "risk_averse"),
        impact=case["impact"],
    )
    return _played(case, run)


def _played(case: Case, run: Run) -> Case:
    """Send what is to be sent, look when one is to look, and go on to the end."""
    ids: dict[str, int] = {}
    seen = []
    asked = [(row["t_ns"], 0, row) for row in case["actions"]]
    asked += [(row["t_ns"], 1, row) for row in case.get("seen", [])]
    for t_ns, looks, row in sorted(asked, key=lambda one: one[:2]):
        run.advance(until_ns=t_ns)
        if looks:
            seen.append(_seen(row, run))
        else:
            _act(row, run, ids)
    result = run.advance().finish()
    names = {order_id: name for name, order_id in ids.items()}
    orders = {
        row["id"]: _state(ids.get(row["id"]), row["qty"], result)
        for row in case["actions"]
        if row["do"] == "submit"
    }
    fills = [
        {
            "t_ns": int(line["venue_ns"]),
            "id": names[int(line["order_id"])],
            "price": int(line["price"]),
            "qty": int(line["qty_lots"]),
            "liquidity": "maker" if line["maker"] else "taker",
        }
        for line in result.fills
    ]
    position = int(result.positions["position_lots"][0])
    return {"fills": fills, "orders": orders, "position": position, "seen": seen}


def _act(row: Row, run: Run, ids: dict[str, int]) -> None:
    """Send an order, a cancel or an amend; what our side refuses never was."""
    try:
        if row["do"] == "submit":
            ids[row["id"]] = run.submit(
                SIDES[row["side"]],
                row["price"],
                row["qty"],
                tif=TimeInForce[row["tif"].upper()],
                post_only=row.get("post_only", False),
                reduce_only=row.get("reduce_only", False),
            )
        elif row["do"] == "cancel":
            run.cancel(ids.get(row["id"], 1 << 40))
        else:
            run.amend(ids.get(row["id"], 1 << 40), row["price"], row["qty"])
    except (ArgumentError, RefusedError):
        return


def _state(order_id: int | None, qty: Any, result: Backtest) -> Row:
    """How an order ended."""
    steps = [] if order_id is None else result.steps[result.steps["order_id"] == order_id]
    filled = sum(int(line["qty_lots"]) for line in steps if line["kind"] == Kind.FILL)
    state = "resting" if len(steps) else "rejected"
    for line in steps:
        if line["kind"] == Kind.CANCEL:
            state = "expired" if line["status"] in OVER else "cancelled"
        elif line["kind"] == Kind.REJECT and not any(steps["kind"] == Kind.NEW):
            unfilled = line["status"] == Status.FILL_OR_KILL_UNFILLED
            state = "cancelled" if unfilled else "rejected"
        elif line["kind"] == Kind.FILL and line["left_lots"] == 0:
            state = "filled"
    return {"state": state, "filled": filled}


def _seen(row: Row, run: Run) -> Row:
    """What our side knows."""
    desk = run.session.desk.bundle
    best = [b.best_of(desk.book, side) for side in (BID, ASK)]
    known = {
        "t_ns": row["t_ns"],
        "bid": None if best[0] is None else list(best[0][:2]),
        "ask": None if best[1] is None else list(best[1][:2]),
        "position": int(desk.ledger.positions["position_lots"][0]),
    }
    return {name: known[name] for name in row}


# ---- the tape -----------------------------------------------------------------------------------


def _events(rows: list[Row]) -> list[Any]:
    """The rows of a case as EVENTs; each is a source message of its own."""
    live: dict[int, Row] = {}
    events = []
    for row in rows:
        event = _event(row, live)
        event["venue_ns"] = event["local_ns"] = row["t_ns"]
        event["flags"] |= Flag.LAST | (Flag.AUCTION if row.get("auction") else 0)
        events.append(event)
    return events


def _event(row: Row, live: dict[int, Row]) -> Any:
    kind = row["type"]
    if kind == "level":
        return b.level(SIDES[row["side"]], row["price"], row["qty"])
    if kind == "trade":
        hit = ASK if row["aggressor"] == "buy" else BID
        return b.trade(row["price"], row["qty"], side=hit)
    if kind == "status":
        return b.status(TradingStatus[row["status"].upper()])
    if kind == "funding":
        rate = int(Decimal(str(row["rate"])) * PICO)
        return b.event(Kind.FUNDING, price=row["price"], qty_lots=rate)
    if kind == "add":
        live[row["id"]] = dict(row)
        return b.add(row["id"], SIDES[row["side"]], row["price"], row["qty"])
    order = live[row["id"]]
    if kind == "execute":
        order["qty"] -= row["qty"]
        return b.execute(row["id"], row["qty"])
    if kind == "cancel":
        return b.reduce(row["id"], row["qty"]) if "qty" in row else b.delete(row["id"])
    less = order["qty"] - row["qty"]
    is_kept = row["price"] == order["price"] and less > 0
    live[row["id"]] = order | {"price": row["price"], "qty": row["qty"]}
    if is_kept:
        return b.reduce(row["id"], less)
    return b.replace(row["id"], row["id"], row["price"], row["qty"])
