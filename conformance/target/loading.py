"""From a name or a path to a `Target`, or to everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from conformance.target.schema import Table, Target, suggestion
from conformance.target.templates import names, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

BUILTIN = {path.stem: path for path in Path(__file__).with_name("builtin").glob("*.toml")}

_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]*")  # becomes part of a path
_OF_THIS_MACHINE = ("python", "install", "here")


class TargetInvalidError(Exception):
    """A target file that cannot be used; `problems` names each mistake with its file and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(name_or_path: str) -> Target:
    """A built-in target (`litellm`, `litellm@1.89.4`) or a TOML file; raises `TargetInvalidError`."""
    name, _, version = name_or_path.partition("@")
    if name in BUILTIN:
        return _pinned(_read(BUILTIN[name]), version)
    path = Path(name_or_path)
    if path.suffix != ".toml" and not path.is_file():
        hint = suggestion(name, BUILTIN) or f" (built in: {', '.join(sorted(BUILTIN))})"
        raise TargetInvalidError([f"{name_or_path}: neither a built-in target nor a TOML file{hint}"])
    return _read(path)


def asked_name(name_or_path: str, target: Target) -> str:
    """What reports on it are filed under: `litellm@1.89.4` where a version was asked for, else the target's name."""
    return name_or_path if name_or_path == f"{target.name}@{target.version}" else target.name


def _pinned(target: Target, version: str) -> Target:
    if not version:
        return target
    if target.version is None or target.install is None:
        raise TargetInvalidError(
            [f"{target.name}@{version}: {target.name} runs as it is installed here, in one version"]
        )
    if not _VERSION.fullmatch(version):
        raise TargetInvalidError([f"{target.name}@{version}: {version} is not a version"])
    return target.model_copy(update={"version": version})


def _read(path: Path) -> Target:
    """A target from one TOML file, checked in two passes: each key by itself, then the keys against each other."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TargetInvalidError([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TargetInvalidError([f"{path}: cannot be read: {error}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise TargetInvalidError([f"{path.name}: not valid TOML: {error}"]) from None
    target, problems = _validated(document, path.absolute().parent)
    if target is None or problems:
        raise TargetInvalidError([f"{path.name}: {problem}" for problem in problems])
    return target


def _validated(document: dict[str, Any], here: Path) -> tuple[Target | None, list[str]]:
    problems = [f"{key}: unknown table, did you mean target?" for key in document if key != "target"]
    if "target" not in document:
        return None, [*problems, "target: missing"]
    try:
        target = Target.model_validate(document["target"], context={"here": here})
    except ValidationError as error:
        return None, [*problems, *(_explained(detail) for detail in error.errors())]
    return target, [*problems, *_contradictions(target)]


def _explained(detail: ErrorDetails) -> str:
    """One mistake as `key.path: what is wrong`."""
    keys = [key for key in detail["loc"] if key != "[key]"]
    path = ".".join(map(str, ["target", *keys]))
    match detail["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key{suggestion(str(keys[-1]), _keys_beside(keys))}"
        case "missing":
            return f"{path}: missing"
        case "value_error":
            return f"{path}: {detail['ctx']['error']}"
        case _:
            message = detail["msg"].removeprefix("Input ")
            return f"{path}: {message[0].lower()}{message[1:]}"


def _keys_beside(keys: list[int | str]) -> list[str]:
    """The keys that the table of the last one knows."""
    table: type[Table] = Target
    for key in keys[:-1]:
        if isinstance(key, str):
            table = _table(table.model_fields[key].annotation)
    return [field.alias or name for name, field in table.model_fields.items()]


def _table(annotation: Any) -> type[Table]:
    """The table inside an annotation such as `Start | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next(_table(part) for part in get_args(annotation) if part is not Ellipsis and part is not type(None))


def _contradictions(target: Target) -> Iterator[str]:
    """What each key allows and all of them together do not."""
    if not target.claims.profiles:
        yield "target.claims.profiles: nothing to test: no profile is claimed"
    for place, model in enumerate(target.models):
        for surface in sorted(set(model.surfaces) - set(target.surfaces)):
            yield f"target.models.{place}.surfaces: {surface} is not in target.surfaces"
    for surface in target.surfaces:
        if not any(surface in model.surfaces for model in target.models):
            yield f"target.surfaces.{surface}: nothing to test: no model is served on it"
    if target.install and not target.install.apt and not _VERSION.fullmatch(target.version or ""):
        yield "target.version: must be a version such as 1.2.3, as the installation is named by it"
    yield from _misplaced(target)


def _misplaced(target: Target) -> Iterator[str]:
    """Placeholders that stand for nothing where they are used."""
    if target.start is None and "port" in _used(target.model_dump()):
        yield "target.start: missing, so there is no {port}"
    if target.start is None and "second_port" in _used(target.model_dump()):
        yield "target.start: missing, so there is no {second_port}"
    if target.install is None and "install" in _used(target.model_dump()):
        yield "target.install: missing, so there is no {install}"
    yield from _lost_in_a_container(target)
    for name in ("key", "fingerprint"):
        if target.auth.mint and name in _used(target.auth.mint.model_dump()):
            yield f"target.auth.mint: there is no {{{name}}} before it is minted"
    for name in ("revoke", "expire", "delete"):
        if "expires_in" in _used(getattr(target.auth, name) and getattr(target.auth, name).model_dump()):
            yield f"target.auth.{name}: there is no {{expires_in}} here"


def _lost_in_a_container(target: Target) -> Iterator[str]:
    if target.start is None or target.start.container is None:
        return
    if target.install:
        yield "target.install: a container's software comes with its image"
    inside = {
        "start": target.start.model_dump(),
        "version_command": target.version_command,
        "auth": [hook and hook.command for hook in (target.auth.mint, target.auth.revoke, target.auth.expire)],
    }
    for key, value in inside.items():
        for name in sorted(_used(value) & set(_OF_THIS_MACHINE)):
            yield f"target.{key}: runs in the container, where there is no {{{name}}}"


def _used(value: Any) -> set[str]:
    return {name for text in strings(value) for name in names(text)}
