"""Small recordings of our own, targets to replay them at, and the command that does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from conformance.cli import main
from conformance.target.loading import BUILTIN
from reports import CheckResult, Report, read

CHAT_REQUEST = {"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "Grüße"}], "seed": 1}
CHAT_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_760_000_000,
    "model": "gpt-4.1-nano-2025-04-14",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hei"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
STREAM = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":"Hei"},"finish_reason":null}]}\n\n'
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m",'
    '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def exchange(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded chat call; `request` and `response` are laid over it."""
    request = {
        "method": "POST",
        "url": "https://api.openai.com/v1/chat/completions",
        "headers": {"host": "api.openai.com", "user-agent": "OpenAI/Ruby 1", "authorization": "REDACTED"},
        "body": CHAT_REQUEST,
    }
    response = {
        "status": 200,
        "headers": {"content-type": "application/json", "x-request-id": "req_1", "set-cookie": "REDACTED"},
        "body": CHAT_ANSWER,
    }
    changed = {"request": request | changes.pop("request", {}), "response": response | changes.pop("response", {})}
    return {"id": name, "protocol": "openai-chat", **changed, **changes}


def streamed(name: str, text: str = STREAM) -> dict[str, Any]:
    recorded = exchange(name, request={"body": CHAT_REQUEST | {"stream": True}})
    recorded["response"] = {"status": 200, "headers": {"content-type": "text/event-stream"}, "sse": text}
    return recorded


def elsewhere(name: str) -> dict[str, Any]:
    """A route that no surface includes."""
    recorded = exchange(name, request={"method": "GET", "url": "https://api.openai.com/v1/unheard-of/1"})
    del recorded["request"]["body"]
    return recorded


def stored(directory: Path, *exchanges: dict[str, Any]) -> Path:
    for recorded in exchanges:
        path = directory / recorded["protocol"] / f"{recorded['id']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(recorded), encoding="utf-8")
    return directory


def faulty_target(directory: Path, fault: str) -> Path:
    """The transparent relay with one fault, as a target file."""
    return _relay(directory, ":{port}", f":{{port}}/faults/{fault}")


def renaming_target(directory: Path) -> Path:
    """The transparent relay, which claims to know only the models that it lists."""
    return _relay(directory, "any_model = true\n", "")


def _relay(directory: Path, old: str, new: str) -> Path:
    text = alone(BUILTIN["relay"].read_text(encoding="utf-8"))
    assert old in text
    path = directory / "target.toml"
    path.write_text(text.replace(old, new).replace("{here}/../../..", str(Path.cwd())), encoding="utf-8")
    return path


def alone(text: str) -> str:
    """The relay's target file without its second door."""
    return text.replace('replicas = ["http://127.0.0.1:{port}/replica"]\n', "").replace(
        '"replicas", "shared-requests", "shared-streams", "shared-budgets", ', ""
    )


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def replayed(target: str | Path, recordings: Path, out: Path, *more: str) -> tuple[int, Report]:
    """Exit code and report of `conformance replay`."""
    result = run("replay", target, "--recordings", recordings, "--out", out, *more)
    assert (out / "report.json").exists(), result.output
    return result.exit_code, read(out)


def row(report: Report, name: str) -> CheckResult:
    [found] = [row for row in report.checks if row.id == f"replay/{name}"]
    return found
