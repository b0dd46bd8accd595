"""Amounts of currency that are exact and wide: whole units, and halves of 1e-12 of a unit.

An amount is the pair (units, half_pico) with 0 <= half_pico < HALF_PICOS, so one below zero has its
units rounded down. It is compared by units first.
"""

from typing import Final

from mmjit.core.jit import verb

HALF_PICOS: Final = 2 * 10**12  # in one unit
UNITS_MAX: Final = (1 << 61) - 1  # of either sign; a sum stays here once there
_MILLION: Final = 10**6
_TERA: Final = 10**12


@verb
def half_points(count, point_pico):  # type: ignore[no-untyped-def]
    """The amount of so many half points, exactly.

    Args:
        count: of half points; |count| <= 2**62.
        point_pico: 1e-12 of a unit in one point, below 2**60; |count| * point_pico must be below
            2**62 * 10**12.

    Returns:
        Units and half_pico.
    """
    high = count // _MILLION
    low = count - high * _MILLION
    pico_high = point_pico // _MILLION
    pico_low = point_pico - pico_high * _MILLION
    middle = high * pico_low + low * pico_high
    carry = middle // _MILLION
    halves = high * pico_high + carry  # of a unit: 10**12 half_pico each
    rest = (middle - carry * _MILLION) * _MILLION + low * pico_low
    units = halves >> 1
    rest += (halves & 1) * _TERA
    if rest >= HALF_PICOS:
        return units + 1, rest - HALF_PICOS
    return units, rest


@verb
def picos(count):  # type: ignore[no-untyped-def]
    """The amount of so many 1e-12 of a unit."""
    units = count // _TERA
    return units, 2 * (count - units * _TERA)


@verb
def add(units, half_pico, more_units, more_half_pico):  # type: ignore[no-untyped-def]
    """The sum of two amounts."""
    total = units + more_units
    halves = half_pico + more_half_pico
    if halves >= HALF_PICOS:
        halves -= HALF_PICOS
        total += 1
    return min(max(total, -UNITS_MAX), UNITS_MAX), halves


@verb
def subtract(units, half_pico, less_units, less_half_pico):  # type: ignore[no-untyped-def]
    """The difference of two amounts."""
    total = units - less_units
    halves = half_pico - less_half_pico
    if halves < 0:
        halves += HALF_PICOS
        total -= 1
    return total, halves


@verb
def reaches(units, half_pico, other_units, other_half_pico):  # type: ignore[no-untyped-def]
    """Whether an amount is another one or more."""
    if units != other_units:
        return units > other_units
    return half_pico >= other_half_pico
