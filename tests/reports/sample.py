"""Reports for tests: one row at a time, or a whole realistic run."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports import Case, CheckResult, Claims, Control, Environment, Level, Outcome, Report, Suite, TargetInfo, judge

CONTROLS = (
    Control(name="direct", check="keys/leak/header", outcome="pass"),
    Control(name="faulty", check="keys/leak/header", outcome="fail"),
)
HOSTILE = "<script>alert(1)</script>]]>&amp;\x00\x1b[31m\u202e\ud800 ```\n|x|"


def row(check: str = "messages/plain", outcome: Outcome = "pass", **fields: Any) -> CheckResult:
    given: dict[str, Any] = {"title": "A plain call works", "level": "must", "profile": "anthropic-messages"}
    return CheckResult(id=check, outcome=outcome, **(given | fields))


def report(
    *rows: CheckResult, focused: bool = False, controls: tuple[Control, ...] = CONTROLS, **fields: Any
) -> Report:
    claimed = tuple(dict.fromkeys(row.profile for row in rows))
    verdict, profiles = judge(rows, claimed_profiles=claimed, controls=controls, focused=focused)
    given: dict[str, Any] = {
        "suite": Suite(version="0.1.0"),
        "target": TargetInfo(name="my-gateway", version="1.2.3", claims=Claims(profiles=claimed)),
        "environment": Environment.model_validate(
            {"python": "3.11.9", "platform": "Linux", "openai": "3.52.0", "anthropic": "2.11.0"}
        ),
        "started_at": datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        "seconds": 12.5,
        "verdict": verdict,
        "focused": focused,
        "profiles": profiles,
        "checks": rows,
        "controls": controls,
    }
    return Report(**(given | fields))


SURFACES = {
    "openai-chat": ("openai-chat", "anthropic-messages"),
    "openai-responses": ("openai-responses", "anthropic-messages"),
    "anthropic-messages": ("anthropic-messages", "openai-chat"),
}
DRIVERS = ("sync", "async", "sync stream", "async stream", "helper stream", "raw http")
TOPICS: dict[str, tuple[str, ...]] = {
    "plain": ("answer", "usage", "stop-reason", "request-id", "unknown-field"),
    "stream": ("event-order", "incremental", "terminal-marker", "same-as-whole", "pings"),
    "tools": ("ids", "parallel", "streamed-arguments", "empty-input", "two-turns"),
    "errors": ("status", "envelope", "retry-after", "sdk-exception", "mid-stream"),
}
FAILURES = {
    "anthropic-messages/stream/incremental": (
        "requirement  events are relayed as they arrive\n"
        "expected     the text delta 'two' before the upstream sends 'three'\n"
        "client saw   message_start, content_block_start, 'one', then nothing for 5.0 s\n"
        "upstream saw the request at 0.01 s, still holding event 5 behind its gate"
    ),
    "openai-chat/tools/streamed-arguments": (
        'expected     arguments \'{"city": "Łódź"}\'\n'
        'client saw   arguments \'{"city": "Å\\x81Ã³dÅº"}\'\n'
        "upstream saw a request without a fault"
    ),
    "openai-responses/errors/retry-after": (
        "expected     retry-after: 7\nclient saw   no such header\nupstream saw 1 call"
    ),
}


def realistic(seed: int = 7) -> Report:
    """60 checks over 3 surfaces, 6 drivers and 2 upstream protocols, with every outcome."""
    rows = tuple(_rows(random.Random(seed)))  # noqa: S311 - a sample, not a secret
    return report(*rows, seconds=41.7, notes=("nginx is not installed: no control through nginx.",))


def _rows(dice: random.Random) -> Iterator[CheckResult]:
    for surface, upstreams in SURFACES.items():
        for topic, names in TOPICS.items():
            for name in names:
                for upstream in upstreams:
                    for driver in DRIVERS:
                        yield _sampled(dice, f"{surface}/{topic}/{name}", surface, upstream, driver)


def _sampled(dice: random.Random, check: str, surface: str, upstream: str, driver: str) -> CheckResult:
    _, topic, name = check.split("/")
    level: Level = "may" if name == "pings" else "should" if name in {"request-id", "retry-after"} else "must"
    outcome = _outcome(dice, check, upstream == surface, driver)
    return CheckResult(
        id=check,
        title=f"{name.replace('-', ' ').capitalize()} of {topic} calls arrives as the provider sends it",
        level=level,
        profile=surface,
        feature={"stream": "streaming", "tools": "tools"}.get(topic, ""),
        case=Case(surface=surface, upstream=upstream, driver=f"{driver} · sdk 2"),
        outcome=outcome,
        seconds=dice.random() / 20,
        message=FAILURES.get(check, "") if outcome in {"fail", "flaky"} else _explained(outcome),
        reproduce=f"conformance certify my-gateway.toml --check {check} --case '{upstream},{driver}'",
        spec=f"https://docs.example.com/{surface}#{topic}-{name}",
        evidence=f"evidence/{check}/{upstream}-{driver}".replace(" ", "-"),
    )


def _outcome(dice: random.Random, check: str, native: bool, driver: str) -> Outcome:  # noqa: FBT001 - two plain facts
    if check in FAILURES and ("stream" in driver or "errors" in check):
        return "flaky" if dice.random() < 0.1 else "fail"
    if check == "anthropic-messages/plain/unknown-field" and not native:
        return "waived"
    if check == "openai-responses/errors/mid-stream":
        return "not-observable"
    if check == "openai-chat/errors/mid-stream" and driver == "raw http":
        return "error"
    if check.endswith("/plain/request-id") and not native and driver == "raw http":
        return "not-applicable"
    return "pass"


def _explained(outcome: Outcome) -> str:
    return {
        "waived": "waived until 2027-01-31 by platform-team: https://issues.example.com/41",
        "not-applicable": "the target does not claim request ids here",
        "not-observable": "the upstream side of this target cannot be seen",
        "error": "the driver's process ended without a word",
    }.get(outcome, "")


def leave_evidence(directory: Path, rows: Iterator[CheckResult] | tuple[CheckResult, ...]) -> None:
    """What a run leaves for each row: the client's cassette and the upstream's journal."""
    for found in rows:
        place = directory / found.evidence
        place.mkdir(parents=True, exist_ok=True)
        (place / "cassette.yaml").write_text(json.dumps(CASSETTE), encoding="utf-8")  # JSON is YAML
        (place / "journal.json").write_text(json.dumps(JOURNAL), encoding="utf-8")


BODY = '{"model":"sonnet","stream":true,"messages":[{"role":"user","content":"case-9f2c4e1ab0d4"}]}'
CASSETTE = {
    "version": 1,
    "interactions": [
        {
            "request": {
                "method": "POST",
                "uri": "http://127.0.0.1:41873/v1/messages?beta=true",
                "headers": {
                    "authorization": ["Bearer [client:3f9a]"],
                    "anthropic-beta": ["tools-2026-11-01,never-seen-9c2e"],
                    "content-type": ["application/json"],
                },
                "body": BODY,
            },
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"content-type": ["text/event-stream"], "x-evil": ["<img src=x onerror=alert(1)>"]},
                "body": {
                    "string": 'event: message_start\ndata: {"type":"message_start"}\n\n'
                    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"one"}}\n\n'
                },
            },
        }
    ],
}
JOURNAL = [
    {
        "provider": "anthropic",
        "method": "POST",
        "path": "/anthropic/v1/messages",
        "query": "",
        "headers": [["x-api-key", "[anthropic:77b1]"], ["anthropic-beta", "tools-2026-11-01"]],
        "body": BODY,
        "response": {
            "status": 200,
            "headers": [["content-type", "text/event-stream"], ["request-id", "req_011CSHoEeqs5"]],
            "body": 'event: message_start\ndata: {"type":"message_start"}\n\n',
        },
        "client_disconnected": False,
    }
]
