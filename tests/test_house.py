"""The house numbers: small files, small functions, and what must not be written anywhere."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "desktop_trainer"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TOP_LEVEL = {".ci", ".gitignore", "LICENSE", "README.md", "desktop_trainer", "pyproject.toml", "resources", "tests"}
FORBIDDEN_CALLS = {"extractall", "terminate", "processEvents"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def p90(values: list[int]) -> float:
    return quantiles(values, n=10, method="inclusive")[-1]


def forbidden_in(tree: ast.Module) -> Iterator[str]:
    """What no module may contain: it loads code, leaves the target folder, kills a thread or hides an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in FORBIDDEN_CALLS:
                yield f"line {node.lineno}: {name}()"
            for keyword in node.keywords:
                if keyword.arg == "weights_only" and getattr(keyword.value, "value", None) is not True:
                    yield f"line {node.lineno}: weights_only is not True"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: bare except"


def printing_in(tree: ast.Module) -> Iterator[str]:
    """Stray prints: those that do not even say where to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            if any(keyword.arg == "file" for keyword in node.keywords):
                continue
            yield f"line {node.lineno}: print()"


def tracked_files() -> list[Path]:
    """The files that git keeps."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    listed = subprocess.run([git, "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_files_are_short() -> None:
    """None above 400 lines; nine of ten modules at most 250."""
    assert [path for path in [*MODULES, *TESTS] if lines_of(path) > 400] == []
    assert p90([lines_of(path) for path in MODULES]) <= 250


def test_functions_are_short() -> None:
    """None above 60 lines; half of them at most 8, nine of ten at most 28."""
    assert [item for path in [*MODULES, *TESTS] for item in functions_of(path) if item[1] > 60] == []
    lengths = [length for path in MODULES for _, length in functions_of(path)]
    assert median(lengths) <= 8
    assert p90(lengths) <= 28


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_begins_by_saying_what_it_is_for(path: Path) -> None:
    """Its first line is its docstring."""
    source = path.read_text(encoding="utf-8")
    assert source.startswith('"""')
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_forbidden_is_called(path: Path) -> None:
    """Nor does anything but the command line print to the standard output."""
    tree = tree_of(path)
    found = [*forbidden_in(tree), *([] if "cli" in path.relative_to(ROOT).parts else printing_in(tree))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(f, weights_only=False)",
        "archive.extractall(p)",
        "thread.terminate()",
        "QApplication.processEvents()",
        "try:\n    pass\nexcept:\n    pass",
    ],
)
def test_what_is_forbidden_would_be_found(line: str) -> None:
    """The search above sees each of them."""
    assert list(forbidden_in(ast.parse(line)))


def test_the_top_level_stays_small() -> None:
    """A newcomer sees at one glance what there is."""
    assert {path.relative_to(ROOT).parts[0] for path in tracked_files()} - TOP_LEVEL == set()


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    """No absolute path of somebody's folders."""
    places = [f"/{name}/".encode() for name in ("work", "root")]
    knowing = [path for path in tracked_files() if any(place in path.read_bytes() for place in places)]
    assert knowing == []
