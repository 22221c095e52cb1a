"""LiteLLM 1.106.2 with keys of a custom auth file, which it is told to hold to their models."""

from __future__ import annotations

from tests.gateways.sheet import ALL, CHAT, MESSAGES, RESPONSES, Certified, Sheet

SHEET = Sheet(
    target="litellm-keys",
    rows={
        "a model in the query is asked for, whatever the key is held to": {"keys/scope/second-model": (CHAT,)},
        "an item of another user's answer is passed on": {"isolation/objects/items": (RESPONSES,)},
        "a stream outlives its key": {"keys/race/stream-ends": ALL},
        "a call without a key is a 500": {"keys/refused/none": ALL, "keys/refused/models": ALL},
        "the provider's key repeated amid a stream": {"isolation/provider-key/echoed-in-stream": (CHAT, MESSAGES)},
    },
    confirmed={
        "keys/refused/empty": "an empty key is a 500",
        "keys/refused/count-tokens": "a call without a key is a 500",
    },
    kept={
        "keys/life/revoked": ALL,
        "keys/life/deleted": ALL,
        "keys/race/many": ALL,
        "keys/scope/model": ALL,
        "keys/scope/other-routes": ALL,
        "isolation/objects/answers": (RESPONSES,),
        "isolation/objects/continued": (RESPONSES,),
        "isolation/client-key/agents": ALL,
        "isolation/client-key/calls": ALL,
        "isolation/tenants/canaries": ALL,
    },
)


class TestLiteLLMKeys(Certified):
    sheet = SHEET
