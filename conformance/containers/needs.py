"""What an image needs: our own packages, and of our dependencies those that its modules import, and no more."""

from __future__ import annotations

import ast
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = "llm-gateway-conformance"
OURS = ("conformance", "gateway", "reports")


def imported(*roots: str) -> set[str]:
    """All modules that these and ours among them import, inside functions too; a package stands for all its modules."""
    seen: set[str] = set()
    waiting = [module for root in roots for module in _inside(root)]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        if module.partition(".")[0] in OURS:
            waiting += _imports(module)
    return seen


def requirements(modules: Iterable[str]) -> list[str]:
    """The project's own dependencies among the modules' distributions, each in the version that is installed here."""
    providers = metadata.packages_distributions()
    found = {_normal(name) for module in modules for name in providers.get(module.partition(".")[0], ())}
    declared = map(Requirement, metadata.requires(PROJECT) or ())
    return sorted(
        pinned(each) for each in declared if _normal(each.name) in found and (not each.marker or each.marker.evaluate())
    )


def pinned(requirement: Requirement) -> str:
    """To the version that is installed here, if any is."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    try:
        return f"{requirement.name}{extras}=={metadata.version(requirement.name)}"
    except metadata.PackageNotFoundError:
        return str(requirement)


def packages(modules: Iterable[str]) -> list[str]:
    """Which of our top-level packages the modules lie in."""
    return sorted({module.partition(".")[0] for module in modules} & set(OURS))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _inside(root: str) -> Iterator[str]:
    """The module, and if it is a package, every module below it."""
    path = _path(root)
    if path is None or path.name != "__init__.py":
        yield root
        return
    for file in path.parent.rglob("*.py"):
        parts = file.relative_to(path.parent).with_suffix("").parts
        yield ".".join([root, *(part for part in parts if part != "__init__")])


def _imports(module: str) -> Iterator[str]:
    path = _path(module)
    if path is None:  # not a module but a name in one
        return
    yield from _above(module)
    for node in ast.walk(_without_types(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (str(name.value) for name in node.args if isinstance(name, ast.Constant))


def _above(module: str) -> Iterator[str]:
    """The packages around a module: importing it imports them."""
    while module := module.rpartition(".")[0]:
        yield module


def _without_types(tree: ast.Module) -> ast.Module:
    """The module as it runs: `if TYPE_CHECKING:` does not."""
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return tree


def _path(module: str) -> Path | None:
    """Where one of our modules lies, found without importing it."""
    top, *below = module.split(".")
    spec = find_spec(top)
    assert spec
    assert spec.origin
    place = Path(spec.origin).parent.joinpath(*below)
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)
