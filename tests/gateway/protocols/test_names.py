"""Names of tools that a provider would refuse are others there, and the client's own again for the client."""

from __future__ import annotations

import re

import pytest

from gateway.protocols import hub
from gateway.protocols.chat import CHAT
from gateway.protocols.names import Names

ODD = ("db.query", "crm:find", "v1/run", "søk", "n" * 100, "a b")


@pytest.mark.parametrize("odd", ODD)
def test_odd_names_become_plain_ones_and_come_back(odd: str) -> None:
    """https://github.com/EasyMetaAu/helm-api/pull/61"""
    called = hub.Turn("assistant", (hub.ToolUse("call_1", odd, "{}"),))
    names = Names.of(hub.Request("m", [called], tools=(hub.Tool(odd),), choice=hub.Forced(odd)), CHAT)
    written = names.written(hub.Request("m", [called], tools=(hub.Tool(odd),), choice=hub.Forced(odd)))
    (tool,), (part,) = written.tools, written.turns[0].parts
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.name)
    assert isinstance(part, hub.ToolUse)
    assert {part.name, tool.name} == {tool.name}
    assert written.choice == hub.Forced(tool.name)
    assert names.restored((hub.ToolUse("call_2", tool.name),)) == (hub.ToolUse("call_2", odd),)


def test_names_that_would_become_the_same_stay_apart() -> None:
    names = Names.of(hub.Request("m", tools=(hub.Tool("db.query"), hub.Tool("db:query"), hub.Tool("db_query"))), CHAT)
    tools = (hub.Tool("db.query"), hub.Tool("db:query"), hub.Tool("db_query"))
    written = [tool.name for tool in names.written(hub.Request("m", tools=tools)).tools]
    assert len(set(written)) == 3
    assert written[2] == "db_query"
