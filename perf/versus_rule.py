"""The rule of versus_hftbacktest.py, as mmjit has it; versus_side.py states the same for the other.

At each multiple of the interval it wants one lot at the best price of each side.
"""

from mmjit import ASK, BID, best, is_two_sided, now_ns, parameters, strategy, want

RULE = parameters(every_ns=100_000_000, qty_lots=1, keeps=0)
MEMORY = [("place", "i8")]  # of a quote, where each is a new one


@strategy(params=RULE, memory=MEMORY)
def at_best(desk, params, memory, quotes):
    """Bid and offer at the best: kept where the price is still the best, or always anew.

    A quote in another place is another order: the engine cancels the one and sends the other.
    """
    if now_ns(desk) % params["every_ns"] != 0:
        return  # the first change of the market, which comes before the first instant
    if params["keeps"] == 0:
        memory["place"] = 1 - memory["place"]
    if is_two_sided(desk):
        for side in (BID, ASK):
            want(quotes, side, memory["place"], best(desk, side), params["qty_lots"])
