"""`mmjit strategies`: the rules that come with mmjit, their parameters and what those mean."""

import argparse
from typing import Any

from mmjit.cli import add_common, print_json, text


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "strategies",
        help="list the rules that come with mmjit, or explain one",
        description="Lists the rules that come with mmjit; with a NAME, or a rule of your own as "
        "FILE.py:FUNCTION, what it does and its parameters with their units and defaults.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME|FILE.py[:FUNC]")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print all rules, or one."""
    from mmjit.rule_pages import page_of
    from mmjit.rulebook import SHIPPED, find_rule

    if arguments.name is None:
        first = {name: find_rule(name).doc for name in SHIPPED}
        if arguments.json:
            print_json(first)
        else:
            print(text.table(list(first.items()), ("strategy", "what it wants")))
            print(
                "\nmmjit strategies NAME has the parameters; mmjit new-strategy FILE.py a template"
            )
        return 0
    page = page_of(find_rule(arguments.name))
    if arguments.json:
        print_json(page.as_json())
        return 0
    print(page.text)
    rows = [(one.name, one.default, one.meaning) for one in page.parameters]
    print()
    print(text.table(rows, ("parameter", "default", "meaning")) if rows else "no parameters")
    return 0
