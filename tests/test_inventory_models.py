"""Avellaneda-Stoikov, GLFT and Cartea-Jaimungal: golden values, and what their theories say."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmjit.core.codes import ASK, BID
from mmjit.strategies import avellaneda_stoikov as avellaneda
from mmjit.strategies import cartea_jaimungal as cartea
from mmjit.strategies import glft, inventory_tables
from mmjit.strategies.avellaneda_stoikov import FINITE, INFINITE
from mmjit.strategies.cartea_jaimungal import CARTEA_JAIMUNGAL
from mmjit.strategies.glft import GLFT
from tests import builders as b
from tests.backtests import messages
from tests.builders import door
from tests.test_strategies import open_quotes, prices

TABLE = np.dtype(inventory_tables.TABLE)
positive = st.floats(0.01, 10.0)


@door
def finite_quotes(held, gamma, fill_decay, sigma, left_s):
    shift = avellaneda.reservation_shift(held, gamma, sigma, left_s)
    return shift, avellaneda.spread_of(gamma, fill_decay, sigma, left_s)


@door
def stationary_shift(held, held_max, gamma, side):
    return avellaneda.stationary_shift(held, held_max, gamma, side)


@door
def fill_premium(gamma, fill_decay):
    return avellaneda.fill_premium(gamma, fill_decay)


@door
def closed_depth(side, held, terms, drift, impact):
    return glft.closed_depth(side, held, (terms[0], terms[1], terms[2], terms[3]), drift, impact)


@door
def exact_depth(tables, held_max, place, terms, impact):
    """`place` is side and q."""
    four = (terms[0], terms[1], terms[2], terms[3])
    glft.make_table(tables[0], held_max, four, impact)
    return glft.exact_depth(tables[0], held_max, place[0], place[1] + 0.0, four, impact)


@door
def carried_depth(tables, params, held_max, left_s, place):
    """`place` is side and q."""
    cartea.make_table(tables[0], params[0], held_max, left_s)
    kappa = params[0]["fill_decay"]
    return cartea.depth_of(tables[0], held_max, place[0], place[1] + 0.0, kappa)


def exact(side: int, held: int, *terms: float, most: int = 30, impact: float = 0.0) -> float:
    table = np.zeros(1, TABLE)
    return float(exact_depth(table, most, np.array([side, held]), np.array(terms), impact))


def closed(side: int, held: float, *terms: float, drift: float = 0.0, impact: float = 0.0) -> float:
    return float(closed_depth(side, float(held), np.array(terms), drift, impact))


# ---- Avellaneda and Stoikov -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "time", "reservation", "spread"),
    [
        (0, 0.0, 100.0, 1.6907704227514233),
        (3, 0.0, 98.8, 1.6907704227514233),
        (-2, 0.5, 100.4, 1.4907704227514234),
        (3, 0.9, 99.88, 1.3307704227514234),
    ],
)
def test_the_worked_quotes_of_a_horizon(held, time, reservation, spread):
    shift, found = finite_quotes(float(held), 0.1, 1.5, 2.0, 1.0 - time)

    assert 100 + shift == pytest.approx(reservation, rel=1e-15)
    assert found == pytest.approx(spread, rel=1e-15)


@pytest.mark.parametrize(
    ("held", "ask", "bid"),
    [
        (0, 100.27398974188114, 99.71829123033304),
        (2, 99.01559927186747, 98.30100963204603),
        (4, 95.69217083907546, 94.02162999244379),
        (5, 82.95251907761575, -math.inf),
    ],
)
def test_the_worked_reservation_prices_without_a_horizon(held, ask, bid):
    assert 100 + stationary_shift(float(held), 5.0, 0.1, ASK) == pytest.approx(ask, rel=1e-14)
    assert 100 + stationary_shift(float(held), 5.0, 0.1, BID) == pytest.approx(bid, rel=1e-14)


@given(st.floats(1e-14, 1.0), positive)
def test_the_premium_of_a_fill_goes_to_its_limit(gamma, fill_decay):
    found = fill_premium(gamma, fill_decay)

    assert found <= 1 / fill_decay * (1 + 1e-12)
    assert found >= (1 - gamma / fill_decay) / fill_decay
    assert fill_premium(0.0, fill_decay) == 1 / fill_decay


@given(st.integers(-8, 8), st.integers(1, 9), positive)
def test_reservation_prices_fall_with_what_is_held(held, most, gamma):
    held = max(-most, min(most, held))

    bid, ask = (stationary_shift(float(held), float(most), gamma, side) for side in (BID, ASK))
    assert bid < ask
    if held < most:
        assert bid > stationary_shift(held + 1.0, float(most), gamma, BID)
        assert ask > stationary_shift(held + 1.0, float(most), gamma, ASK)


# ---- GLFT -------------------------------------------------------------------------------------

EXACT = {
    (0.3, 0.9): (3.10868, 3.17680, 3.24492, 3.31305, 3.38117, 3.44928, 3.51737),
    (0.4, 0.9): (3.05165, 3.14256, 3.23351, 3.32446, 3.41540, 3.50632, 3.59719),
    (1.0, 0.2): (2.05278, 2.54042, 3.03231, 3.52565, 4.01755, 4.50519, 4.98600),
}
CLOSED = {
    (0.3, 0.9): (3.10932, 3.17718, 3.24505, 3.31292, 3.38078, 3.44865, 3.51651),
    (0.4, 0.9): (3.05276, 3.14325, 3.23374, 3.32423, 3.41471, 3.50520, 3.59569),
    (1.0, 0.2): (2.07927, 2.55916, 3.03904, 3.51892, 3.99881, 4.47869, 4.95858),
}


@pytest.mark.parametrize("case", EXACT)
def test_the_depths_of_the_paper_by_both_forms(case):
    sigma, rate = case
    for held, (of_table, of_form) in enumerate(zip(EXACT[case], CLOSED[case], strict=True), -3):
        terms = 0.01, 0.3, rate, sigma
        assert exact(BID, held, *terms) == pytest.approx(of_table, abs=5.1e-6)
        assert closed(BID, held, *terms) == pytest.approx(of_form, abs=5.1e-6)
        assert exact(ASK, -held, *terms) == pytest.approx(exact(BID, held, *terms), rel=1e-12)


def test_the_depths_of_the_first_papers_market_by_both_forms():
    terms = 0.1, 1.5, 140.0, 2.0
    tables = (0.566700, 0.619143, 0.671628, 0.724070, 0.776387)
    forms = (0.567809, 0.619527, 0.671244, 0.722961, 0.774678)

    for held, (of_table, of_form) in enumerate(zip(tables, forms, strict=True), -2):
        assert exact(BID, held, *terms) == pytest.approx(of_table, abs=5.1e-7)
        assert closed(BID, held, *terms) == pytest.approx(of_form, abs=5.1e-7)


def leading_vector(most: int, curvature: float, up: float, down: float) -> Any:
    """By numpy: the eigenvector of the largest eigenvalue."""
    held = np.arange(-most, most + 1)
    matrix = np.diag(-curvature * held.astype(float) ** 2)
    matrix += np.diag(np.full(2 * most, up), 1) + np.diag(np.full(2 * most, down), -1)
    values, vectors = np.linalg.eig(matrix)
    leading = vectors[:, np.argmax(values.real)].real
    return leading / leading[most]


@given(st.integers(1, 20), positive, positive, positive, st.sampled_from([0.0, 0.05]))
def test_the_exact_depths_are_those_of_the_eigenvector(most, gamma, decay, rate, impact):
    sigma = 0.5
    eta = rate * (1 + gamma / decay) ** -(1 + decay / gamma) * math.exp(-decay * impact / 2)
    vector = leading_vector(most, decay * gamma * sigma**2 / 2, eta, eta)
    if not (np.abs(vector) > 1e-9).all():
        return  # there the reference is noise
    held = most // 2
    naive = math.log(vector[held + most] / vector[held - 1 + most]) / decay
    naive += math.log1p(gamma / decay) / gamma + impact / 2

    found = exact(ASK, held, gamma, decay, rate, sigma, most=most, impact=impact)
    assert found == pytest.approx(naive, rel=1e-5, abs=1e-7)


def test_a_drift_and_an_impact_move_the_closed_form_as_the_paper_says():
    terms = 0.01, 0.3, 0.9, 0.3
    plain = closed(BID, 0, *terms)

    assert closed(BID, 0, *terms, drift=0.001) < plain < closed(ASK, 0, *terms, drift=0.001)
    root = 2 * (plain - fill_premium(0.01, 0.3))
    moved = fill_premium(0.01, 0.3) + 0.5 * root * math.exp(0.3 * 0.2 / 4) + 0.1
    assert closed(BID, 0, *terms, impact=0.2) == pytest.approx(moved, rel=1e-14)


def test_the_notebook_of_a_well_known_backtester_comes_out():
    """Model A, where xi = gamma and the size is 1: half spread and skew, to the last digits."""
    gamma, decay, rate, sigma = 0.05, 0.04235741115084049, 2.986162360812285, 10.69
    bid, next_bid = (closed(BID, held, gamma, decay, rate, sigma) for held in (0, 1))

    assert bid == pytest.approx(20.47208533844371, rel=1e-13)
    assert next_bid - bid == pytest.approx(9.76326865029227, rel=1e-12)


# ---- Cartea and Jaimungal ---------------------------------------------------------------------


def carry_params(**values: float) -> Any:
    params = CARTEA_JAIMUNGAL.copy()
    for name, value in values.items():
        params[name] = value
    return params


def carried(side: int, held: int, left_s: float, most: int, **values: float) -> float:
    params, table = carry_params(horizon_s=max(left_s, 0.0), **values), np.zeros(1, TABLE)
    return float(carried_depth(table, params, most, left_s, np.array([side, held])))


def naive_carried(side: int, held: int, left_s: float, most: int, params: Any) -> float:
    """By numpy: the matrix exponential through its eigenvectors, equation 10.11."""
    kappa, phi = float(params["fill_decay"][0]), float(params["running_penalty"][0])
    alpha = float(params["end_penalty"][0])
    q = np.arange(-most, most + 1).astype(float)
    matrix = np.diag(-kappa * phi * q**2)
    matrix += np.diag(np.full(2 * most, params["sell_rate"][0] / math.e), 1)
    matrix += np.diag(np.full(2 * most, params["buy_rate"][0] / math.e), -1)
    values, vectors = np.linalg.eig(matrix)
    start = np.exp(-alpha * kappa * q**2)
    grown = vectors @ (
        np.exp((values - values.real.max()) * left_s) * np.linalg.solve(vectors, start)
    )
    h = np.log(grown.real) / kappa
    step = 1 if side == BID else -1
    return float(1 / kappa - h[held + step + most] + h[held + most])


@given(
    st.integers(1, 6),
    st.floats(0.1, 3.0),
    st.floats(0.0, 0.2),
    st.floats(0.0, 0.1),
    st.tuples(st.floats(0.2, 3.0), st.floats(0.2, 3.0)),
    st.floats(0.01, 20.0),
)
def test_depths_before_an_end_are_those_of_the_matrix_exponential(
    most, kappa, phi, alpha, rates, left_s
):
    values = {"fill_decay": kappa, "running_penalty": phi, "end_penalty": alpha}
    values |= {"buy_rate": rates[0], "sell_rate": rates[1]}
    held = most - 1

    found = carried(BID, held, left_s, most, **values)
    naive = naive_carried(BID, held, left_s, most, carry_params(**values))
    assert found == pytest.approx(naive, rel=1e-6, abs=1e-7)


def test_depths_at_the_end_are_known_by_hand():
    """At once: h(q) = -alpha q**2, so that a bid is at 1 / kappa + alpha (2 q + 1)."""
    for held in (-2, 0, 2):
        found = carried(BID, held, 0.0, 5, fill_decay=2.0, end_penalty=0.03)
        assert found == pytest.approx(0.5 + 0.03 * (2 * held + 1), rel=1e-12)


def test_far_from_the_end_depths_stand_still():
    given_ = {"fill_decay": 0.5, "running_penalty": 0.02}
    for held in (-3, 0, 4):
        steady = carried(BID, held, -1.0, 5, **given_)
        assert carried(BID, held, 400.0, 5, **given_) == pytest.approx(steady, rel=1e-9)
        assert carried(ASK, -held, -1.0, 5, **given_) == pytest.approx(steady, rel=1e-9)


# ---- as rules -----------------------------------------------------------------------------------

NAMES = [
    "avellaneda-stoikov",
    "avellaneda-stoikov-infinite",
    "glft",
    "glft-exact",
    "cartea-jaimungal",
]


def quotes_of(name: str, held: int = 0, **params: Any) -> tuple[int, int]:
    """The quotes of a rule at a mid of 1,000 that holds so many orders of 10 lots."""
    events = [b.add(1, BID, 900, 500), b.add(2, ASK, 1100, 500)]
    if name == "glft-exact":
        name, params = "glft", {**params, "exact": 1}
    if name in ("avellaneda-stoikov", "glft"):
        params = {"sigma_ticks": 2.0, **params}
    given_ = {"qty_lots": 10, **params}
    quotes = (
        open_quotes(name, messages(*events), **given_)
        if held == 0
        else _held(name, events, held, given_)
    )
    return prices(quotes)


def _held(name: str, events: list[Any], held: int, params: dict[str, Any]) -> Any:
    """With a position, which a sweep through our quote leaves us."""
    side, price = (ASK, 901) if held > 0 else (BID, 1099)
    sweeps = []
    for number in range(abs(held)):
        sweeps += [b.add(10 + number, side, price, 10), b.delete(10 + number)]
    return open_quotes(name, messages(*events, *sweeps, b.add(90, BID, 899, 1)), **params)


@pytest.mark.parametrize("name", NAMES)
def test_quotes_are_even_while_nothing_is_held_and_lean_against_what_is(name):
    bid, ask = quotes_of(name)
    assert bid + ask == 2_000
    assert bid < 1_000

    long, short = quotes_of(name, 2), quotes_of(name, -2)
    assert long[0] + long[1] < 2_000 < short[0] + short[1]


@pytest.mark.parametrize(
    ("name", "lively"), [("avellaneda-stoikov", 6.0), ("glft", 90.0), ("glft-exact", 90.0)]
)
def test_quotes_go_further_out_the_more_the_price_moves(name, lively):
    calm, wild = (quotes_of(name, sigma_ticks=sigma) for sigma in (1.0, lively))

    assert wild[0] < calm[0]
    assert wild[1] > calm[1]


@pytest.mark.parametrize("name", ["avellaneda-stoikov-infinite", "glft-exact", "cartea-jaimungal"])
def test_the_side_that_adds_is_pulled_at_the_bound(name):
    events = [b.add(1, BID, 900, 500), b.add(2, ASK, 1100, 500)]
    sweeps = [b.add(10, ASK, 901, 10), b.delete(10), b.add(90, BID, 899, 1)]
    more = {"exact": 1, "sigma_ticks": 2.0} if name == "glft-exact" else {}

    quotes = open_quotes(
        name.removesuffix("-exact"), messages(*events, *sweeps), position_max=1, qty_lots=10, **more
    )

    assert quotes[BID] == {}
    assert len(quotes[ASK]) == 1


def test_defaults_are_what_the_declarations_say():
    assert {len(one) for one in (FINITE, INFINITE, GLFT, CARTEA_JAIMUNGAL)} == {1}
