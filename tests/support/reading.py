"""Which commands of `tallyglass` a test gives, by its source: read, not run, with every helper and fixture it uses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
#: What gives the program its arguments.
GIVING = ("run", "json", "start", "begin")


class Module:
    """One file of tests: what it defines, by name, methods of its classes too."""

    def __init__(self, path: Path) -> None:
        self.defined: dict[str, list[ast.AST]] = {}
        self.used: list[Module] = []
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for top in tree.body:
            for part in top.body if isinstance(top, ast.ClassDef) else [top]:
                self._define(part)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "support":
                names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
                files = [TESTS / f"{name.replace('.', '/')}.py" for name in names]
                self.used += [module(file) for file in files if file.exists() and file != path]

    def _define(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef):
            self.defined.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets: list[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    self.defined.setdefault(target.id, []).append(node)


@cache
def module(path: Path) -> Module:
    """A file, read once."""
    return Module(path)


def given(path: Path, test: str) -> set[str]:
    """The first word of whatever this test gives to the program, by itself or by what it uses."""
    home = module(path)
    waiting: list[tuple[Module, ast.AST]] = [(home, node) for node in home.defined[test]]
    seen: set[int] = set()
    words: set[str] = set()
    while waiting:
        where, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        words |= set(_given(node))
        for name in _names(node):
            waiting += [(each, found) for each in (where, *where.used) for found in each.defined.get(name, ())]
    return words


def _names(node: ast.AST) -> Iterator[str]:
    """Whatever it mentions; what it takes may be a fixture."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.arg):
            yield each.arg


def _given(node: ast.AST) -> Iterator[str]:
    """What is given at once; and what a table begins a row with, which is given later."""
    table = isinstance(node, ast.Assign | ast.AnnAssign)
    for each in ast.walk(node):
        first: Iterable[ast.AST | None] = ()
        if isinstance(each, ast.Call) and getattr(each.func, "attr", getattr(each.func, "id", "")) in GIVING:
            first = each.args[:1]
        elif isinstance(each, ast.Tuple | ast.List):
            first = each.elts[:1]
        elif isinstance(each, ast.Dict) and table:
            first = each.keys
        for one in first:
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.strip():
                yield one.value.split()[0]
