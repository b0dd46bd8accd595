"""A run under way as one file, from which another process goes on bit for bit.

The file is a plain .npz without pickles: `head` (JSON text), the rule's `params` and `memory`, the
`fills` and `orders` so far, and `array0`, `array1`, ... of the session, as bytes up to the last one
that is not zero. Arrays that stand in several places of a session are in the file once. The tape is
not in it: the head says which one it must be. It is written beside its place and renamed.
"""

import hashlib
import importlib
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from mmjit.core.cache import package_digest
from mmjit.core.queues import QueueModel
from mmjit.core.rules import Rule, stamp_of
from mmjit.core.state import aligned_zeros
from mmjit.core.tables import FILL_LINE, STEP
from mmjit.core.working import Session
from mmjit.errors import ArgumentError, RunError, StrategyError, TapeError
from mmjit.models.queues import QUEUE_MODELS
from mmjit.rulebook import with_parameters
from mmjit.sessions import OF_THE_TAPE, parts_of, rebuilt, seen_of, session_of
from mmjit.tape import Tape
from mmjit.terms import Settings, said_of
from mmjit.version import __version__

FORMAT: Final = "mmjit-run"
VERSION: Final = 1
_DAMAGE: Final = (OSError, ValueError, KeyError, TypeError, IndexError, EOFError)
Array = np.ndarray[Any, Any]


class Saved(NamedTuple):
    """What a file of a run holds."""

    head: dict[str, Any]
    session: Session
    params: Array  # uint8: one record of the rule's
    memory: Array  # uint8[symbols, bytes]
    fills: Array  # FILL_LINE
    orders: Array  # STEP


# ---- writing ------------------------------------------------------------------------------------


def write_run(path: Path, tape: Tape, rule: Rule, saved: Saved, *, replace: bool) -> None:
    """Write a run to a file, which is there whole or not at all.

    Args:
        path: of the file.
        tape: on which it runs.
        rule: which decides.
        saved: what is kept; of its head "settings", "impact" and "seconds".
        replace: whether a run that is there already is replaced.

    Raises:
        ArgumentError: the file exists.
    """
    if path.exists() and not replace:
        raise ArgumentError(f"{path} exists already; remove it or pass replace=True")
    if path.exists() and not _is_run(path):
        raise ArgumentError(f"{path} exists and is no saved run; choose another place")
    places, shapes, arrays = _stored(saved.session)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "mmjit": __version__,
        "engine": package_digest()[:16],
        "layout": layout_of(saved.session),
        "tape": _tape_facts(tape),
        "rule": _rule_facts(rule),
        "places": places,
        "shapes": shapes,
        "seen": len(saved.session.track.bundle.seen) > 0,
        **saved.head,
    }
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    others = {name: getattr(saved, name) for name in ("params", "memory", "fills", "orders")}
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, {"head": text, **arrays, **others})


def _stored(session: Session) -> tuple[list[int], list[list[int]], dict[str, Array]]:
    """The number of the array in each place, the shape of each, and their bytes by name."""
    numbers: dict[int, int] = {}
    places: list[int] = []
    shapes: list[list[int]] = []
    arrays: dict[str, Array] = {}
    for name, array in parts_of(session):
        if name in OF_THE_TAPE:
            continue
        if id(array) not in numbers:
            numbers[id(array)] = len(shapes)
            arrays[f"array{len(shapes)}"] = _used(array)
            shapes.append(list(array.shape))
        places.append(numbers[id(array)])
    return places, shapes, arrays


def _write(path: Path, arrays: dict[str, Array]) -> None:
    """Put arrays into a file that appears when it is whole."""
    partial = path.parent / f".{path.name}.partial-{os.getpid()}"
    try:
        with open(partial, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _used(array: Array) -> Array:
    """The bytes of an array up to the last that is not zero: most of a large one never was used."""
    data = _bytes_of(array)
    words = data[: len(data) // 8 * 8].view(np.int64)
    if data[len(words) * 8 :].any():
        return data
    used = np.flatnonzero(words)
    return data[: 8 * (int(used[-1]) + 1)] if len(used) else data[:0]


def _bytes_of(array: Array) -> Array:
    """The bytes of an array, in place."""
    data: Array = array.reshape(-1).view(np.uint8)
    return data


def layout_of(session: Session) -> str:
    """A digest of what the bytes of the arrays mean."""
    meaning = [
        (name, np.lib.format.dtype_to_descr(array.dtype), array.ndim)
        for name, array in parts_of(session)
    ]
    lines = [np.lib.format.dtype_to_descr(dtype) for dtype in (FILL_LINE, STEP)]
    return hashlib.blake2b(repr((meaning, lines)).encode(), digest_size=16).hexdigest()


def _tape_facts(tape: Tape) -> dict[str, Any]:
    """By what a tape is known again."""
    instruments = json.dumps([instrument.as_json() for instrument in tape.instruments])
    return {
        "events": len(tape.events),
        "events_digest": tape.meta["events_digest"],
        "instruments_digest": hashlib.blake2b(instruments.encode(), digest_size=16).hexdigest(),
    }


def _rule_facts(rule: Rule) -> dict[str, str]:
    """By what a rule is known again."""
    digest = stamp_of(rule.function, rule.defaults.dtype, rule.memory)
    return {"name": rule.name, "module": rule.function.__module__, "digest": digest}


# ---- reading ------------------------------------------------------------------------------------


def read_head(path: Path) -> dict[str, Any]:
    """The head of a file of a run.

    Raises:
        RunError: there is none, it is damaged, or of another version.
    """
    if not path.exists():
        raise RunError(f"{path} does not exist; save a run there with Run.save")
    if not zipfile.is_zipfile(path):
        raise RunError(f"{path} is no saved run, or was cut; save the run again")
    try:
        with np.load(path, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
    except (*_DAMAGE, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise RunError(f"{path} is no saved run; save one with Run.save")
    for name, ours in (
        ("version", VERSION),
        ("mmjit", __version__),
        ("engine", package_digest()[:16]),
    ):
        if head.get(name) != ours:
            raise RunError(
                f"{path} has {name} {head.get(name)!r} and this one is {ours!r}; go on with the "
                "mmjit that saved it"
            )
    return head


def read_run(path: Path, tape: Tape, rule: Rule, head: dict[str, Any]) -> Saved:
    """What a file of a run holds, for the tape and the rule that it was saved with.

    Raises:
        TapeError: it was saved on another tape.
        StrategyError: another rule decided.
        RunError: the file is damaged, or its arrays are laid out otherwise.
    """
    template = session_of(tape, Settings())
    try:
        _refuse_other(path, tape, rule, head)
        if head["layout"] != layout_of(template):
            raise RunError(
                f"{path} has layout {head['layout'][:8]} and this mmjit has "
                f"{layout_of(template)[:8]}; go on with the mmjit that saved it"
            )
        with np.load(path, allow_pickle=False) as file:
            return Saved(
                head,
                _session(file, tape, head, template),
                np.array(file["params"]),
                np.array(file["memory"]),
                file["fills"].view(FILL_LINE),
                file["orders"].view(STEP),
            )
    except (*_DAMAGE, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None


def rule_of(path: Path, head: dict[str, Any], given: Rule | None) -> Rule:
    """The rule given, or of mmjit's own the one that a head names.

    Raises:
        StrategyError: none is given, and the one that decided does not come with mmjit.
    """
    if given is not None:
        return given
    try:
        name, home = head["rule"]["name"], head["rule"]["module"]
        if home.partition(".")[0] == "mmjit":
            found = getattr(importlib.import_module(home), name)
            if isinstance(found, Rule):
                return found
    except (*_DAMAGE, ImportError, AttributeError) as error:
        raise _damaged(path, error) from None
    raise StrategyError(f"{path} was saved with rule {name} of {home}; give it as strategy")


def model_of(path: Path, head: dict[str, Any], given: QueueModel | str | None) -> QueueModel:
    """The queue model given, or of mmjit's own the one that a head names.

    Raises:
        StrategyError: none is given and it does not come with mmjit, or it is another one.
    """
    try:
        said = head["settings"]["queue_model"]
        name, params = said["name"], said["params"]
    except _DAMAGE as error:
        raise _damaged(path, error) from None
    if given is None and name not in QUEUE_MODELS:
        raise StrategyError(f"{path} was saved with queue model {name}; give it as queue_model")
    if given is None:
        model = QUEUE_MODELS[name].given(with_parameters(QUEUE_MODELS[name], params))
    else:
        model = Settings(queue_model=given).model()
    ours = said_of(model)
    if ours != said:
        raise StrategyError(
            f"{path} was saved with queue model {name} {params}, digest {said['digest'][:8]}, and "
            f"{ours['name']} {ours['params']} has {ours['digest'][:8]}; give the one it was saved "
            "with as queue_model"
        )
    return model


def _refuse_other(path: Path, tape: Tape, rule: Rule, head: dict[str, Any]) -> None:
    """Refuse another tape, and another rule."""
    for name, ours in _tape_facts(tape).items():
        if head["tape"][name] != ours:
            raise TapeError(
                f"{path} was saved on another tape: {name} {head['tape'][name]}, and {tape.path} "
                f"has {ours}; give the tape it was saved on"
            )
    kept, ours = head["rule"], _rule_facts(rule)
    if kept["name"] != ours["name"] or kept["digest"] != ours["digest"]:
        raise StrategyError(
            f"{path} was saved with rule {kept['name']} of {kept['module']}, digest "
            f"{kept['digest'][:8]}, and {ours['name']} of {ours['module']} has "
            f"{ours['digest'][:8]}; give the rule it was saved with as strategy"
        )


def _session(file: Any, tape: Tape, head: dict[str, Any], template: Session) -> Session:
    """The session of a file, in arrays like those of a template."""
    places = list(reversed(head["places"]))
    arrays: dict[int, Array] = {}

    def filled(name: str, model: Array) -> Array:
        if name == "seen" and head["seen"]:
            return seen_of(tape)
        if name in OF_THE_TAPE:
            return model
        number = places.pop()
        if number not in arrays:
            shape = tuple(head["shapes"][number])
            array = aligned_zeros(name, model.dtype, math.prod(shape)).reshape(shape)
            data = file[f"array{number}"]
            _bytes_of(array)[: len(data)] = data
            arrays[number] = array
        return arrays[number]

    made: Session = rebuilt(template, filled)
    return made


def _is_run(path: Path) -> bool:
    """Whether a file is a run that was saved, by any mmjit."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return bool(json.loads(file["head"].tobytes())["format"] == FORMAT)
    except (*_DAMAGE, zipfile.BadZipFile, AttributeError):
        return False


def _damaged(path: Path, error: Exception) -> RunError:
    what = " ".join(f"{type(error).__name__} {error}".split())[:120]
    return RunError(f"{path} is damaged or no saved run ({what}); save the run again")
