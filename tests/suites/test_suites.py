"""The suites read like a specification: sentences, and only the harness's public names."""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance import api
from conformance.catalogue import load_suites
from conformance.check import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITES = Path(str(files("conformance.suites")))
MODULES = sorted(SUITES.rglob("test_*.py"))
OURS = ("conformance", "gateway", "reports", "tests")


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SUITES)))
def test_a_suite_uses_only_public_names(path: Path) -> None:
    names = [name for name in imported(ast.parse(path.read_text(encoding="utf-8"))) if name.split(".")[0] in OURS]
    assert [name for name in names if name != "conformance.api" and not name.startswith("conformance.suites.")] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SUITES)))
def test_each_test_is_a_declared_check_whose_name_says_it_all(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(module)
    name = ".".join(["conformance.suites", *path.relative_to(SUITES).with_suffix("").parts])
    tests = [node for node in module.body if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")]
    declared = {check.source for check in load_suites().values()}
    assert [node.name for node in tests if f"{name}.{node.name}" not in declared] == []
    assert [node.name for node in tests if ast.get_docstring(node)] == []


def test_each_folder_is_a_profile_or_holds_what_every_surface_owes() -> None:
    folders = {path.parent.relative_to(SUITES).parts[0] for path in MODULES}
    assert {folder.replace("_", "-") for folder in folders} - {"surfaces"} <= set(PROFILES)


def test_every_public_name_is_there() -> None:
    assert sorted(api.__all__, key=str.casefold) == sorted(set(api.__all__), key=str.casefold)
    assert [name for name in api.__all__ if not hasattr(api, name)] == []
