from __future__ import annotations

import json

import pytest

from conformance.drivers import Failure
from conformance.lanes.protocol import Call, Cancel, ClientOf, Close, Leave, Next, Reply, line, reply

CLIENT = ClientOf(1, "http://127.0.0.1:1/v1", {}, "key", 0, 30.0)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Next(7), {"do": "next", "stream": 7}),
        (Leave(7), {"do": "leave", "stream": 7}),
        (Cancel(7), {"do": "cancel", "call": 7}),
        (Close(7), {"do": "close", "client": 7}),
    ],
)
def test_a_request_is_one_line_with_an_id(request_: Next | Leave | Cancel | Close, said: dict[str, object]) -> None:
    written = line(3, request_)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert json.loads(written) == {"id": 3, **said}


def test_a_call_says_all_that_the_sdk_is_to_be_told() -> None:
    call = Call(CLIENT, ("models", "list"), fields={"a": "\n\u2028"}, body={"n": None}, query={"q": "1"}, stream=True)
    said = json.loads(line(1, call))
    assert said["path"] == ["models", "list"]
    assert (said["fields"], said["body"], said["query"]) == ({"a": "\n\u2028"}, {"n": None}, {"q": "1"})
    assert said["client"]["url"] == CLIENT.url
    assert said["stream"] is True


def test_a_reply_holds_a_value_or_a_failure() -> None:
    assert reply(b'{"id": 1, "value": {"a": [1]}}\n') == Reply(1, {"a": [1]})
    failure = b'{"kind": "RateLimitError", "message": "slow", "status": 429, "headers": [["retry-after", "7"]]}'
    assert reply(b'{"id": 2, "failure": %b}' % failure).failure == Failure(
        "RateLimitError", "slow", 429, (("retry-after", "7"),)
    )


@pytest.mark.parametrize("said", [b"hello\n", b"{}\n", b'{"id": 1, "surprise": 2}\n', b'{"id": "one"}\n', b"\xff\n"])
def test_anything_else_is_no_reply(said: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        reply(said)
