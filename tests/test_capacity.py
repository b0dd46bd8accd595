"""What a state holds is chosen once; what it costs is computed, term by term."""

import argparse
import io
import json

import numpy as np
import pytest

from mmjit.capacity import (
    FILLS_MAX,
    HEADER,
    PAGE_BYTES,
    SEQUENCE,
    SLOTS_MAX,
    Capacity,
    npy_head,
    table,
    unit_bytes,
)
from mmjit.cli import create
from mmjit.core.state import Counts, VenueCounts, memory_venue
from mmjit.errors import ArgumentError


def test_a_market_of_8000_symbols_and_a_million_orders_fits_256_mib():
    capacity = Capacity(symbols=8_000, orders=1_000_000)

    assert capacity.pages == 250_000
    assert capacity.total_bytes <= 256 << 20


def test_it_fits_with_quantities_of_64_bits_too():
    assert Capacity(symbols=8_000, orders=1_000_000, qty_bits=64).total_bytes <= 256 << 20


@pytest.mark.parametrize("qty_bits", [32, 64])
def test_the_terms_count_the_very_arrays_of_a_venue(qty_bits):
    capacity = Capacity(symbols=3, orders=10, pages=7, qty_bits=qty_bits, accounts=2)
    venue = memory_venue(capacity.counts)
    book = venue.book
    arrays = {
        **{name: getattr(book, name) for name in book._fields},
        "order_free": book.order_pool.free,
        "order_meter": book.order_pool.meter,
        "page_free": book.page_pool.free,
        "page_meter": book.page_pool.meter,
        **{name: getattr(venue, name) for name in ("details", "alarms", "trades", "fills")},
        **{name: getattr(venue.ledger, name) for name in venue.ledger._fields},
        "refusals": venue.counts,
        "venue": venue.control,
    }

    others = ("sequences", "header", "LOCK")
    own = [term for term in capacity.terms() if term.name not in others]

    assert {t.name: (t.records, t.dtype) for t in own} == {
        name: (len(arrays[name]), arrays[name].dtype)
        for name in arrays
        if name not in ("levels", "order_pool", "page_pool")
    }


def test_every_term_is_a_page_and_its_records_and_says_what_for():
    for term in Capacity().terms():
        head = 0 if term.name == "LOCK" else PAGE_BYTES
        assert term.total_bytes == head + term.records * term.record_bytes
        assert term.record_bytes == term.dtype.itemsize
        assert term.per
        assert term.reason


def test_what_is_left_out_follows_from_the_orders():
    assert Capacity(orders=1000) == Capacity(orders=1000, pages=1000, rungs=4096)
    assert Capacity(orders=1000, pages=50).rungs == 1024


def test_the_core_is_told_the_same():
    capacity = Capacity(symbols=2, orders=8, pages=5, rungs=32, qty_bits=64)

    book = Counts(symbols=2, orders=8, pages=5, rungs=32, wide=True)
    assert capacity.counts == VenueCounts(
        book, accounts=1, currencies=1, trades=1 << 16, fills=1 << 16, alarms=8
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"symbols": 0}, "symbols: 0 is less than 1; give at least that"),
        ({"symbols": -1}, "symbols: -1 is less than 1"),
        ({"symbols": 65_537}, "symbols: 65,537 is more than 65,536; split"),
        ({"orders": 0}, "orders: 0 is less than 1"),
        ({"orders": SLOTS_MAX + 1}, "orders: 2,147,483,648 is more than 2,147,483,647; split"),
        ({"orders": 1 << 30}, r"orders \+ 16 \* pages: 5,368,709,120 is more than 2,147,483,647"),
        ({"pages": 0}, "pages: 0 is less than 1"),
        ({"pages": -2}, "pages: -2 is less than 1"),
        ({"pages": SLOTS_MAX + 1}, "pages: 2,147,483,648 is more than 2,147,483,647; split"),
        ({"pages": 1 << 27}, r"orders \+ 16 \* pages: .*; give fewer pages"),
        ({"rungs": 8}, "rungs: 8 is less than 16"),
        ({"rungs": 17}, "rungs: 17 is not a power of two; give 32"),
        ({"rungs": 1 << 35}, "rungs: 34,359,738,368 is more than 2,147,483,648; leave it out"),
        ({"fills": 0}, "fills: 0 is less than 1"),
        ({"fills": 1000}, "fills: 1,000 is not a power of two; give 1,024"),
        ({"fills": 2 * FILLS_MAX}, "fills: .* is more than 1,073,741,824; drain"),
        ({"qty_bits": 16}, "qty_bits: 16 is neither 32 nor 64; give one of them"),
        ({"orders": 1e6}, "orders: 1000000.0 is not a whole number; give an int"),
        ({"orders": float("nan")}, "orders: nan is not a whole number"),
        ({"orders": "8"}, "orders: '8' is not a whole number"),
        ({"orders": None}, "orders: None is not a whole number"),
        ({"symbols": True}, "symbols: True is not a whole number"),
        ({"symbols": np.True_}, "symbols: .* is not a whole number"),
    ],
)
def test_a_value_outside_its_limit_is_refused_with_the_remedy(values, sentence):
    with pytest.raises(ArgumentError, match=f"^{sentence}"):
        Capacity(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"symbols": 1, "orders": 1, "pages": 1, "rungs": 16, "fills": 1},
        {"symbols": 65_536},
        {"orders": SLOTS_MAX - 16 * 1024 - 7, "pages": 1024},
        {"orders": np.int64(8), "pages": np.uint8(8)},
    ],
)
def test_a_value_at_its_limit_is_taken(values):
    taken = Capacity(**values)

    assert {name: taken.as_json()[name] for name in values} == values
    assert all(type(value) is int for value in taken.as_json().values())


def test_what_one_more_costs_adds_up_to_what_more_cost():
    costs = unit_bytes()
    many = {"symbols": 1 << 15, "orders": 1 << 16, "pages": 1 << 16, "fills": 1 << 16}
    more = {name: 2 * count for name, count in many.items() if name != "symbols"}

    grown = sum(costs[name] * count for name, count in many.items() if name != "symbols")

    assert costs.keys() == many.keys()
    assert (
        Capacity(**more).total_bytes - Capacity(**{n: many[n] for n in more}).total_bytes == grown
    )


@pytest.mark.parametrize(
    "dtype", [HEADER, SEQUENCE, np.dtype("i4"), *(t.dtype for t in Capacity().terms())]
)
def test_a_head_is_one_page_that_numpy_reads(dtype):
    head = npy_head(dtype, 3)

    read = np.load(io.BytesIO(head + bytes(3 * dtype.itemsize)))

    assert len(head) == PAGE_BYTES
    assert read.shape == (3,)
    assert read.dtype.fields == dtype.fields


def test_the_header_is_laid_out_as_drawn():
    offsets = {name: HEADER.fields[name][1] for name in HEADER.names}

    assert HEADER.itemsize == 512
    assert offsets == {
        "magic": 0,
        "version": 8,
        "endianness": 12,
        "layout": 16,
        "instance": 48,
        "epoch": 64,
        "symbols": 72,
        "orders": 80,
        "pages": 88,
        "rungs": 96,
        "fills": 104,
        "qty_bits": 112,
        "semantics": 120,
        "total_bytes": 128,
        "accounts": 136,
        "currencies": 144,
        "alarms": 152,
        "reserved": 160,
        "checksum": 480,
    }


# ---- the command ----------------------------------------------------------------------------


@pytest.fixture
def parse():
    parser = argparse.ArgumentParser(prog="mmjit")
    create.add_parser(parser.add_subparsers())
    return lambda *words: parser.parse_args(["create", *map(str, words)])


def call(parse, *words):
    args = parse(*words)
    return args.run(args)


def test_help_shows_what_each_term_costs(parse, capsys):
    with pytest.raises(SystemExit):
        parse("--help")

    shown = capsys.readouterr().out
    for term in Capacity().terms():
        assert any(
            term.name in line and f"{term.total_bytes:,}" in line for line in shown.splitlines()
        )
    assert f"{Capacity(symbols=8_000, orders=1_000_000).total_bytes:,} bytes" in shown
    assert f"order    {unit_bytes()['orders']:6.0f}" in shown


def test_a_dry_run_prints_the_table_and_makes_nothing(parse, tmp_path, capsys):
    assert call(parse, tmp_path / "s", "--orders", "1,000", "--dry-run") == 0

    shown = capsys.readouterr().out
    assert shown.startswith(table(Capacity(orders=1000)))
    assert list(tmp_path.iterdir()) == []


def test_json_says_the_same_to_scripts(parse, tmp_path, capsys):
    words = ("--symbols", 2, "--orders", 8, "--pages", 5, "--qty-bits", 64, "--fills", 2, "--json")

    assert call(parse, tmp_path / "s", *words) == 0

    said = json.loads(capsys.readouterr().out)
    files = {path.name: path.stat().st_size for path in (tmp_path / "s").iterdir()}
    assert said["created"] is True
    assert said["capacity"]["qty_bits"] == 64
    assert (
        said["total_bytes"] == sum(files.values()) == sum(t["total_bytes"] for t in said["terms"])
    )


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "many", ""])
def test_a_count_that_is_none_is_refused(parse, tmp_path, word, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(tmp_path / "s", f"--orders={word}")

    assert stopped.value.code == 2
    assert "--orders" in capsys.readouterr().err
