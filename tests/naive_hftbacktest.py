"""hftbacktest's market depth as its rows drive it, written with no thought for speed."""

from typing import Any

from mmjit.feeds import hftbacktest_file as hft

BEST_OF = {0: max, 1: min}


class NaiveLevels:
    """The book of a desk that is told levels."""

    def __init__(self) -> None:
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def apply(self, kind: int, side: int | None, price: int | None, qty: int) -> None:
        if kind in (hft.DEPTH, hft.DEPTH_SNAPSHOT) and side is not None:
            assert price is not None
            self.sides[side][price] = qty
        if kind == hft.DEPTH_CLEAR:
            for one in (0, 1) if side is None else (side,):
                for level in list(self.sides[one]):
                    beyond = price is not None and (level < price if one == 0 else level > price)
                    if side is None or not beyond:
                        del self.sides[one][level]

    def best(self, side: int) -> tuple[int, int]:
        there = {price: qty for price, qty in self.sides[side].items() if qty}
        if not there:
            return 0, 0
        price = BEST_OF[side](there)
        return price, there[price]


class NaiveQueues:
    """The orders of an exchange: a list in priority order, whatever the price."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []

    def find(self, order_id: int) -> dict[str, Any]:
        return next(order for order in self.orders if order["id"] == order_id)

    def apply(self, kind: int, side: int | None, order_id: int, price: int, qty: int) -> None:
        if kind == hft.ADD_ORDER:
            self.orders.append({"id": order_id, "side": side, "price": price, "qty": qty})
        elif kind == hft.CANCEL_ORDER:
            self.orders.remove(self.find(order_id))
        elif kind == hft.MODIFY_ORDER:
            order = self.find(order_id)
            if price != order["price"] or qty > order["qty"]:
                self.orders.remove(order)
                self.orders.append(order)
            order |= {"price": price, "qty": qty}
        elif kind == hft.DEPTH_CLEAR:
            self.orders = [o for o in self.orders if side is not None and o["side"] != side]

    def queue(self, side: int, price: int) -> list[tuple[int, int]]:
        return [
            (o["id"], o["qty"]) for o in self.orders if (o["side"], o["price"]) == (side, price)
        ]
