"""Reports on disk: written whole or not at all, and read back without trust."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError
from pydantic_core import from_json

from reports.badge import badge
from reports.html import html
from reports.junit import junit
from reports.markdown import markdown
from reports.model import SCHEMA_VERSION, Report
from reports.sarif import sarif


class ReportNotWritten(Exception):  # noqa: N818 - says what is wrong
    """The report could not be stored; what stood there before still stands."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the report could not be written to {path}: {reason}")
        self.path = path
        self.reason = reason


class ReportUnreadable(Exception):  # noqa: N818 - says what is wrong
    """A file is not a report that we can read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ReportNotFound(ReportUnreadable):
    """There is no such file, or it may not be opened."""


class ReportNotJson(ReportUnreadable):
    """The file does not hold a JSON object."""


class WrongSchemaVersion(ReportUnreadable):
    """The report was written in a version of the schema that we do not know."""


class SchemaViolation(ReportUnreadable):
    """The report is JSON, but not of the shape that its version promises; `at` is the JSON path."""

    def __init__(self, path: Path, at: str, reason: str) -> None:
        super().__init__(path, f"{at}: {reason}")
        self.at = at


def write(report: Report, directory: Path) -> None:
    """Store every form of the report in `directory`, which is created where absent."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace_all(directory, _forms(report, directory))
    except OSError as problem:
        raise ReportNotWritten(directory, problem.strerror or str(problem)) from problem


def read(path: Path) -> Report:
    """The report in a file, or in a directory's `report.json`."""
    file = path / "report.json" if path.is_dir() else path
    raw = _bytes(file)
    if (version := _version(file, raw)) != SCHEMA_VERSION:
        raise WrongSchemaVersion(file, f"schema_version is {version!r}, this reads {SCHEMA_VERSION!r}")
    try:
        return Report.model_validate_json(raw, strict=True)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        raise SchemaViolation(file, _json_path(first["loc"]), first["msg"]) from problem


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise ReportNotFound(file, problem.strerror or str(problem)) from problem


def _forms(report: Report, directory: Path) -> dict[str, str]:
    """File name to content; `report.json` last, so that whoever finds it finds the rest."""
    return {
        "report.html": html(report, directory),
        "report.md": markdown(report),
        "junit.xml": junit(report),
        "report.sarif": sarif(report),
        "badge.svg": badge(report),
        "report.json": report.model_dump_json(indent=2, exclude_none=True) + "\n",
    }


def _replace_all(directory: Path, contents: Mapping[str, str]) -> None:
    with TemporaryDirectory(dir=directory, prefix=".report-") as drafts:
        for name, content in contents.items():
            _write_through(Path(drafts) / name, content)
        for name in contents:
            (Path(drafts) / name).replace(directory / name)


def _write_through(path: Path, content: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _version(file: Path, raw: bytes) -> object:
    try:
        content = from_json(raw, allow_inf_nan=False)
    except ValueError as problem:
        raise ReportNotJson(file, f"not JSON: {problem}") from problem
    if not isinstance(content, dict):
        raise ReportNotJson(file, f"a JSON object is needed, this is a {type(content).__name__}")
    return content.get("schema_version")


def _json_path(location: tuple[int | str, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
