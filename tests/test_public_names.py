"""What is offered under `mmjit`, and that every broken rule has its sentence."""

import ast
import importlib
import inspect
from enum import IntEnum
from pathlib import Path

import pytest

import mmjit
from mmjit import errors
from mmjit.core.codes import Status

RULES = [status for status in Status if status < 0]


@pytest.mark.parametrize("name", mmjit.__all__)
def test_a_public_name_can_be_imported_and_says_what_it_is(name):
    thing = getattr(mmjit, name)

    if inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing):
        assert (inspect.getdoc(thing) or "").strip()


def test_public_names_are_unique_and_none_is_private():
    assert len(set(mmjit.__all__)) == len(mmjit.__all__)
    assert [name for name in mmjit.__all__ if name.startswith("_") and name != "__version__"] == []


def test_a_name_that_mmjit_does_not_have_is_missing_as_usual():
    with pytest.raises(AttributeError, match="no_such_name"):
        mmjit.no_such_name  # noqa: B018


def test_every_public_name_is_listed_by_dir():
    assert set(mmjit.__all__) <= set(dir(mmjit))


def test_every_exception_can_be_caught_as_mmjits_own():
    tree = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, Exception)]

    assert all(issubclass(e, errors.MmjitError) for e in tree)
    assert all(e.exit_code in (1, 2) for e in tree)


def test_every_exception_stands_in_the_tree_at_the_top_of_its_file():
    drawn = errors.__doc__ or ""
    tree = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, Exception)]

    assert [e.__name__ for e in tree if e.__name__ not in drawn] == []


@pytest.mark.parametrize("status", RULES, ids=lambda status: status.name)
def test_every_broken_rule_has_its_sentence_and_its_exception(status):
    sentence = errors.RULES[status]
    assert sentence == sentence.strip()
    assert "\n" not in sentence
    assert not sentence.endswith(".")

    with pytest.raises(errors.RefusedError) as caught:
        errors.check(int(status))
    assert caught.value.status is status
    assert status.name.lower() in str(caught.value)


def test_no_sentence_is_left_over_and_none_serves_two_rules():
    assert set(errors.RULES) == set(Status)
    assert len(set(errors.RULES.values())) == len(errors.RULES)


@pytest.mark.parametrize("result", [0, 1, 1 << 40])
def test_a_result_that_breaks_no_rule_is_handed_on(result):
    assert errors.check(result) == result


def test_every_vocabulary_of_the_core_has_distinct_numbers():
    codes = importlib.import_module("mmjit.core.codes")
    for vocabulary in vars(codes).values():
        if inspect.isclass(vocabulary) and issubclass(vocabulary, IntEnum):
            assert len(vocabulary) == len(vocabulary.__members__), vocabulary


def test_every_module_can_be_imported_by_itself():
    top = Path(mmjit.__file__).parent
    for path in top.rglob("*.py"):
        if path.name == "__main__.py" or not ast.parse(path.read_text()).body:
            continue
        parts = path.relative_to(top.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        assert importlib.import_module(name)
