"""Who may import whom (architecture page, section 4), and the laws of style; one walk over the sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any

ROOT = Path(__file__).resolve().parents[2] / "src" / "umit"
PYPROJECT = ROOT.parents[1] / "pyproject.toml"

_BOTTOM = {"errors", "geometry", "json_file", "queries", "patterns", "whole"}
_VALUES = _BOTTOM | {"provenance", "results", "chat", "imaging"}
_TASKS = _VALUES | {"metrics", "tasks"}
_MODEL = _TASKS | {"checkpoints", "engine", "backends"}
EVERYTHING = None
#: Each layer and what it may import beside itself. A layer that is not here may not exist.
ALLOWED: dict[str, set[str] | None] = {
    "errors": set(),
    "geometry": {"errors"},
    "queries": {"errors"},
    "patterns": {"errors"},
    "whole": set(),
    "json_file": {"errors"},
    "embedded": {"errors"},
    "provenance": {"errors", "geometry"},
    "results": _BOTTOM | {"provenance", "display"},  # display inside overlay() alone
    "chat": _BOTTOM,
    "imaging": _BOTTOM,
    "metrics": _BOTTOM | {"provenance", "results"},
    "tasks": _VALUES | {"metrics"},
    "checkpoints": _TASKS | {"embedded"},
    "engine": {"chat", "embedded", "errors", "json_file"},
    "backends": {"engine", "chat", "errors", "patterns"},
    "fanout": _TASKS,
    "contradictions": {"chat", "checkpoints", "engine", "errors"},
    "asking": _TASKS | {"checkpoints", "fanout", "backends"},  # the protocol of an engine alone
    "elsewhere": _MODEL | {"embedded"},
    "look": _MODEL,
    "model": _MODEL | {"embedded", "look", "asking", "contradictions", "elsewhere", "fanout", "specialists"},
    # Asks an engine for what was drawn, and writes what it found into a card.
    "calibration": _TASKS | {"checkpoints", "backends", "phantom"},
    "specialists": _BOTTOM | {"chat", "checkpoints", "fanout", "imaging"},
    "datasets": _TASKS | {"fanout"},
    # Whether it learns is asked by the path that users have, in process and on the weights in training.
    "training": _MODEL | {"contradictions", "fanout", "datasets", "model", "evaluation", "display"},
    "evaluation": _TASKS | {"fanout", "datasets", "checkpoints", "model", "display"},  # pages
    # Looks into every part of an engine that a question runs through.
    "verification": _MODEL | {"provenance"},
    "export": _BOTTOM | {"results", "imaging"},
    "display": _BOTTOM | {"imaging"},  # marks on pictures; results know which marks
    # tiny_checkpoint writes a card beside weights, so it needs both.
    "testing": _BOTTOM | {"chat", "imaging", "checkpoints", "engine"},
    "cli": EVERYTHING,
    "phantom": EVERYTHING,
    "__init__": EVERYTHING,
    "__main__": EVERYTHING,
}
#: What the pure layers may import from outside the standard library.
OUTSIDE: dict[str, set[str]] = {
    "errors": set(),
    "geometry": {"shapely"},
    "queries": set(),
    "patterns": set(),
    "provenance": set(),
    "results": set(),
    "chat": {"numpy"},
    "imaging": {"numpy", "PIL", "pydicom", "nibabel", "SimpleITK"},
    "metrics": {"numpy", "shapely", "pycocoevalcap"},
    "tasks": set(),
    "embedded": set(),
    "checkpoints": set(),
}
#: Imported inside functions only: `umit.load` of a PNG needs neither.
LATE = {"imaging": {"pydicom", "nibabel"}, "geometry": {"shapely"}}
#: Distributions whose module has another name.
MODULES = {"pillow": "PIL", "pyyaml": "yaml"}
SPEAKING = {"cli", "__main__"}  # print and sys.exit belong here alone
LONGEST_FILE, LONGEST_FUNCTION = 500, 60


@cache
def _sources() -> dict[Path, ast.Module]:
    return {p: ast.parse(p.read_text(encoding="utf-8")) for p in sorted(ROOT.rglob("*.py"))}


def _told(wrong: Mapping[Path, object]) -> dict[str, object]:
    """Keep the files in which a law is broken, by their names; none is the empty table."""
    return {path.relative_to(ROOT).as_posix(): what for path, what in wrong.items() if what}


def test_every_layer_has_a_place() -> None:
    layers = {_layer(path) for path in _sources()}
    assert layers and not layers - ALLOWED.keys(), "a layer that is not in the table may not exist"


def _layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def _imports(path: Path) -> tuple[tuple[ast.AST, str], ...]:
    """Every imported module by its full name, TYPE_CHECKING and functions included."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[tuple[ast.AST, str]]:
    package = ["umit", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(_sources()[path]):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            if module == "umit":  # `from umit import chat` is the layer chat
                yield from ((node, f"umit.{alias.name}") for alias in node.names)
            else:
                yield node, module
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            # importlib.import_module("a") and find_spec("a") reach as far as `import a` does.
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "find_spec") and isinstance(node.args[0].value, str):
                yield node, node.args[0].value


def _layers_used(path: Path) -> set[str]:
    used = set()
    for _, name in _imports(path):
        parts = name.split(".")
        if parts[0] == "umit":
            used.add(parts[1] if len(parts) > 1 else "__init__")
    return used - {_layer(path)}


def test_layers_import_what_lies_below() -> None:
    wrong = {}
    for path in _sources():
        allowed = ALLOWED.get(_layer(path), set())
        wrong[path] = set() if allowed is EVERYTHING else _layers_used(path) - allowed
    assert not _told(wrong)


def test_pure_layers_stay_pure() -> None:
    wrong = {}
    for path in _sources():
        if _layer(path) in OUTSIDE:
            names = {name.split(".")[0] for _, name in _imports(path)}
            wrong[path] = names - {"umit", *sys.stdlib_module_names} - OUTSIDE[_layer(path)]
    assert not _told(wrong)


def test_everything_imported_is_declared_and_the_other_way_round() -> None:
    """What is declared and not imported has its reason beside it, in a comment on its line."""
    text = PYPROJECT.read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    needed, optional = (
        {_module(re.split(r"[^\w.-]", line)[0]) for line in lines} for lines in (project["dependencies"], extras)
    )
    used = {name.split(".")[0] for path in _sources() for _, name in _imports(path)}
    used -= {"umit", *sys.stdlib_module_names}
    assert used - needed - optional == set(), "declare it in pyproject.toml"
    told = re.finditer(r'^ +"([\w.-]+)[^"]*",  # not imported: ', text, re.MULTILINE)
    assert needed - used == {_module(match[1]) for match in told}, "say beside it why it is declared"


def _module(distribution: str) -> str:
    return MODULES.get(distribution, distribution.replace("-", "_"))


def test_slow_packages_are_imported_late() -> None:
    wrong = {}
    for path, tree in _sources().items():
        late, top = LATE.get(_layer(path), set()), {id(node) for node in tree.body}
        early = [name for node, name in _imports(path) if id(node) in top]
        wrong[path] = [name for name in early if name.split(".")[0] in late]
    assert not _told(wrong)


def test_the_table_has_no_cycles() -> None:
    known = {layer: allowed for layer, allowed in ALLOWED.items() if allowed is not EVERYTHING}
    while known:
        ready = {layer for layer, allowed in known.items() if not allowed & known.keys()}
        assert ready, f"a cycle among {sorted(known)}"
        known = {layer: allowed for layer, allowed in known.items() if layer not in ready}


def test_importing_umit_is_light() -> None:
    heavy = ("numpy", "torch", "transformers", "trl", "datasets", "PIL", "shapely")
    check = f"import sys, umit; sys.exit(' '.join(m for m in {heavy!r} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _lines(kind: type[ast.AST] | UnionType, broken: Callable[[Any], bool]) -> dict[str, object]:
    """Return the lines of the nodes that break a law, by file."""
    return _told(
        {
            path: [n.lineno for n in ast.walk(tree) if isinstance(n, kind) and broken(n)]
            for path, tree in _sources().items()
        }
    )


def test_no_assert() -> None:
    found = _lines(ast.Assert, lambda node: True)
    assert not found, "python -O drops asserts; raise an error of umit's tree"


def test_no_blanket_except() -> None:
    assert not _lines(ast.ExceptHandler, lambda node: _blanket(node.type)), "name what may happen"


def _blanket(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_blanket(one) for one in caught.elts)
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def test_only_the_command_line_prints_and_exits() -> None:
    spoken = {"print", "exit", "quit", "sys.exit", "os._exit"}
    wrong = {}
    for path, tree in _sources().items():
        parts = [] if _layer(path) in SPEAKING else [p for p in tree.body if not _guard(p)]
        calls = [n for part in parts for n in ast.walk(part) if isinstance(n, ast.Call)]
        wrong[path] = [c.lineno for c in calls if ast.unparse(c.func) in spoken]
    assert not _told(wrong)


def _guard(part: ast.stmt) -> bool:
    return isinstance(part, ast.If) and ast.unparse(part.test) == "__name__ == '__main__'"


def test_files_stay_short() -> None:
    lines = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in _sources()}
    assert not _told({path: count for path, count in lines.items() if count > LONGEST_FILE})


def test_functions_stay_short() -> None:
    def long(node: Any) -> bool:
        return (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION

    assert not _lines(ast.FunctionDef | ast.AsyncFunctionDef, long), f"over {LONGEST_FUNCTION} lines"
