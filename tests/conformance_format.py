"""What a conformance case may say, and how an engine's result is compared with it.

    problems(case)              what is wrong with the form of a case, sentence by sentence
    inconsistencies(case)       where its fills, orders and position disagree with each other
    differences(case, result)   what an engine did instead

The standard library only, so that any engine's environment can read it.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

Case = dict[str, Any]
Row = dict[str, Any]

FOLDER = Path(__file__).resolve().parent / "conformance"

SIDES = {"bid", "ask"}
WAYS = {"buy", "sell"}
STATES = {"filled", "resting", "cancelled", "rejected", "expired"}
# What a field must be: a set of words, or a kind of value. A trailing ? marks what may be left out.
CASE: dict[str, Any] = {
    "name": "text",
    "rule": "text",
    "why": "text",
    "instrument": "record",
    "tape": {"L2", "L3"},
    "latency_ns": "record",
    "queue_model?": {"risk_averse"},
    "impact": "flag",
    "events": "rows",
    "actions": "rows",
    "fills": "rows",
    "orders": "record",
    "position": "integer",
    "seen?": "rows",
}
INSTRUMENT = {"tick": "text", "lot": "text", "price_min?": "integer", "price_max?": "integer"}
LATENCY = {"feed": "natural", "entry": "natural", "response": "natural"}
_STATUS = {"status": {"trading", "halted", "paused", "closed"}}
_TRADE = {"price": "integer", "qty": "positive", "aggressor": WAYS, "auction?": "flag"}
_FUNDING = {"rate": "text", "price": "integer"}
EVENTS: dict[str, dict[str, Any]] = {
    "L2": {
        "level": {"side": SIDES, "price": "integer", "qty": "natural"},
        "trade": _TRADE,
        "status": _STATUS,
        "funding": _FUNDING,
    },
    "L3": {
        "add": {"id": "positive", "side": SIDES, "price": "integer", "qty": "positive"},
        "cancel": {"id": "positive", "qty?": "positive"},
        "execute": {"id": "positive", "qty": "positive", "auction?": "flag"},
        "modify": {"id": "positive", "price": "integer", "qty": "positive"},
        "trade": _TRADE,
        "status": _STATUS,
        "funding": _FUNDING,
    },
}
ACTIONS: dict[str, dict[str, Any]] = {
    "submit": {
        "id": "text",
        "side": WAYS,
        "price": "wanted or null",
        "qty": "wanted",
        "tif": {"gtc", "ioc", "fok", "day"},
        "post_only?": "flag",
        "reduce_only?": "flag",
    },
    "cancel": {"id": "text"},
    "amend": {"id": "text", "price": "integer", "qty": "positive"},
}
FILL = {
    "t_ns": "natural",
    "id": "text",
    "price": "integer",
    "qty": "positive",
    "liquidity": {"maker", "taker"},
}
ORDER = {"state": STATES, "filled": "natural"}
SEEN = {"t_ns": "natural", "bid?": "level or null", "ask?": "level or null", "position?": "integer"}


def load_cases(folder: Path = FOLDER) -> list[Case]:
    """Every case of a folder, by name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


# ---- form ---------------------------------------------------------------------------------------


def problems(case: Case) -> list[str]:
    """What is wrong with the form of a case; empty if nothing is."""
    found = _record(case, CASE, "case")
    if found:
        return found
    found += _record(case["instrument"], INSTRUMENT, "instrument")
    found += _record(case["latency_ns"], LATENCY, "latency_ns")
    if ("queue_model" in case) != (case["tape"] == "L2"):
        found.append("queue_model: an L2 case names one, an L3 case has the true queue")
    found += _variants(case["events"], "events", "type", EVENTS[case["tape"]])
    found += _variants(case["actions"], "actions", "do", ACTIONS)
    for name, form in (("fills", FILL), ("seen", SEEN)):
        for place, row in enumerate(case.get(name, [])):
            found += _record(row, form, f"{name}[{place}]")
    for name, order in case["orders"].items():
        found += _record(order, ORDER, f"orders[{name}]")
    return found or _sequences(case)


def _sequences(case: Case) -> list[str]:
    """Times that run backwards, and ids that nobody introduced."""
    found = []
    for name in ("events", "actions", "fills", "seen"):
        times = [row["t_ns"] for row in case.get(name, [])]
        if times != sorted(times):
            found.append(f"{name}: t_ns runs backwards")
    submits = [row["id"] for row in case["actions"] if row["do"] == "submit"]
    if sorted(submits) != sorted(case["orders"]):
        found.append("orders: one for each submit, under its id")
    found += [
        f"fills: nobody submitted {row['id']}" for row in case["fills"] if row["id"] not in submits
    ]
    known: set[int] = set()
    for place, row in enumerate(case["events"]):
        if row["type"] == "add" and row["id"] in known:
            found.append(f"events[{place}]: id {row['id']} is used twice")
        elif "id" in row and row["type"] != "add" and row["id"] not in known:
            found.append(f"events[{place}]: id {row['id']} was never added")
        known |= {row["id"]} if row["type"] == "add" else set()
    return found


def _variants(rows: list[Row], name: str, key: str, forms: dict[str, dict[str, Any]]) -> list[str]:
    """Rows whose form depends on one of their fields."""
    found = []
    for place, row in enumerate(rows):
        where = f"{name}[{place}]"
        kind = row.get(key) if isinstance(row, dict) else None
        if kind not in forms:
            found.append(f"{where}: {key} {kind!r} is not one of {', '.join(sorted(forms))}")
            continue
        found += _record(row, {"t_ns": "natural", key: {kind}} | forms[kind], where)
    return found


def _record(row: Any, form: dict[str, Any], where: str) -> list[str]:
    """A record's fields: all there, none more, each what it must be."""
    if not isinstance(row, dict):
        return [f"{where}: {row!r} is not a record"]
    fields = {name.removesuffix("?"): kind for name, kind in form.items()}
    needed = {name for name in form if not name.endswith("?")}
    found = [f"{where}: {name} is missing" for name in sorted(needed - set(row))]
    found += [f"{where}: {name} is not a field" for name in sorted(set(row) - set(fields))]
    for name in sorted(set(row) & set(fields)):
        if not _is(row[name], fields[name]):
            words = fields[name]
            said = f"one of {', '.join(sorted(words))}" if isinstance(words, set) else words
            found.append(f"{where}: {name} is {row[name]!r}, not {said}")
    return found


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is what a field must be."""
    if isinstance(kind, set):
        return isinstance(value, str) and value in kind
    if kind == "wanted or null":
        return value is None or _is(value, "wanted")
    if kind == "level or null":
        is_level = isinstance(value, list) and len(value) == 2
        return value is None or (is_level and all(_is(one, "positive") for one in value))
    if kind == "wanted":  # an action may ask for what must be refused
        return _is(value, "integer") or isinstance(value, float) or value == "NaN"
    if kind in ("integer", "natural", "positive"):
        least = {"integer": -(1 << 62), "natural": 0, "positive": 1}[kind]
        return isinstance(value, int) and not isinstance(value, bool) and value >= least
    kinds = {"text": str, "flag": bool, "record": dict, "rows": list}
    return isinstance(value, kinds[kind]) and value != ""


# ---- agreement with itself ----------------------------------------------------------------------


def inconsistencies(case: Case) -> list[str]:
    """Where fills, orders and position of a case disagree."""
    found = []
    submits = {row["id"]: row for row in case["actions"] if row["do"] == "submit"}
    sizes = {name: [row["qty"]] for name, row in submits.items()}
    for row in case["actions"]:
        if row["do"] == "amend":
            sizes[row["id"]].append(row["qty"])
    filled: Counter[str] = Counter()
    position = 0
    for row in case["fills"]:
        filled[row["id"]] += row["qty"]
        position += row["qty"] if submits[row["id"]]["side"] == "buy" else -row["qty"]
    for name, order in case["orders"].items():
        lots, state = filled[name], order["state"]
        if order["filled"] != lots:
            found.append(f"orders[{name}]: filled is {order['filled']}, its fills add up to {lots}")
        if state == "filled" and lots not in sizes[name]:
            found.append(f"orders[{name}]: is filled, but with {lots} of {sizes[name]}")
        if state == "rejected" and lots:
            found.append(f"orders[{name}]: was rejected, but has fills")
        if state not in ("filled", "rejected") and lots >= max(sizes[name]):
            found.append(f"orders[{name}]: is {state}, but all of it was filled")
    if position != case["position"]:
        found.append(f"position: {case['position']}, the fills add up to {position}")
    return found


# ---- what an engine did -------------------------------------------------------------------------


def differences(case: Case, result: Case) -> list[str]:
    """What an engine did instead, in short sentences; empty if it did what the case says.

    Fills of one order at one time and price count as one; a price of None is one that the engine
    does not tell, and then only how much it was counts.
    """
    found = [result["stopped"]] if result.get("stopped") else []
    for name, order in case["orders"].items():
        want, got = ([row for row in one["fills"] if row["id"] == name] for one in (case, result))
        if any(row["price"] is None for row in got):
            want, got = ([row | {"price": None} for row in rows] for rows in (want, got))
        if _added_up(want) != _added_up(got):
            found.append(f"{name} gets {_told(got)}, not {_told(want)}")
        ended = result["orders"][name]
        if ended["state"] != order["state"]:
            found.append(f"{name} is {ended['state']}, not {order['state']}")
        if ended["filled"] != order["filled"] and _added_up(want) == _added_up(got):
            found.append(f"{name} says {ended['filled']} filled, not {order['filled']}")
    if result["position"] != case["position"]:
        found.append(f"position {result['position']}, not {case['position']}")
    if len(result.get("seen", [])) != len(case.get("seen", [])):
        found.append("what the desk saw is not told")
    for want_seen, got_seen in zip(case.get("seen", []), result.get("seen", []), strict=False):
        if want_seen != got_seen:
            found.append(f"the desk saw {got_seen}, not {want_seen}")
    return found


def _added_up(fills: list[Row]) -> Counter[tuple[int, int | None, str]]:
    total: Counter[tuple[int, int | None, str]] = Counter()
    for row in fills:
        total[row["t_ns"], row["price"], row["liquidity"]] += row["qty"]
    return total


def _told(fills: list[Row]) -> str:
    """Fills in words: how much, at what price, when."""
    parts = []
    for (t_ns, price, liquidity), lots in _added_up(fills).items():
        at = "" if price is None else f" at {price}"
        parts.append(f"{lots}{at} as {liquidity} (t {t_ns})")
    return " + ".join(parts) or "nothing"
