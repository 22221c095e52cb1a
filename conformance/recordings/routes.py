"""Which routes of a provider a target answers for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.recordings.recording import Recording
    from conformance.target import Target

_CALLS = ("POST /v1/chat/completions", "POST /v1/responses", "POST /v1/messages")
_FEATURES = {
    r"POST /v1/messages/count_tokens": "count-tokens",
    r"POST /v1/responses/input_tokens": "count-tokens",
    r"GET /v1/models(/[^/]+)?": "models",
}


def unserved(recording: Recording, target: Target | None) -> str | None:
    """Why a target need not answer a recording's route; None where it must. Without a target: whether any must."""
    if recording.route in _CALLS:
        return None
    feature = next((name for route, name in _FEATURES.items() if re.fullmatch(route, recording.route)), None)
    if feature is None:
        return f"no surface includes {recording.route}"
    if target is not None and feature not in target.claims.features:
        return f"the target does not claim the feature {feature}, which {recording.route} belongs to"
    return None
