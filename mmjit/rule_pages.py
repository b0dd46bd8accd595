"""What a rule says of itself: its docstring, and its parameters with the comments beside them.

The comment behind a parameter in its declaration is its description and its unit; there is no
second list.
"""

import ast
import inspect
import io
import sys
import tokenize
from dataclasses import dataclass
from typing import Any

from mmjit.core.rules import NOTHING, Rule


@dataclass(frozen=True)
class Parameter:
    """One parameter of a rule.

    Attributes:
        name: as `--param` and `params=` have it.
        default: an int or a float, which is also its type.
        meaning: the comment beside its declaration.
    """

    name: str
    default: int | float
    meaning: str


@dataclass(frozen=True)
class RulePage:
    """What a rule says of itself.

    Attributes:
        name: of its function.
        text: its docstring.
        parameters: in the order of their declaration.
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]

    def as_json(self) -> dict[str, Any]:
        """The page as one object."""
        parameters = {one.name: [one.default, one.meaning] for one in self.parameters}
        return {"name": self.name, "text": self.text, "parameters": parameters}


def page_of(rule: Rule) -> RulePage:
    """What a rule says of itself."""
    comments = _comments_of(rule)
    record = rule.defaults
    names = () if record.dtype == NOTHING else record.dtype.names or ()
    parameters = tuple(
        Parameter(name, record[name][0].item(), comments.get(name, "")) for name in names
    )
    doc = inspect.cleandoc(rule.function.__doc__ or "")
    return RulePage(rule.name, doc, parameters)


def _comments_of(rule: Rule) -> dict[str, str]:
    """The comment behind each parameter where a call of `parameters` declares just these."""
    module = sys.modules.get(rule.function.__module__)
    try:
        source = inspect.getsource(module) if module is not None else ""
        tree = ast.parse(source)
    except (OSError, SyntaxError, TypeError):
        return {}
    names = list(rule.defaults.dtype.names or ())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and [word.arg for word in node.keywords] == names:
            return _behind(source, {str(word.arg): word.lineno for word in node.keywords})
    return {}


def _behind(source: str, lines: dict[str, int]) -> dict[str, str]:
    """The comments at the ends of lines."""
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    return {name: comments[line] for name, line in lines.items() if line in comments}
