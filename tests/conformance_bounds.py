"""How much could have been filled: counted from the events of a case alone, without an engine.

A maker can have no more than what traded, or was newly shown, at its price or worse; a taker no
more than what rests there and was not taken yet. An order trades within its limit, from its arrival
on, until its cancel arrives, and never while trading is not on.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.conformance_format import Case, Row

Place = tuple[str, int]  # side of the book, price
FAR = {"bid": "ask", "ask": "bid"}
OWN = {"buy": "bid", "sell": "ask"}
HITS = {"sell": "bid", "buy": "ask"}  # which side an aggressor trades with


@dataclass
class Recorded:
    """The recorded book, and what happened in it at one time."""

    orders: dict[int, list] = field(default_factory=dict)  # id -> side, price, quantity
    levels: Counter[Place] = field(default_factory=Counter)
    refreshed: set[Place] = field(default_factory=set)
    sources: list[tuple[str, int, int]] = field(default_factory=list)  # side filled, bound, lots
    status: str = "trading"
    by_order: bool = True

    def apply(self, row: Row) -> None:
        counts = self.status == "trading" and not row.get("auction")
        if row["type"] == "status":
            self.status = row["status"]
        elif row["type"] == "level":
            self.show(row["side"], row["price"], row["qty"], counts)
        elif row["type"] == "trade":
            side = HITS[row["aggressor"]]
            # What is not displayed may have traded at our price beside us, not at a worse one.
            beyond = (-1 if side == "bid" else 1) if self.by_order else 0
            self.source(side, row["price"] - beyond, row["qty"], counts)
        elif row["type"] == "add":
            self.orders[row["id"]] = [row["side"], row["price"], 0]
            self.change(row["id"], row["qty"], counts)
        elif row["type"] in ("cancel", "execute"):
            side, price, left = self.orders[row["id"]]
            lots = row.get("qty", left)
            assert lots <= left, f"{row}: only {left} are left"
            if row["type"] == "execute":
                self.source(side, price, lots, counts)
            self.change(row["id"], left - lots, counts)
        elif row["type"] == "modify":
            order = self.orders[row["id"]]
            if row["price"] != order[1]:
                self.change(row["id"], 0, counts)
                order[1] = row["price"]
            self.change(row["id"], row["qty"], counts)

    def change(self, order_id: int, lots: int, counts: bool) -> None:
        side, price, left = self.orders[order_id]
        self.orders[order_id][2] = lots
        self.show(side, price, self.levels[side, price] + lots - left, counts)

    def show(self, side: str, price: int, lots: int, counts: bool) -> None:
        more = lots - self.levels[side, price]
        self.levels[side, price] = lots
        if more > 0:
            self.refreshed.add((side, price))
            self.source(FAR[side], price, more, counts)

    def source(self, side: str, bound: int, lots: int, counts: bool) -> None:
        if counts:
            self.sources.append((side, bound, lots))

    def is_crossed(self) -> bool:
        bids = [price for (side, price), lots in self.levels.items() if side == "bid" and lots]
        asks = [price for (side, price), lots in self.levels.items() if side == "ask" and lots]
        return bool(bids and asks) and max(bids) >= min(asks)


def excesses(case: Case) -> list[str]:
    """Fills of a case that nothing on its tape accounts for."""
    found = _out_of_turn(case)
    book = Recorded(by_order=case["tape"] == "L3")
    taken: Counter[Place] = Counter()
    sides = {row["id"]: OWN[row["side"]] for row in case["actions"] if row["do"] == "submit"}
    for t_ns in sorted({row["t_ns"] for row in [*case["events"], *case["fills"]]}):
        book.sources, book.refreshed = [], set()
        for row in [row for row in case["events"] if row["t_ns"] == t_ns]:
            book.apply(row)
        for place in book.refreshed:
            taken[place] = 0
        if book.is_crossed():
            found.append(f"at {t_ns}: the recorded book is crossed")
        fills = [row for row in case["fills"] if row["t_ns"] == t_ns]
        if fills and book.status != "trading":
            found.append(f"at {t_ns}: a fill while {book.status}")
        found += _makers(t_ns, [r for r in fills if r["liquidity"] == "maker"], sides, book)
        for row in [row for row in fills if row["liquidity"] == "taker"]:
            place = (FAR[sides[row["id"]]], row["price"])
            there = book.levels[place] - taken[place]
            if row["qty"] > there:
                found.append(f"at {t_ns}: {row['id']} took {row['qty']} of {there}")
            taken[place] += row["qty"] if case["impact"] else 0
    return found


def _makers(t_ns: int, fills: list[Row], sides: dict[str, str], book: Recorded) -> list[str]:
    """Makers that have more than what traded at their prices or worse."""
    found = []
    for side, sign in (("bid", 1), ("ask", -1)):
        ours = [(row["price"], row["qty"]) for row in fills if sides[row["id"]] == side]
        for limit in {price for price, _ in ours}:
            lots = sum(qty for price, qty in ours if sign * price <= sign * limit)
            traded = sum(
                qty
                for at, bound, qty in book.sources
                if at == side and sign * bound <= sign * limit
            )
            if lots > traded:
                found.append(f"at {t_ns}: makers have {lots} at {limit} or worse, {traded} traded")
    return found


def _out_of_turn(case: Case) -> list[str]:
    """Fills outside of an order's limit or life."""
    entry_ns = case["latency_ns"]["entry"]
    lives: dict[str, list[Row]] = defaultdict(list)
    for row in case["actions"]:
        lives[row["id"]].append(row | {"t_ns": row["t_ns"] + entry_ns})
    found = []
    for row in case["fills"]:
        # An action comes after the events of its time: it applies to makers only from then on.
        is_maker = row["liquidity"] == "maker"
        steps = [one for one in lives[row["id"]] if one["t_ns"] < row["t_ns"] + (not is_maker)]
        if not steps or steps[-1]["do"] == "cancel":
            found.append(f"at {row['t_ns']}: {row['id']} does not rest")
            continue
        limit, sign = steps[-1]["price"], 1 if steps[0]["side"] == "buy" else -1
        at_once = steps[0]["tif"] in ("ioc", "fok") or limit is None
        if is_maker and (at_once or row["price"] != limit):
            found.append(f"at {row['t_ns']}: {row['id']} makes at {row['price']}, not at {limit}")
        if not is_maker and row["t_ns"] != steps[-1]["t_ns"]:
            found.append(f"at {row['t_ns']}: {row['id']} takes when it does not arrive")
        if limit is not None and sign * row["price"] > sign * limit:
            found.append(f"at {row['t_ns']}: {row['id']} trades at {row['price']}, beyond {limit}")
    return found


def prints_without_effect(case: Case) -> list[str]:
    """Trades of an L2 case that the levels behind them do not show."""
    found, levels = [], Counter()
    for t_ns in sorted({row["t_ns"] for row in case["events"]}):
        rows = [row for row in case["events"] if row["t_ns"] == t_ns]
        expected = Counter(levels)
        for row in rows:
            if row["type"] == "trade":
                expected[HITS[row["aggressor"]], row["price"]] -= row["qty"]
            elif row["type"] == "level":
                levels[row["side"], row["price"]] = row["qty"]
        for place in [place for place in expected if expected[place] < levels[place]]:
            if any(row["type"] == "trade" for row in rows):
                found.append(f"at {t_ns}: {place} shows {levels[place]}, not {expected[place]}")
    return found
