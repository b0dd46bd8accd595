"""A venue and its naive twin, to which the same is done, and what must be equal then."""

from typing import Any

import numpy as np

from mmjit.core.codes import ASK, BID, NIL, Kind, Term
from mmjit.core.reads import slot_by_id
from tests import builders as b
from tests import venues as v
from tests.naive_book import Event, plain
from tests.naive_risk import HALF_PICO
from tests.naive_venue import NaiveVenue


class Twins:
    """A venue and a naive one; each check is a sentence."""

    venue: Any
    naive: NaiveVenue

    # ---- doing a command to both ------------------------------------------------------------

    def send(self, one: Any, at: int = 0, batch: bool = False) -> int:
        """Do a command to both, `at` so long after the last; a refused one leaves no trace."""
        one["venue_ns"][0] += self.naive.now + at
        records = [plain(record) for record in one]
        before = v.bytes_of(self.venue)
        kept = self.naive.now, dict(self.naive.orders)
        expected = self.naive.apply(records)
        if batch:
            _, statuses = v.submit_many(self.venue, one)
            assert statuses[: len(self.naive.statuses)] == self.naive.statuses
        else:
            assert v.submit(self.venue, one) == expected
        self.drain()
        if expected < 0 and at == 0 and kept == (self.naive.now, self.naive.orders):
            done = one["kind"][0] == Kind.QUOTE and max(self.naive.statuses) >= 0
            reversed_ = one["venue_ns"][0] < self.naive.now
            assert done or reversed_ or v.bytes_of(self.venue) == before
        return expected

    def drain(self) -> None:
        """Every trade and fill is the same."""
        trades, fills = v.drain(self.venue)
        rings = self.naive.rings
        assert trades == self.naive.trades[rings.trade_tail :]
        assert fills == self.naive.fills[rings.fill_tail :]
        self.naive.drain()

    # ---- what must always be true

    def the_audit_passes(self) -> None:
        b.assert_audited(self.venue.book)

    def every_queue_is_equal(self) -> None:
        for owner in range(2 * self.naive.symbol_count):
            assert b.depth_of(self.venue.book, owner) == self.naive.depth(owner)
            for price in self.naive.prices(owner):
                queue = [(o.order_id, o.qty_lots) for o in self.naive.queue(owner, price)]
                assert b.queue_at(self.venue.book, owner, price) == queue
            assert b.executed_of(self.venue.book, owner) == self.naive.executed.get(owner, 0)

    def no_book_is_crossed(self) -> None:
        for symbol in range(self.naive.symbol_count):
            bid, ask = (self.naive.best_price(symbol, side) for side in (BID, ASK))
            assert bid is None or ask is None or bid < ask

    def every_order_is_found_by_its_id_with_what_it_hides(self) -> None:
        book = self.venue.book
        assert b.count_live(book) == len(self.naive.orders)
        for order_id, order in self.naive.orders.items():
            slot = slot_by_id(book, order_id)
            assert book.orders[slot]["order_id"] == order_id
            assert book.orders[slot]["owner"] == order.account
            detail = self.venue.details[slot]
            if order.display:
                assert (detail["hidden_lots"], detail["display_lots"]) == (
                    order.hidden,
                    order.display,
                )

    def every_account_lists_its_own_orders(self) -> None:
        details = self.venue.details
        for number in range(len(self.naive.accounts)):
            account = self.venue.ledger.accounts[number]
            before, slot, found = NIL, int(account["first_own"]), []
            while slot != NIL:
                assert details[slot]["prev_own"] == before
                found.append(int(self.venue.book.orders[slot]["order_id"]))
                before, slot = slot, int(details[slot]["next_own"])
            assert account["last_own"] == before
            assert sorted(found) == sorted(o.order_id for o in self.naive.orders_of(number))

    def every_alarm_stands_in_the_heap(self) -> None:
        alarms, details = self.venue.alarms, self.venue.details
        count = int(self.venue.control[0]["alarm_count"])
        for place in range(count):
            assert details[alarms[place]["slot"]]["alarm"] == place
            assert alarms[(place - 1) // 2 if place else 0]["time_ns"] <= alarms[place]["time_ns"]
        found = {
            int(self.venue.book.orders[alarm["slot"]]["order_id"]): int(alarm["time_ns"])
            for alarm in alarms[:count]
        }
        orders = self.naive.orders.values()
        assert found == {o.order_id: o.expiry for o in orders if o.expiry is not None}

    def the_positions_are_equal(self) -> None:
        for number, account in enumerate(self.naive.accounts):
            for symbol, position in enumerate(account.positions):
                record = plain(v.position_of(self.venue, number, symbol))
                expected = vars(position)
                assert {name: record[name] for name in expected} == expected

    def what_is_open_is_what_rests(self) -> None:
        for number in range(len(self.naive.accounts)):
            account = self.venue.ledger.accounts[number]
            exposures = [
                self.naive.exposure(number, symbol) for symbol in range(self.naive.symbol_count)
            ]
            assert account["exposure_lots"] == sum(exposures)
            assert account["open_count"] == len(self.naive.orders_of(number))
            for symbol in range(self.naive.symbol_count):
                position = v.position_of(self.venue, number, symbol)
                orders = self.naive.orders_of(number, symbol)
                assert v.open_lots(self.venue, number, symbol) == tuple(
                    self.naive.open_of(number, symbol, side) for side in (BID, ASK)
                )
                assert position["open_count"] == len(orders)
                reducing = sum(bool(o.terms & Term.REDUCE_ONLY) for o in orders)
                assert position["reducing_count"] == reducing

    def the_money_and_the_modes_are_equal(self) -> None:
        for number, account in enumerate(self.naive.accounts):
            record = plain(self.venue.ledger.accounts[number])
            for name in ("mode", "cause", "kill", "tripped_ns", "trip_count", "attention"):
                assert record[name] == getattr(account, name), name
            for currency, total in enumerate(account.totals):
                row = plain(v.total_of(self.venue, number, currency))
                for name in ("equity", "peak", "drawdown", "day_start"):
                    amount = row[f"{name}_units"] * HALF_PICO + row[f"{name}_half_pico"]
                    assert amount == getattr(total, name), name

    def the_counters_are_equal(self) -> None:
        control, naive = plain(self.venue.control[0]), self.naive
        assert v.told(self.venue) == tuple(vars(naive.told).values())
        assert control["now_ns"] == naive.now
        assert control["time_reversed"] == naive.counters.time_reversed
        assert control["expired_count"] == naive.counters.expired
        assert control["hidden_count"] == sum(bool(o.display) for o in naive.orders.values())
        table = self.venue.counts.reshape(len(self.naive.accounts) + 1, -1)
        found = {(int(row), -int(code)): int(table[row, code]) for row, code in np.argwhere(table)}
        assert found == naive.counters.refused

    def the_symbols_are_equal(self) -> None:
        for symbol in range(self.naive.symbol_count):
            record: Event = plain(self.venue.book.symbols[symbol])
            market = vars(self.naive.markets[symbol])
            assert {name: record[name] for name in market} == market

    CHECKS = (
        the_audit_passes,
        every_queue_is_equal,
        no_book_is_crossed,
        every_order_is_found_by_its_id_with_what_it_hides,
        every_account_lists_its_own_orders,
        every_alarm_stands_in_the_heap,
        the_positions_are_equal,
        what_is_open_is_what_rests,
        the_money_and_the_modes_are_equal,
        the_counters_are_equal,
        the_symbols_are_equal,
    )

    def check(self) -> None:
        """All of it."""
        for sentence in self.CHECKS:
            sentence(self)
