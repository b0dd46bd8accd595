"""Finding a rule by name or in a user's file, and giving it its parameters."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmjit.core.rules import Rule
from mmjit.errors import StrategyError

SHIPPED: Final = {
    "pegged": "mmjit.strategies.pegged:pegged",
    "skewed": "mmjit.strategies.skewed:skewed",
    "inventory-skewed": "mmjit.strategies.skewed:skewed",
}


def find_rule(text: str) -> Rule:
    """A rule by its name, or by FILE.py:FUNCTION.

    Raises:
        StrategyError: there is no such rule, file or function, or the file fails when imported.
    """
    if not isinstance(text, str):
        raise StrategyError(
            f"strategy {text!r} is neither a name nor a rule; decorate a function with "
            "@mmjit.strategy(...)"
        )
    if text in SHIPPED:
        module, _, name = SHIPPED[text].partition(":")
        rule = getattr(importlib.import_module(module), name)
        assert isinstance(rule, Rule)
        return rule
    file, colon, name = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise StrategyError(
            f"strategy {text!r} is neither one of {', '.join(SHIPPED)} nor FILE.py:FUNCTION"
        )
    return _from_file(Path(file), name)


def _from_file(path: Path, name: str) -> Rule:
    """A rule out of a user's file."""
    if not path.is_file():
        raise StrategyError(f"strategy: there is no file {path}; give FILE.py:FUNCTION")
    module_name = path.stem
    folder = str(path.resolve().parent)
    spec = importlib.util.spec_from_file_location(module_name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)  # so that it can import its neighbours
    previous = sys.modules.get(module_name)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise StrategyError(f"strategy: {path} fails when imported: {_one_line(error)}") from error
    finally:
        sys.path.remove(folder)
        if previous is not None:
            sys.modules[module_name] = previous
    rule = getattr(module, name, None)
    if not isinstance(rule, Rule):
        rules = [key for key, value in vars(module).items() if isinstance(value, Rule)]
        raise StrategyError(
            f"strategy: {path} has no rule {name!r} (it has: {', '.join(rules) or 'none'}); "
            "decorate the function with @mmjit.strategy(...)"
        )
    return rule


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def with_parameters(rule: Rule, values: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The parameters of a rule: its defaults, but for the values given.

    Args:
        rule: the rule.
        values: by name; numbers, or text as from the command line.

    Raises:
        StrategyError: no such parameter, or a value that is not of its type.
    """
    record = rule.defaults.copy()
    names = [name for name in record.dtype.names or () if name != "unused"]
    for name, value in values.items():
        if name not in names:
            raise StrategyError(
                f"rule {rule.name} has no parameter {name!r}; it has: {', '.join(names) or 'none'}"
            )
        record[name] = _of_type(rule, name, value, record.dtype[name])
    return record


def _of_type(rule: Rule, name: str, value: Any, dtype: np.dtype[Any]) -> int | float:
    """A value as its parameter's type; an int parameter takes whole numbers only."""
    number: int | float | None = None
    try:
        if not isinstance(value, bool):
            number = float(value) if dtype.kind == "f" else int(value)
            if dtype.kind == "i" and not isinstance(value, str) and number != value:
                number = None
    except (TypeError, ValueError, OverflowError):
        number = None
    wanted = "a number" if dtype.kind == "f" else "a whole number"
    fits = number is not None and number == number and abs(number) < 1 << 62
    if number is None or not fits:
        raise StrategyError(f"parameter {name} of rule {rule.name}: {value!r} is not {wanted}")
    return number
