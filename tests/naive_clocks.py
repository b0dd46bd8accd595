"""A backtest on two clocks as one would write it with no thought for speed.

What is to come is looked at as a whole, and the first of it is done: an order expires, a rule is
asked at its instant, the venue sees an event, our side sees it, a request arrives, an answer is
heard, a person acts. How long each message takes is asked of the latency model itself, in the
order in which they are sent.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmjit.core.codes import Flag, Kind, Status, TimeInForce, TradingStatus
from mmjit.core.desk import QUOTE_LEVELS
from mmjit.core.hearing import ANYTHING, ASKED_MOST, FILLED
from mmjit.core.latency import Delay, Jitter, Leg
from mmjit.core.ledger import UNLIMITED
from mmjit.latency import Latency
from mmjit.tape import Tape
from tests.naive_account import NaivePosition
from tests.naive_backtest import Event, NaiveMarket, Wants, better
from tests.naive_book import plain
from tests.naive_floor import EVER, IMMEDIATE, LevelMarket, NaiveFloor, Own, record
from tests.test_delays import feed_now, requests_now, responses_now

PLACES = [(side, level) for side in (0, 1) for level in range(QUOTE_LEVELS)]
LEGS = {Kind.NEW: Leg.NEW, Kind.CANCEL: Leg.CANCEL, Kind.AMEND: Leg.AMEND}
Action = tuple[int, str, dict[str, Any]]  # when, what to do, with what


class Delays:
    """How long what is sent takes, drawn from a model of its own."""

    def __init__(self, latency: Latency) -> None:
        self.legs, self.trips = latency.as_arrays()

    def takes_time(self, leg: Leg) -> bool:
        return self.legs[leg]["model"] != Delay.NONE or self.legs[leg]["jitter"] != Jitter.NONE

    def drawn(self, draws: Callable[..., Any], *asked: Any) -> int:
        out = np.zeros(1, np.int64)
        draws(self.legs, *asked, out)
        return int(out[0])

    def feed(self, event: Any) -> int:
        return self.drawn(feed_now, event)

    def request(self, leg: Leg, now_ns: int) -> int:
        return self.drawn(requests_now, self.trips, int(leg), np.array([now_ns], np.int64))

    def response(self, now_ns: int) -> int:
        return self.drawn(responses_now, self.trips, np.array([now_ns], np.int64))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a run is told."""

    latency: Latency
    every_ns: int = 0  # 0: at no instants
    wakes: int = ANYTHING  # what has the rule asked besides
    impact: bool = True
    max_long: int = UNLIMITED
    max_short: int = UNLIMITED


@dataclass
class Desk:
    """What a rule may look at; the verbs of a NaiveMarket, as our side knows it."""

    run: "NaiveClocks"
    memory: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    position: NaivePosition = field(default_factory=NaivePosition)
    quotes: dict[tuple[int, int], Own] = field(default_factory=dict)
    number: int = 0

    def best(self, side: int) -> int:
        return self.run.view.best(side)

    def is_two_sided(self) -> bool:
        return self.run.view.is_two_sided()

    def own(self, side: int, level: int) -> Own | None:
        return self.quotes.get((side, level))

    def ahead(self, order: Own) -> int:
        """The lots at its price that our side sees, and that came before it for all it knows."""
        view, place = self.run.view, (order.side, order.asked_price)
        if isinstance(view, LevelMarket):
            if order.known_front is None:
                return view.shown[place]
            return order.known_front if self.run.two_clocks else order.front
        here = [one for one in view.recorded.values() if (one.side, one.price) == place]
        return sum(one.left for one in here if one.came < order.known_came)


class NaiveClocks(NaiveFloor):
    """Runs a rule, or what a person does, over a tape of one symbol.

    Args:
        tape: the market.
        terms: what the run is told.
        rule: called with the run and the desk; returns what it wants.
        script: what a person does, by time; orders are named by their place among the submits.
    """

    def __init__(
        self,
        tape: Tape,
        terms: Terms,
        rule: Callable[[Any, Any], Wants] = lambda run, desk: {},
        script: Iterable[Action] = (),
    ) -> None:
        self.tape, self.terms, self.rule, self.script = tape, terms, rule, deque(script)
        self.events = [plain(one) for one in tape.events]
        self.delays = Delays(terms.latency)
        market = LevelMarket if "level" in tape.meta["kinds"] else NaiveMarket
        super().__init__(market(0, tape.instruments[0]), terms.impact)
        self.two_clocks = self.delays.takes_time(Leg.FEED)
        self.view: Any = market(0, tape.instruments[0]) if self.two_clocks else self.floor
        self.requests: deque[dict[str, Any]] = deque()
        self.answers: list[dict[str, Any]] = []  # as they arrive
        self.answer_ns = 0  # when the last that the venue gave does
        self.open: dict[int, Own] = {}  # as our side holds them for open, oldest first
        self.ids: list[int] = []  # of the submits, 0 of one that our side refused
        self.desk = Desk(self)
        self.fills: list[dict[str, int]] = []
        self.steps: list[dict[str, int]] = []
        self.refused: Counter[Status] = Counter()
        self.now_ns = self.last_order_id = self.decisions = self.last_ns = 0
        self.started = self.stirred = self.strayed = False
        self.moved = self.heard = self.filled = False
        self.seen = self.order_of_sight()
        self.view_ns = -EVER
        self.asked = (0, 0)  # at which instant answers had the rule asked, and how often
        self.aim()

    # ---- the order of time ----------------------------------------------------------------------

    def run(self) -> "NaiveClocks":
        while to_come := self.to_come():
            time_ns, turn, do = min(to_come, key=lambda one: one[:2])
            if turn in range(4):
                self.last_ns, self.stirred = time_ns, True
            do()
        return self

    def to_come(self) -> list[Any]:
        """Time, turn and verb of what is next of each kind."""
        found: list[Any] = []
        if self.place < len(self.events):
            found.append((self.events[self.place]["venue_ns"], 0, self.see_there))
        if self.view_ns < EVER:
            found.append((self.view_ns, 1, self.see_here))
        if self.requests:
            found.append((self.requests[0]["arrive_ns"], 2, self.let_arrive))
        if self.answers:
            found.append((self.answers[0]["arrive_ns"], 3, self.hear_next))
        if self.script:
            found.append((self.script[0][0], 4, self.act))
        every_ns = self.terms.every_ns
        if every_ns > 0 and self.stirred and not self.is_market_over():
            found.append(((self.last_ns // every_ns + 1) * every_ns, -1, self.ask))
        expiries = [own.expires_ns for own in self.resting() if own.expires_ns < EVER]
        if found and expiries:
            found.append((min(expiries), -2, self.expire))
        return found

    def is_market_over(self) -> bool:
        return self.place >= len(self.events) and self.view_ns >= EVER

    def ask(self) -> None:
        """An instant at which the rule is asked, the first after something happened."""
        self.stirred = False
        self.now_ns = max(
            self.now_ns, (self.last_ns // self.terms.every_ns + 1) * self.terms.every_ns
        )
        if self.started:
            self.decide()

    # ---- the market -----------------------------------------------------------------------------

    def order_of_sight(self) -> list[int]:
        """The events as our side sees them: of recorded times, by those."""
        places = list(range(len(self.events)))
        if self.delays.legs[Leg.FEED]["model"] != Delay.RECORDED:
            return places
        events = self.events
        return sorted(places, key=lambda n: max(events[n]["local_ns"], events[n]["venue_ns"]))

    def aim(self) -> None:
        """Find out when our side sees its next event."""
        if not self.two_clocks or not self.seen:
            self.view_ns = EVER
            return
        place = self.seen[0]
        delay_ns = self.delays.feed(self.tape.events[place : place + 1])
        self.view_ns = max(self.view_ns, self.events[place]["venue_ns"] + delay_ns)

    def see_there(self) -> None:
        """The venue sees an event."""
        one, bests = self.events[self.place], self.floor.bests()
        self.event = self.place
        self.place += 1
        self.floor_ns = max(self.floor_ns, one["venue_ns"])
        if not self.two_clocks:
            self.now_ns = max(self.now_ns, one["venue_ns"])
        (self.meet_by_level if self.by_level else self.meet)(one)
        if not self.two_clocks:
            self.look(one, self.floor.bests() != bests)

    def see_here(self) -> None:
        """Our side sees an event."""
        place, bests = self.seen.pop(0), self.view.bests()
        self.now_ns = max(self.now_ns, self.view_ns)
        if self.by_level:
            self.move_fronts(self.events[place])
        record(self.view, self.events[place], place)
        self.aim()
        self.look(self.events[place], self.view.bests() != bests)

    def move_fronts(self, one: Event) -> None:
        """What our side is about to see moves what it takes to be before its orders."""
        side, price, lots = one["side"], one["price"], one["qty_lots"]
        trades = one["kind"] == Kind.TRADE and self.trades_in(self.view, one)
        if trades:
            side = self.view.hit_side(side, price)
        here = [own for own in self.open.values() if (own.side, own.asked_price) == (side, price)]
        for own in [own for own in here if own.known_front is not None]:
            if one["kind"] == Kind.LEVEL:
                own.known_front = min(own.known_front, self.view.shown[side, price], lots)
            elif trades:
                own.known_front = max(0, own.known_front - lots)

    def sight(self, own: Own) -> None:
        """Our side hears that an order has its place."""
        if self.by_level:
            own.known_front = self.view.shown[own.side, own.asked_price]

    def look(self, one: Event, moved: bool) -> None:
        self.moved = self.moved or moved
        if one["flags"] & Flag.LAST and self.is_due():
            self.started = True
            self.decide()

    def is_due(self) -> bool:
        changed = self.moved or self.heard or self.filled or self.strayed
        if not self.started or self.terms.wakes == ANYTHING:
            return changed
        if self.terms.wakes == 0 or self.terms.every_ns > 0:
            return self.terms.wakes == FILLED and self.filled
        return self.filled or (changed and not self.open)

    # ---- what is on its way ---------------------------------------------------------------------

    def send(self, own: Own, kind: Kind, price: int, lots: int, more: int = 0) -> None:
        """Send a request; it is there at once if that takes no time and none is before it."""
        asked = {"own": own, "kind": kind, "price": price, "qty_lots": lots, "more": more}
        asked["sent_ns"] = self.now_ns
        if not self.requests and not self.delays.takes_time(LEGS[kind]):
            self.floor_ns = max(self.floor_ns, self.now_ns)
            self.arrive(asked)
            return
        delay_ns = self.delays.request(LEGS[kind], self.now_ns)
        if delay_ns < 0:
            at = {"of_kind": kind, "status": Status.LOST_ON_THE_WAY, "venue_ns": self.now_ns}
            told = {name: asked[name] for name in ("price", "qty_lots", "more", "sent_ns")}
            lost = self.answer(own, Kind.REJECT, **at) | told
            self.wait_for(lost | {"arrive_ns": self.now_ns - delay_ns})
            return
        arrive_ns = self.now_ns + delay_ns
        before_ns = self.requests[-1]["arrive_ns"] if self.requests else arrive_ns
        self.requests.append(asked | {"arrive_ns": max(arrive_ns, before_ns)})

    def let_arrive(self) -> None:
        asked = self.requests.popleft()
        self.floor_ns = max(self.floor_ns, asked["arrive_ns"])
        self.arrive(asked)
        if not self.two_clocks and not self.delays.takes_time(Leg.RESPONSE):
            self.now_ns = max(self.now_ns, self.floor_ns)
            self.act_on()

    def answer(self, own: Own, kind: Kind, **more: Any) -> dict[str, Any]:
        """What the venue says of an order, as it is now."""
        bid, ask = (self.floor.depth(side)[:1] for side in (0, 1))
        said = {"own": own, "kind": kind, "price": own.price, "left_lots": own.left}
        said |= {"qty_lots": 0, "ahead_lots": 0, "status": Status.OK, "sent_ns": own.sent_ns}
        said |= {"venue_ns": self.floor_ns, "event": self.event}
        said["mid_twice"] = bid[0][0] + ask[0][0] if bid and ask else 0
        return said | more

    def tell(self, answer: dict[str, Any]) -> None:
        takes_time = self.two_clocks or self.delays.takes_time(Leg.RESPONSE)
        waits = self.answers and self.answers[0]["arrive_ns"] <= self.floor_ns
        if not takes_time and not waits:
            self.hear(answer | {"arrive_ns": self.floor_ns})
            return
        arrive_ns = self.floor_ns + self.delays.response(self.floor_ns)
        self.answer_ns = max(self.answer_ns, arrive_ns)
        self.wait_for(answer | {"arrive_ns": self.answer_ns})

    def wait_for(self, answer: dict[str, Any]) -> None:
        self.answers.append(answer)
        self.answers.sort(key=lambda one: one["arrive_ns"])

    def hear_next(self) -> None:
        """Hear an answer; the rule is asked once for all that is heard at a time."""
        self.hear(self.answers.pop(0))
        self.act_on()

    def act_on(self) -> None:
        """Something was heard."""
        self.heard = True
        more = self.answers and self.answers[0]["arrive_ns"] <= self.now_ns
        waits = self.started and not self.is_market_over() and not more and self.is_due()
        if waits and not self.is_restless():
            self.decide()

    def is_restless(self) -> bool:
        """Whether answers had the rule asked as often as they may at one instant."""
        asked_ns, count = self.asked
        count = count if asked_ns == self.now_ns else 0
        self.asked = (self.now_ns, min(count + 1, ASKED_MOST))
        self.refused[Status.RULE_RESTLESS] += count >= ASKED_MOST
        return count >= ASKED_MOST

    def hear(self, said: dict[str, Any]) -> None:
        """What our side makes of an answer."""
        self.now_ns = max(self.now_ns, said["arrive_ns"])
        own, kind = said["own"], said["kind"]
        if kind == Kind.ACK:
            own.known_came = own.came
            self.sight(own)
            self.desk.position.order_count += 1
            self.log(said, Kind.NEW)
        elif kind == Kind.FILL:
            self.take(own, said)
        elif kind == Kind.AMEND:
            moved = (own.came, said["price"]) != (own.known_came, own.asked_price)
            own.open_lots, own.asked_price = said["left_lots"], said["price"]
            own.known_came = own.came
            if moved:
                self.sight(own)
            own.leaving = None if own.leaving == Kind.AMEND else own.leaving
            self.log(said | {"ahead_lots": 0}, kind)
        elif kind == Kind.REJECT and said["of_kind"] != Kind.NEW:
            own.open_lots -= said["more"]
            own.leaving = None if own.leaving == said["of_kind"] else own.leaving
            lost = said["status"] == Status.LOST_ON_THE_WAY and own.order_id in self.open
            if lost and said["of_kind"] == Kind.CANCEL and own.recalled:
                own.stray = self.strayed = True
            self.refused[said["status"]] += 1
            self.log(said, kind)
            if own.open_lots == 0:
                self.forget(own)
        else:
            self.refused[said["status"]] += kind == Kind.REJECT
            self.log(said | {"left_lots": 0}, kind)
            own.open_lots -= said["qty_lots"]
            self.forget(own)

    def take(self, own: Own, said: dict[str, Any]) -> None:
        """A fill is heard of."""
        lots = said["qty_lots"]
        own.open_lots -= lots
        own.filled += lots
        self.filled = True
        self.desk.position.fill(own.side, said["price"], lots, 0)
        if own.open_lots == 0:
            self.forget(own)
        names = ("venue_ns", "price", "qty_lots", "event", "maker", "mid_twice")
        line = {name: said[name] for name in (*names, "entry_ahead_lots", "ahead_lots")}
        line |= {"order_id": own.order_id, "side": own.side, "local_ns": self.now_ns}
        self.fills.append(line | {"position_lots": self.desk.position.position_lots})
        self.log(said | {"price": own.asked_price, "ahead_lots": 0}, Kind.FILL)

    def forget(self, own: Own) -> None:
        """Our side knows that an order is gone."""
        self.open.pop(own.order_id, None)
        if self.desk.quotes.get(own.place) is own:
            del self.desk.quotes[own.place]

    def log(self, said: dict[str, Any], kind: Kind) -> None:
        names = ("venue_ns", "price", "qty_lots", "left_lots", "ahead_lots", "event", "status")
        line = {name: int(said[name]) for name in (*names, "sent_ns", "mid_twice")}
        own = said["own"]
        line |= {"order_id": own.order_id, "side": own.side, "local_ns": self.now_ns}
        self.steps.append(line | {"kind": kind})

    # ---- what our side sends --------------------------------------------------------------------

    def decide(self) -> None:
        """Ask the rule what it wants; cancel what is not wanted, then enter what is missing."""
        for own in list(self.open.values()) if self.strayed else ():
            if own.stray:
                self.cancel(own)
        self.strayed = False
        self.moved = self.heard = self.filled = False
        self.decisions += 1
        wants = self.rule(self, self.desk)
        for place in PLACES:
            if place in self.desk.quotes:
                self.adjust(self.desk.quotes[place], *wants.get(place, (0, 0)))
        for place in PLACES:
            price, lots = wants.get(place, (0, 0))
            if lots != 0 and place not in self.desk.quotes:
                self.new(Own(0, place[0], price, 0, wanted=lots, place=place))

    def adjust(self, own: Own, price: int, lots: int) -> None:
        if lots <= 0 or price != own.asked_price or lots > own.wanted:
            self.cancel(own)
        elif own.leaving is None:
            before, own.wanted = own.open_lots, lots
            if lots < before:
                self.change(own, own.asked_price, lots)

    def new(self, own: Own) -> int:
        """Send an order for as much as is wanted; returns its id, or 0 where it is refused."""
        status = self.order_status(own, own.price, own.wanted)
        if status < 0:
            self.refused[status] += 1
            at = {"venue_ns": self.now_ns, "sent_ns": self.now_ns, "event": self.event}
            bid, ask = (self.view.depth(side)[:1] for side in (0, 1))
            at["mid_twice"] = bid[0][0] + ask[0][0] if bid and ask else 0
            at |= {"own": own, "price": own.price, "qty_lots": own.wanted, "status": status}
            self.log(at | {"left_lots": 0, "ahead_lots": 0}, Kind.REJECT)
            return 0
        self.last_order_id += 1
        own.order_id, own.open_lots = self.last_order_id, own.wanted
        own.asked_price = own.price = self.limit_of(own)
        own.sent_ns, own.known_came = self.now_ns, self.seen_count()
        self.open[own.order_id] = own
        if own.place is not None:
            self.desk.quotes[own.place] = own
        self.send(own, Kind.NEW, own.asked_price, own.wanted)
        return own.order_id

    def limit_of(self, own: Own) -> int:
        """The price of an order: of a market order beyond every price."""
        return (EVER if own.side == 0 else -EVER) if own.market else own.price

    def seen_count(self) -> int:
        """How many events our side has seen."""
        return len(self.events) - len(self.seen) if self.two_clocks else self.place

    def cancel(self, own: Own) -> None:
        if own.leaving == Kind.CANCEL:
            return
        own.leaving, own.stray = Kind.CANCEL, False
        own.recalled = own.recalled or own.place is not None
        self.desk.quotes.pop(own.place, None)
        own.place = None
        self.send(own, Kind.CANCEL, own.asked_price, 0)

    def change(self, own: Own, price: int, left: int) -> None:
        """Ask for an order to have a price, and so many lots left."""
        more = max(0, left - own.open_lots)
        own.open_lots += more
        own.leaving = Kind.AMEND
        self.send(own, Kind.AMEND, price, own.filled + left, more)

    def act(self) -> None:
        """Do what a person does; what our side refuses to amend or to cancel never was."""
        time_ns, verb, fields = self.script.popleft()
        self.now_ns = max(self.now_ns, time_ns)
        if verb == "submit":
            self.ids.append(self.new(Own(0, left=0, **fields)))
            return
        own = self.open.get(dict(enumerate(self.ids)).get(fields["which"], 0))
        if own is None:
            return
        if verb == "cancel":
            self.cancel(own)
        elif own.leaving is None:
            price, left = fields["price"], fields["left_lots"]
            as_new = Own(0, own.side, price, 0, tif=TimeInForce.IOC)
            if self.order_status(as_new, price, left, own) == Status.OK:
                self.change(own, price, left)

    # ---- what our side refuses ------------------------------------------------------------------

    def order_status(self, own: Own, price: int, lots: int, leaves: Own | None = None) -> Status:
        """The first rule that an order breaks, for all our side knows."""
        one = self.tape.instruments[0]
        if self.view.status in (TradingStatus.HALTED, TradingStatus.PAUSED):
            return Status.SYMBOL_HALTED
        if self.view.status == TradingStatus.CLOSED:
            return Status.SESSION_CLOSED
        if lots <= 0:
            return Status.QTY_NOT_POSITIVE
        if lots > one.qty_lots_max:
            return Status.QTY_TOO_LARGE
        if own.post_only and (own.market or own.tif in IMMEDIATE):
            return Status.TERMS_CONFLICT
        if not 0 <= own.display_lots <= lots:
            return Status.DISPLAY_OUT_OF_RANGE
        if own.expires_ns <= self.now_ns:
            return Status.EXPIRY_PAST
        if not own.market:
            last = one.price_max - (one.price_max - one.price_min) % one.increment
            if not one.price_min <= price <= last:
                return Status.PRICE_OUT_OF_RANGE
            if price % one.tick(price):
                return Status.PRICE_OFF_TICK
            others = [o for o in self.open.values() if o.side != own.side and not o.market]
            staying = [o.asked_price for o in others if o.leaving != Kind.CANCEL]
            if any(not better(1 - own.side, price, at) for at in staying):
                return Status.SELF_CROSS
        return self.limit_status(own, lots, leaves)

    def limit_status(self, own: Own, lots: int, leaves: Own | None) -> Status:
        held = self.desk.position.position_lots
        sign = 1 if own.side == 0 else -1
        opened = sum(
            o.open_lots for o in self.open.values() if o.side == own.side and o is not leaves
        )
        if lots <= max(0, -sign * held - opened):
            return Status.OK
        if own.reduce_only:
            return Status.REDUCE_ONLY
        limit = self.terms.max_long if own.side == 0 else self.terms.max_short
        if sign * held + opened + lots > limit:
            return Status.MAX_LONG if own.side == 0 else Status.MAX_SHORT
        return Status.OK
