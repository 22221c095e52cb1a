"""Where rows are kept: whole lines whoever writes them, files that do not grow for ever, and a disk that is full."""

from __future__ import annotations

import json
import multiprocessing
import resource
import sqlite3
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit import AuditLog
from gateway.sinks import Entry, Lines, Query, Table, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.databases import Place
    from gateway.sinks import Sink

NOW = time.time()
WRITERS, ROWS_EACH = 4, 400


def entry(number: int, **more: Any) -> Entry:
    return Entry.of(row_of(number, **more))


def row_of(number: int, **more: Any) -> dict[str, Any]:
    return {"ts": timestamp(NOW + number), "number": number, "status": 200, **more}


def kept(sink: Sink, limit: int | None = None, **asked: str) -> list[int]:
    return [row["number"] for row, _ in sink.read(Query(**asked), limit)]


def wrote(sink: Sink, *entries: Entry) -> None:
    waiting = deque(entries)
    sink.write(waiting)
    assert not waiting


@contextmanager
def disk_with_room_for(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return tmp_path / "a.db" if request.param == "sqlite" else request.getfixturevalue("server")


def sink_of(kind: str, request: pytest.FixtureRequest) -> Sink:
    if kind == "postgresql":
        return Table(request.getfixturevalue("server"), None)
    directory: Path = request.getfixturevalue("tmp_path")
    return Lines(directory / "a.jsonl", 10_000, 3) if kind == "lines" else Table(directory / "a.db", None)


@pytest.fixture(params=["lines", "sqlite", "postgresql"])
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    opened = sink_of(request.param, request)
    opened.open()
    yield opened
    opened.close()


def test_what_was_written_is_read_in_its_order(sink: Sink) -> None:
    wrote(sink, *map(entry, range(3)))
    wrote(sink, entry(3))
    assert kept(sink) == [0, 1, 2, 3]
    assert kept(sink, limit=2) == [2, 3]
    assert [json.loads(line) for _, line in sink.read(Query())] == [row_of(number) for number in range(4)]


def test_nothing_was_written_yet(tmp_path: Path, place: Place) -> None:
    assert kept(Lines(tmp_path / "a.jsonl", 10, 3)) == kept(Table(place, None)) == []
    assert not list(tmp_path.iterdir())


def test_rows_are_asked_for_by_what_they_say(sink: Sink) -> None:
    wrote(
        sink,
        entry(0, key="f1", key_name="ci", status=404),
        entry(1, run="run-7", status=429, client_model="fast"),
        entry(2, model="gpt-x", status=None),
    )
    assert kept(sink, key="f1") == kept(sink, key="ci") == kept(sink, status="404") == [0]
    assert kept(sink, status="4xx") == [0, 1]
    assert kept(sink, run="run-7") == kept(sink, model="fast") == [1]
    assert kept(sink, since=timestamp(NOW + 1)) == [1, 2]
    assert kept(sink, since=timestamp(NOW + 1), model="gpt-x") == [2]
    assert kept(sink, limit=1, status="4xx") == [1]


@pytest.mark.parametrize("kind", ["lines", "sqlite"])
def test_only_the_owner_reads_what_is_kept(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    sink = sink_of(kind, request)
    sink.open()
    wrote(sink, entry(0))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    sink.close()


def test_a_full_file_becomes_the_first_of_so_many(tmp_path: Path) -> None:
    path, size = tmp_path / "a.jsonl", len(entry(0).line) + 1
    lines = Lines(path, 2 * size, 2)
    wrote(lines, *map(entry, range(9)))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"]
    assert [each.stat().st_size // size for each in sorted(tmp_path.iterdir())] == [1, 2, 2]
    assert kept(lines) == [4, 5, 6, 7, 8]
    assert kept(lines, limit=4) == [5, 6, 7, 8]


def test_fewer_files_are_kept_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    wrote(Lines(path, 1, 5), *map(entry, range(5)))
    fewer = Lines(path, 1, 1)
    wrote(fewer, entry(5))
    assert kept(fewer) == [4, 5]


def test_a_row_longer_than_a_file_is_kept_whole(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "a.jsonl", 10, 3)
    wrote(lines, entry(0, model="m" * 100), entry(1))
    assert kept(lines) == [0, 1]


def test_what_is_no_plain_file_is_not_rotated(tmp_path: Path) -> None:
    path, real = tmp_path / "a.jsonl", tmp_path / "real"
    real.touch()
    path.symlink_to(real)
    wrote(Lines(path, 1, 3), entry(0), entry(1))
    assert path.is_symlink()
    assert len(real.read_text().splitlines()) == 2


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "a.jsonl", 10_000, 3)
    wrote(lines, entry(0))
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"number": 1, "mod')
    wrote(lines, entry(2))
    assert kept(lines) == [0, 2]


def write_rows(path: Path, writer: int) -> None:
    lines = Lines(path, 20_000, 100)
    for first in range(0, ROWS_EACH, 10):
        lines.write(deque(entry(writer * ROWS_EACH + number) for number in range(first, first + 10)))


def test_several_processes_write_and_rotate_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    started = multiprocessing.get_context("spawn")
    writers = [started.Process(target=write_rows, args=(path, number)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert sorted(kept(Lines(path, 1, 1))) == list(range(WRITERS * ROWS_EACH))
    assert len(list(tmp_path.iterdir())) > 5
    assert all(each.stat().st_size <= 20_000 for each in tmp_path.iterdir())


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    lines, size = Lines(tmp_path / "a.jsonl", 10_000, 3), len(entry(0).line) + 1
    waiting = deque(map(entry, range(4)))
    wrote(lines, entry(9))
    with disk_with_room_for(3 * size + 10), pytest.raises(OSError, match="File too large"):
        lines.write(waiting)
    assert len(waiting) == 4
    assert kept(lines) == [9]


async def test_a_full_disk_is_told_once_and_its_end_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with AuditLog([Lines(tmp_path / "a.jsonl", 10_000, 3)]) as audit:
        with disk_with_room_for(1):
            for number in range(3):
                audit._write([entry(number)])
        assert audit.lost == 3
        audit._write([entry(3)])
    told = [record.message for record in caplog.records]
    assert [text.partition(" at ")[0] for text in told] == ["audit: rows are being lost", "audit: 3 rows were lost"]


async def test_one_sink_that_fails_does_not_keep_rows_from_the_other(tmp_path: Path) -> None:
    lines, table = Lines(tmp_path / "a.jsonl", 10_000, 3), Table(tmp_path / "a.db", None)
    async with AuditLog([lines, table]) as audit:
        (tmp_path / "a.jsonl").unlink()
        (tmp_path / "a.jsonl").mkdir()
        audit.record(row_of(0))
    assert kept(table) == [0]


async def test_a_write_that_hangs_costs_rows_and_never_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.audit.MOST_ROWS_WAITING", 1)
    monkeypatch.setattr("gateway.audit.MOST_ROWS_HELD", 2)
    async with AuditLog([Lines(tmp_path / "a.jsonl", 10_000, 3)]) as audit:
        hanging = threading.Thread(target=audit._writing.acquire)
        hanging.start()
        hanging.join()
        for number in range(5):
            audit.record(row_of(number))
        assert audit.lost == 3
        audit._writing.release()
    assert kept(Lines(tmp_path / "a.jsonl", 1, 1)) == [0, 1]


def test_old_rows_leave_the_table(place: Place) -> None:
    table = Table(place, 1)
    table.open()
    wrote(table, entry(-90_000), entry(-80_000))
    assert kept(table) == [-80_000]
    table.close()


def test_several_gateways_share_a_table(place: Place) -> None:
    tables = [Table(place, None) for _ in range(2)]
    for table in tables:
        table.open()
    wrote(tables[0], entry(0))
    wrote(tables[1], entry(1))
    assert kept(tables[0]) == [0, 1]
    for table in tables:
        table.close()


def test_a_table_that_is_locked_for_too_long_loses_rows_and_takes_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.sqlite.BUSY_SECONDS", 0)
    table = Table(tmp_path / "a.db", None)
    table.open()
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = deque([entry(0)])
    with pytest.raises(OSError, match="locked"):
        table.write(waiting)
    assert len(waiting) == 1
    other.close()
    wrote(table, entry(1))
    assert kept(table) == [1]
    table.close()


def test_a_file_that_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database at all, but long enough to be looked at" * 100)
    with pytest.raises(OSError, match="not a database"):
        Table(tmp_path / "a.db", None).open()
