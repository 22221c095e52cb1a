from xml.etree.ElementTree import Element, fromstring

from reports import Case, Report
from reports.junit import junit
from tests.reports.sample import HOSTILE, realistic, report, row


def parsed(found: Report) -> Element:
    return fromstring(junit(found))  # noqa: S314 - our own text


def only_case(found: Report) -> Element:
    (case,) = parsed(found).iter("testcase")
    return case


def test_each_profile_is_a_suite_and_each_row_a_case() -> None:
    root = parsed(realistic())
    assert [suite.get("name") for suite in root] == ["openai-chat", "openai-responses", "anthropic-messages"]
    assert root.get("tests") == "720"
    assert len(list(root.iter("testcase"))) == 720
    assert [suite.get("tests") for suite in root] == ["240"] * 3


def test_totals_agree_with_the_cases() -> None:
    root = parsed(realistic())
    for tag, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert len(list(root.iter(tag))) == int(root.get(total, "")) == sum(int(s.get(total, "")) for s in root)


def test_a_failure_carries_its_message_and_how_to_repeat_it() -> None:
    failed = row("a", "fail", case=Case(driver="sync"), message="expected x\nsaw y", reproduce="conformance certify")
    case = only_case(report(failed))
    assert case.get("name") == "a [sync]"
    failure = case.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message"), failure.text) == (
        "must fail",
        "expected x saw y",
        "expected x\nsaw y",
    )
    assert case.find("properties/property[@name='reproduce']") is not None


def test_a_flaky_row_is_red_for_readers_who_do_not_know_flakes() -> None:
    case = only_case(report(row("a", "flaky", message="once")))
    assert [part.tag for part in case if part.tag != "properties"] == ["failure", "flakyFailure"]


def test_what_was_not_judged_is_skipped_with_its_reason() -> None:
    skipped = only_case(report(row("a", "not-applicable", message="no claim"))).find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "not-applicable: no claim"


def test_what_xml_cannot_hold_is_spelled_out() -> None:
    failure = only_case(report(row(HOSTILE, "fail", title=HOSTILE, message=HOSTILE + "\uffff"))).find("failure")
    assert failure is not None
    assert r"\x00\x1b[31m" in (failure.text or "")
    assert "<script>alert(1)</script>]]>" in (failure.text or "")
