"""Who fills what: the conformance cases through mmjit and through hftbacktest, side by side.

hftbacktest needs an environment of its own, for it holds numpy back:

    python -m venv hft && hft/bin/pip install hftbacktest==2.4.4
    python perf/conformance.py --hftbacktest hft/bin/python
    python perf/conformance.py --engine mmjit            # mmjit alone, in this environment

Each case of hftbacktest's is played in a process of its own, which may hang or die without the
others. A case passes if every fill (time, price, quantity, maker or taker), every order's end and
the position are those that the case says; else the table says the first that is not, and --json
says all. Exit status: 1 if mmjit fails a case.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from tests.conformance_format import Case, differences, load_cases  # noqa: E402

ENGINES = {
    "mmjit": "mmjit",
    "no-partial": "hftbacktest NoPartialFillExchange",
    "partial": "hftbacktest PartialFillExchange",
}
OF_HFTBACKTEST = ("no-partial", "partial")
PASS = "pass"
SECONDS_MAX = 20  # of a case, before it counts as hung


def main() -> int:
    """Play what was asked for, and print who passes what."""
    options = parser().parse_args()
    if options.serve:
        json.dump(serve(options.serve, json.load(sys.stdin)), sys.stdout)
        return 0
    cases = [case for case in load_cases() if not options.case or case["name"] in options.case]
    if not cases:
        sys.exit(f"no case is named {' or '.join(options.case)}; tests/conformance has them")
    verdicts = {name: play_all(name, cases, options) for name in engines(options.engine)}
    if options.json:
        print(json.dumps(verdicts, indent=2))
    else:
        print(table(cases, verdicts))
    return 1 if any(one != PASS for one in verdicts.get("mmjit", {}).values()) else 0


def parser() -> argparse.ArgumentParser:
    """What reads the command line."""
    one = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one.add_argument(
        "--engine",
        action="append",
        choices=("mmjit", "hftbacktest"),
        help="whom to play them through, may be repeated (default: hftbacktest)",
    )
    one.add_argument(
        "--hftbacktest",
        metavar="PYTHON",
        default=sys.executable,
        help="the Python of the environment that has hftbacktest (default: this one)",
    )
    one.add_argument("--case", action="append", metavar="NAME", help="this one only, repeatable")
    one.add_argument("--json", action="store_true", help="all that is wrong, as JSON, by engine")
    one.add_argument("--serve", choices=tuple(ENGINES), help=argparse.SUPPRESS)
    return one


def engines(asked: list[str] | None) -> list[str]:
    """The columns that were asked for, ours first."""
    asked = asked or ["hftbacktest"]
    ours = ["mmjit"] if "mmjit" in asked else []
    return [*ours, *(OF_HFTBACKTEST if "hftbacktest" in asked else ())]


def play_all(name: str, cases: list[Case], options: argparse.Namespace) -> dict[str, str]:
    """The verdict on each case, from a process in the engine's environment."""
    python = options.hftbacktest if name in OF_HFTBACKTEST else sys.executable
    done = subprocess.run(
        [python, str(Path(__file__).resolve()), "--serve", name],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        sys.exit(f"{ENGINES[name]} does not start in {python}: {last}\n\n{__doc__}")
    results = json.loads(done.stdout)
    return {case["name"]: verdict(case, results[case["name"]]) for case in cases}


def verdict(case: Case, result: dict[str, Any]) -> str:
    """Pass, or what happened instead."""
    if "not supported" in result:
        return f"not supported: {result['not supported']}"
    if "failed" in result:
        return str(result["failed"])
    return "; ".join(differences(case, result)) or PASS


def table(cases: list[Case], verdicts: dict[str, dict[str, str]]) -> str:
    """A Markdown table of the first that is wrong with each case, and how many passed."""
    lines = [
        f"| case | {' | '.join(ENGINES[name] for name in verdicts)} |",
        "|---|" + "---|" * len(verdicts),
    ]
    for case in cases:
        row = " | ".join(one[case["name"]].split("; ")[0] for one in verdicts.values())
        lines.append(f"| `{case['name']}` | {row} |")
    counts = []
    for one in verdicts.values():
        passed = sum(text == PASS for text in one.values())
        unsaid = sum(text.startswith("not supported") for text in one.values())
        counts.append(f"{passed} pass, {len(one) - passed - unsaid} fail, {unsaid} not supported")
    return "\n".join([*lines, f"| {len(cases)} cases | {' | '.join(counts)} |"])


# ---- in the engine's environment ----------------------------------------------------------------


def serve(name: str, cases: list[Case]) -> dict[str, dict[str, Any]]:
    """What an engine does with each case."""
    play = player(name)
    # Whatever an engine prints must not get into our answer.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ours compiles what it needs once, in this process.
    run = outcome if name == "mmjit" else in_a_child
    results = {case["name"]: run(play, case) for case in cases}
    sys.stdout.flush()
    os.dup2(answer, sys.stdout.fileno())
    return results


def player(name: str) -> Callable[[Case], dict[str, Any]]:
    """A function that plays a case and says what came of it."""
    if name == "mmjit":
        from tests import conformance_runner

        return conformance_runner.play  # type: ignore[no-any-return]
    import conformance_hftbacktest as hftbacktest

    def play(case: Case) -> dict[str, Any]:
        try:
            return hftbacktest.play(case, name)
        except hftbacktest.UnsupportedError as error:
            return {"not supported": str(error)}

    return play


def in_a_child(play: Callable[[Case], dict[str, Any]], case: Case) -> dict[str, Any]:
    """Play a case in a process of its own, and outlive it."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=answer_once, args=(play, case, sender))
    child.start()
    sender.close()
    result: dict[str, Any] = {"failed": f"hangs for more than {SECONDS_MAX} s"}
    try:
        if receiver.poll(SECONDS_MAX):
            result = receiver.recv()
    except EOFError:
        child.join()
        result = {"failed": f"the process dies (exit code {child.exitcode})"}
    child.kill()
    child.join()
    return result


def answer_once(play: Callable[[Case], dict[str, Any]], case: Case, sender: Any) -> None:
    """Send what came of a case."""
    sender.send(outcome(play, case))


def outcome(play: Callable[[Case], dict[str, Any]], case: Case) -> dict[str, Any]:
    """What came of a case, or the error that did."""
    try:
        return play(case)
    except Exception as error:  # whatever an engine raises is a verdict on it
        return {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main())
