"""One reply of each kind, and any reply at all."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from conformance.upstream import RedactedThinking, Reply, Thinking, ToolCall, Usage

WEATHER = ToolCall("call_01", "get_weather", '{"city": "Zürich \\u2603", "days": [1, 2.5, -3e2]}')
TIME = ToolCall("call_02", "get_time", "{}")

REPLIES = {
    "text": Reply(text="Grüße aus 東京 🗼: a text that is long enough for several pieces."),
    "pieces": Reply(text=("one ", "two ", "three")),
    "empty": Reply(),
    "length": Reply(text="cut sho", stop="length"),
    "stop-sequence": Reply(text="so far", stop="stop-sequence", stop_sequence="STOP"),
    "pause": Reply(text="one moment", stop="pause"),
    "tool": Reply(tool_calls=(WEATHER,)),
    "parallel-tools": Reply(text="Let me look.", tool_calls=(WEATHER, TIME)),
    "empty-arguments": Reply(tool_calls=(ToolCall("call_03", "ping", ""),)),
    "thinking": Reply(thinking=(Thinking("First I think about it, then I answer.", "c2lnbmF0dXJl"),), text="42"),
    "redacted": Reply(thinking=(RedactedThinking("b3BhcXVl"), Thinking("hm", "c2ln")), text="43"),
    "refusal": Reply(refusal="I'm sorry, but I cannot assist with that request."),
    "filtered": Reply(text="It begins ", stop="refusal"),
    "usage": Reply(text="ok", usage=Usage(input=100, output=50, cache_read=30, cache_write=20, reasoning=40)),
}

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_arguments = st.dictionaries(_text, st.none() | st.booleans() | st.integers() | _text, max_size=3).map(json.dumps)
_ids = st.text("abcdef0123456789", min_size=6, max_size=6).map("call_{}".format)
_tool_calls = st.lists(st.builds(ToolCall, id=_ids, name=st.just("f"), arguments=_arguments | st.just("")), max_size=3)
_thoughts = st.lists(st.builds(Thinking, _text, _text) | st.builds(RedactedThinking, _text), max_size=2)
_counts = st.integers(0, 1000)
_usages = st.builds(
    lambda fresh, read, write, output: Usage(fresh + read + write, output, read, write, output // 2),
    _counts,
    _counts,
    _counts,
    _counts,
)

any_reply = st.builds(
    Reply,
    text=_text | st.lists(_text, max_size=4).map(tuple),
    thinking=_thoughts.map(tuple),
    tool_calls=_tool_calls.map(tuple),
    refusal=st.none() | _text.filter(bool),
    stop=st.sampled_from([None, "end", "length", "tool-use", "refusal"]),
    usage=_usages,
    extra=st.none() | st.just({"unheard_of": {"a": [1]}}),
)
