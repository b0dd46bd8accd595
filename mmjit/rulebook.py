"""Finding a rule or a queue model by name or in a user's file, and giving it its parameters."""

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Generic, TypeVar

import numpy as np

from mmjit.core.authored import Authored
from mmjit.core.queues import QueueModel
from mmjit.core.rules import Rule
from mmjit.errors import StrategyError
from mmjit.models.queues import QUEUE_MODELS

T = TypeVar("T", bound=Authored)

SHIPPED: Final = {
    "pegged": "mmjit.strategies.pegged:pegged",
    "skewed": "mmjit.strategies.skewed:skewed",
    "inventory-skewed": "mmjit.strategies.skewed:skewed",
    "adaptive-spread": "mmjit.strategies.adaptive:adaptive",
    "mean-reversion": "mmjit.strategies.reversion:reversion",
    "momentum": "mmjit.strategies.momentum:momentum",
    "imbalance": "mmjit.strategies.imbalance:imbalance",
    "micro-price": "mmjit.strategies.microprice:microprice",
    "order-flow": "mmjit.strategies.orderflow:orderflow",
    "grid": "mmjit.strategies.grid:grid",
    "join-queue": "mmjit.strategies.joining:joining",
    "avellaneda-stoikov": "mmjit.strategies.avellaneda_stoikov:avellaneda_stoikov",
    "avellaneda-stoikov-infinite": (
        "mmjit.strategies.avellaneda_stoikov:avellaneda_stoikov_infinite"
    ),
    "glft": "mmjit.strategies.glft:glft",
    "cartea-jaimungal": "mmjit.strategies.cartea_jaimungal:cartea_jaimungal",
}


def find_rule(text: str) -> Rule:
    """A rule by its name, by FILE.py:FUNCTION, or by the FILE.py that defines no other.

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
    return _of_file(text, _RULES, list(SHIPPED))


def refuse_orders(rule: Rule) -> None:
    """A rule that asks for orders by themselves is none for a market that takes quotes alone."""
    if rule.asks_orders:
        raise StrategyError(
            f"rule {rule.name} submits orders by itself, which only a backtest takes; quote with "
            "`want` here"
        )


def find_queue_model(text: str) -> QueueModel:
    """A queue model by its name, or by FILE.py:FUNCTION, and behind that any parameters.

    `power3`, `power3:n=2`, `mine.py:patient:n=2:floor=10`.

    Raises:
        StrategyError: there is no such model, file, function or parameter, or the file fails when
            imported.
    """
    if not isinstance(text, str):
        raise StrategyError(
            f"queue model {text!r} is neither a name nor a model; decorate a function with "
            "@mmjit.queue_model(...)"
        )
    parts = text.split(":")
    places = [place for place, part in enumerate(parts) if "=" in part and place > 0]
    first = places[0] if places else len(parts)
    name = ":".join(parts[:first])
    if name in QUEUE_MODELS:
        model = QUEUE_MODELS[name]
    else:
        model = _of_file(name, _QUEUE_MODELS, list(QUEUE_MODELS))
    pairs = [part.partition("=") for part in parts[first:]]
    return model.given(with_parameters(model, {key: value for key, _, value in pairs}))


@dataclass(frozen=True)
class _Sort(Generic[T]):
    """What is looked for: how messages call it, what it is, and how one is declared."""

    noun: str
    kind: type[T]
    decorator: str


_RULES: Final = _Sort("strategy", Rule, "strategy")
_QUEUE_MODELS: Final = _Sort("queue model", QueueModel, "queue_model")


def _of_file(text: str, sort: _Sort[T], names: list[str]) -> T:
    """What FILE.py:FUNCTION means, or FILE.py of the only one that it defines."""
    if text.endswith(".py"):
        return _only_of(_import(Path(text), sort.noun), text, sort)
    file, colon, name = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise StrategyError(
            f"{sort.noun} {text!r} is neither one of {', '.join(names)} nor FILE.py:FUNCTION"
        )
    module = _import(Path(file), sort.noun)
    found = getattr(module, name, None)
    if not isinstance(found, sort.kind):
        named = [key for key, value in vars(module).items() if isinstance(value, sort.kind)]
        there = ", ".join(named) or "none"
        raise StrategyError(
            f"{sort.noun}: {file} has no {sort.kind.noun} {name!r} (it has: {there}); decorate the "
            f"function with @mmjit.{sort.decorator}(...)"
        )
    return found


def _only_of(module: ModuleType, file: str, sort: _Sort[T]) -> T:
    """The one that a file defines; what it imports from others does not count."""
    found = [value for value in vars(module).values() if isinstance(value, sort.kind)]
    own = [value for value in found if value.function.__module__ == module.__name__]
    if len(own) != 1:
        names = ", ".join(one.name for one in own) or "none"
        raise StrategyError(
            f"{sort.noun}: {file} has several or none ({names}); give FILE.py:FUNCTION"
        )
    return own[0]


def _import(path: Path, noun: str) -> ModuleType:
    """A user's file, which may import its neighbours."""
    if not path.is_file():
        raise StrategyError(f"{noun}: there is no file {path}; give FILE.py:FUNCTION")
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
        told = _one_line(error)
        if isinstance(error, SyntaxError) and error.text is not None:
            where = Path(error.filename or path).name
            told = f"{where}, line {error.lineno}:\n    {error.text.strip()}\n{error.msg}"
        raise StrategyError(f"{noun}: {path} fails when imported: {told}") from error
    finally:
        sys.path.remove(folder)
        if previous is not None:
            sys.modules[module_name] = previous
    return module


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def with_parameters(rule: Authored, values: dict[str, Any]) -> np.ndarray[Any, Any]:
    """The parameters of a rule or a queue model: its defaults, but for the values given.

    Args:
        rule: the rule or model.
        values: by name; numbers, or text as from the command line.

    Raises:
        StrategyError: no such parameter, or a value that is not of its type.
    """
    record = rule.defaults.copy()
    names = [name for name in record.dtype.names or () if name != "unused"]
    for name, value in values.items():
        if name not in names:
            raise StrategyError(
                f"{rule.noun} {rule.name} has no parameter {name!r}; it has: "
                f"{', '.join(names) or 'none'}"
            )
        record[name] = _of_type(rule, name, value, record.dtype[name])
    return record


def _of_type(rule: Authored, name: str, value: Any, dtype: np.dtype[Any]) -> int | float:
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
        raise StrategyError(
            f"parameter {name} of {rule.noun} {rule.name}: {value!r} is not {wanted}"
        )
    return number
