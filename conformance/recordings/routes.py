"""Which routes of a provider a target answers for, and which of them generate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from conformance.surface import Surface

if TYPE_CHECKING:
    from conformance.recordings.recording import Recording
    from conformance.target import Target

_CHAT, _RESPONSES, _MESSAGES = Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES
_GEMINI, _CLAUDE = Surface.GEMINI, r"/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models"
_CALLS = (
    r"POST /v1/(?:chat/completions|responses|messages)",
    r"POST /v1beta/models/[^/]+:(?:g|streamG)enerateContent",
    r"POST /openai/(?:deployments/[^/]+/chat/completions|(?:v1/)?responses|v1/chat/completions)",
    r"POST /model/[^/]+/(?:invoke|invoke-with-response-stream|converse|converse-stream)",
    rf"POST {_CLAUDE}/[^/]+:(?:r|streamR)awPredict",
)
_FEATURES = {
    r"POST /v1/messages/count_tokens": "count-tokens",
    r"POST /v1/responses/input_tokens": "count-tokens",
    r"POST /v1beta/models/[^/]+:countTokens": "count-tokens",
    r"POST /model/[^/]+/count-tokens": "count-tokens",
    r"GET /v1(?:beta)?/models(/[^/]+)?": "models",
}
_FORMS = (
    ("openai-chat", r"POST /v1/chat/completions", _CHAT),
    ("openai-responses", r"POST /v1/responses", _RESPONSES),
    ("anthropic-messages", r"POST /v1/messages", _MESSAGES),
    ("gemini", r"POST /v1beta/models/[^/]+:(?:g|streamG)enerateContent", _GEMINI),
    ("mistral", r"POST /v1/chat/completions", _CHAT),
    ("azure-openai", r"POST .*/chat/completions", _CHAT),
    ("azure-openai", r"POST /openai/(?:v1/)?responses", _RESPONSES),
)
_MODEL = re.compile(r"(?<=/models/)[^/:]+|(?<=/model/)[^/]+|(?<=/deployments/)[^/]+")


class Excuse(NamedTuple):
    """Why a recording does not count: the reason that it shares with others, and what is its own."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} {self.detail}"


def unserved(recording: Recording, target: Target | None) -> Excuse | None:
    """Why a target need not answer a recording's route; None where it must. Without a target: whether any must."""
    if any(re.fullmatch(route, recording.route) for route in _CALLS):
        return None
    feature = next((name for route, name in _FEATURES.items() if re.fullmatch(route, recording.route)), None)
    if feature is None:
        return Excuse("no surface includes", recording.route)
    if target is not None and feature not in target.claims.features:
        return Excuse(f"the target does not claim the feature {feature}, which belongs to", recording.route)
    return None


def form_of(recording: Recording) -> Surface | None:
    """In whose form a model answers there; None for a route that does not generate, or not in a form of the four."""
    found = (
        form
        for protocol, route, form in _FORMS
        if protocol == recording.protocol and re.fullmatch(route, recording.route)
    )
    return next(found, None)


def with_model(path: str, model: str) -> str:
    """The same path for another model, where it names one."""
    return _MODEL.sub(quote(model, safe=":@"), path, count=1)
