"""Which routes are served, which generate, and where their paths name a model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.recordings.routes import form_of, unserved, with_model
from conformance.surface import Surface
from tests.recordings.test_judging import RECORDING

CHAT, RESPONSES = Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES


@pytest.mark.parametrize(
    ("protocol", "path", "form"),
    [
        ("openai-chat", "/v1/chat/completions", CHAT),
        ("openai-platform", "/v1/completions", None),
        ("anthropic-messages", "/v1/messages", Surface.ANTHROPIC_MESSAGES),
        ("anthropic-messages", "/v1/messages/batches", None),
        ("gemini", "/v1beta/models/gemini-3.5-flash:streamGenerateContent", Surface.GEMINI),
        ("gemini", "/v1beta/models/gemini-3.5-flash:countTokens", None),
        ("mistral", "/v1/chat/completions", CHAT),
        ("azure-openai", "/openai/deployments/mine/chat/completions", CHAT),
        ("azure-openai", "/openai/v1/responses", RESPONSES),
        ("bedrock", "/model/anthropic.claude%3A0/converse", None),
    ],
)
def test_what_generates_has_the_form_of_one_of_four_protocols(protocol: str, path: str, form: Surface | None) -> None:
    assert form_of(replace(RECORDING, protocol=protocol, path=path)) == form


@pytest.mark.parametrize(
    "path",
    [
        "/v1/responses",
        "/v1beta/models/gemini-3.5-flash:generateContent",
        "/openai/deployments/mine/chat/completions",
        "/model/anthropic.claude%3A0/invoke-with-response-stream",
        "/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:rawPredict",
    ],
)
def test_every_target_answers_what_generates(path: str) -> None:
    assert unserved(replace(RECORDING, path=path), None) is None


@pytest.mark.parametrize("path", ["/v1/files", "/v1/projects/p/locations/l/publishers/google/models/g:generateContent"])
def test_what_no_surface_includes_is_told_by_its_route(path: str) -> None:
    assert str(unserved(replace(RECORDING, path=path), None)) == f"no surface includes POST {path}"


@pytest.mark.parametrize(
    ("path", "renamed"),
    [
        ("/v1beta/models/gemini-3.5-flash:generateContent", "/v1beta/models/new:1:generateContent"),
        ("/model/eu.anthropic%2Fclaude/invoke", "/model/new:1/invoke"),
        ("/openai/deployments/mine/chat/completions", "/openai/deployments/new:1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
    ],
)
def test_a_path_names_the_model_in_its_own_place(path: str, renamed: str) -> None:
    assert with_model(path, "new:1") == renamed
