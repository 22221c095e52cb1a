from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from conformance.run.waivers import Waiver, WaiversInvalidError, failure_signature, read_waivers, waived
from reports import Case, CheckResult

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 21)


def row(surface: str = "openai-chat", **fields: Any) -> CheckResult:
    given = {"id": "headers/custom", "title": "t", "level": "must", "profile": "headers", "outcome": "fail"}
    return CheckResult.model_validate(
        {**given, "case": Case(surface=surface), "message": "required: x\nfound: lost", **fields}
    )


FAILED = row()


def waiver(**fields: Any) -> Waiver:
    given = {"check": FAILED.id, "signature": failure_signature(FAILED), "reason": "our edge strips it"}
    return Waiver.model_validate({**given, "issue": "https://i/17", "owner": "o@x", "expires": TODAY, **fields})


def told(rows: list[CheckResult], *waivers: Waiver, **options: Any) -> list[str]:
    """What is said of waivers that are not in order."""
    judged = waived(rows, waivers, today=TODAY, **options)
    misused = [found for found in judged if found.id.startswith("waivers/")]
    assert all((found.level, found.outcome) == ("must", "fail") for found in misused)
    return [found.message.partition(": ")[2] for found in misused]


def test_a_failure_that_is_answered_for_is_waived() -> None:
    [found] = waived([FAILED], [waiver()], today=TODAY)
    assert found.outcome == "waived"
    assert found.message.startswith("waived by o@x until 2026-11-21: our edge strips it (https://i/17)\nrequired: x")


@pytest.mark.parametrize(
    ("rows", "wrong", "said"),
    [
        ([FAILED], {"check": "headers/unheard-of"}, "no such check was run"),
        ([FAILED], {"expires": date(2026, 11, 20)}, "it expired on 2026-11-20"),
        ([row(outcome="pass", message="")], {}, "it is no longer needed: nothing fails"),
        ([FAILED], {"surface": "anthropic-messages"}, "it is no longer needed: nothing fails"),
        ([FAILED], {"driver": "openai-3 sync"}, "it is no longer needed: nothing fails"),
        ([row(outcome="error")], {}, "it is no longer needed: nothing fails"),
        (
            [FAILED],
            {"signature": "0" * 12},
            f"the check fails in another way now: signature {failure_signature(FAILED)}",
        ),
    ],
)
def test_a_waiver_that_is_not_in_order_is_a_failure(rows: list[CheckResult], wrong: dict[str, Any], said: str) -> None:
    assert told(rows, waiver(**wrong)) == [said]
    assert waived(rows, [waiver(**wrong)], today=TODAY)[0].outcome == rows[0].outcome


def test_a_flaky_check_may_be_waived() -> None:
    flaky = row(outcome="flaky")
    assert [found.outcome for found in waived([flaky], [waiver()], today=TODAY)] == ["waived"]


def test_each_way_of_failing_has_a_waiver_of_its_own() -> None:
    other = row("anthropic-messages", message="required: x\nfound: doubled")
    assert told([FAILED, other], waiver(), waiver(signature=failure_signature(other))) == []
    assert [found.outcome for found in waived([FAILED, other], [waiver()], today=TODAY)] == ["waived", "fail"]


def test_of_what_was_left_out_on_purpose_a_run_says_nothing() -> None:
    other = waiver(check="plain/text")
    assert told([FAILED], waiver(), other) == ["no such check was run"]
    assert told([FAILED], waiver(), other, aside={"plain/text"}) == []


def test_the_signature_stays_while_only_ports_and_transcripts_change() -> None:
    one = row(message="required: x\nfound: lost\nclient saw: POST http://127.0.0.1:4000/v1 -> 200")
    other = row(message="required: x\nfound: lost\nclient saw: POST http://127.0.0.1:5000/v1 -> 500")
    assert failure_signature(one) == failure_signature(other) != failure_signature(row(message="found: another"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[waiver]", "w.toml: "),
        ('[[waiver]]\nexpires = "soon"', "w.toml: waiver.0.expires: "),
        ('[[waiver]]\nchek = "x"', "w.toml: waiver.0.chek: "),
        ("waiver = 1", "w.toml: waiver: "),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "w.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WaiversInvalidError, match=r"w\.toml") as caught:
        read_waivers(tmp_path / "w.toml")
    assert said in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    for name in ("nowhere.toml", "bytes.toml"):
        with pytest.raises(WaiversInvalidError, match=name):
            read_waivers(tmp_path / name)
