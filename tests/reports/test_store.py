import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports import (
    ReportNotFound,
    ReportNotJson,
    ReportNotWritten,
    ReportUnreadable,
    SchemaViolation,
    WrongSchemaVersion,
    read,
    write,
)
from tests.reports.sample import HOSTILE, realistic, report, row

FORMS = {"report.json", "report.html", "report.md", "junit.xml", "report.sarif", "badge.svg"}


def test_every_form_is_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write(realistic(), tmp_path / "out" / "my-gateway")
    assert {file.name for file in (tmp_path / "out" / "my-gateway").iterdir()} == FORMS


@pytest.mark.parametrize("found", [realistic(), report(), report(row(message=HOSTILE, title=HOSTILE), focused=True)])
def test_what_was_written_is_read_back(tmp_path: Path, found: Any) -> None:
    write(found, tmp_path)
    assert read(tmp_path) == found
    assert read(tmp_path / "report.json") == found


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(ReportNotWritten, match="Not a directory") as problem:
        write(report(row()), tmp_path / "out" / "target")
    assert problem.value.path == tmp_path / "out" / "target"


def test_a_full_disk_leaves_the_older_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = report(row())
    write(older, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    monkeypatch.setattr(os, "fsync", _full_after(4))
    with pytest.raises(ReportNotWritten, match="No space left on device"):
        write(realistic(), tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def _full_after(files: int) -> Callable[[int], None]:
    synced: list[int] = []

    def fsync(file: int) -> None:
        synced.append(file)
        if len(synced) > files:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fsync


def test_a_report_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReportNotFound, match="No such file"):
        read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "null", "[" * 100_000, '{"seconds": NaN}', "\x00"])
def test_what_is_no_json_object(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReportNotJson):
        read(tmp_path)


@pytest.mark.parametrize("version", ["2.0", "1.1", 1.0, None])
def test_a_version_that_we_do_not_know(tmp_path: Path, version: object) -> None:
    with pytest.raises(WrongSchemaVersion, match=r"this reads '1\.0'"):
        read(_edited(tmp_path, lambda content: content.update(schema_version=version)))


@pytest.mark.parametrize(
    ("edit", "at"),
    [
        (lambda content: content["checks"][0].update(outcome="skipped"), "$.checks[0].outcome"),
        (lambda content: content["checks"][0].update(seconds="1"), "$.checks[0].seconds"),
        (lambda content: content["profiles"][0]["must"].update(fail=-1), "$.profiles[0].must.fail"),
        (lambda content: content["target"].pop("name"), "$.target.name"),
        (lambda content: content.update(certified=True), "$.certified"),
        (lambda content: content["environment"].update(openai=3), "$.environment.openai"),
        (lambda content: content["checks"].append(content["checks"][0]), "$"),
    ],
)
def test_a_violation_is_named_by_its_json_path(tmp_path: Path, edit: Callable[[Any], object], at: str) -> None:
    with pytest.raises(SchemaViolation) as problem:
        read(_edited(tmp_path, edit))
    assert problem.value.at == at
    assert isinstance(problem.value, ReportUnreadable)


def _edited(directory: Path, edit: Callable[[Any], object]) -> Path:
    write(report(row()), directory)
    file = directory / "report.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    edit(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    return directory
