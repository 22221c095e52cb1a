"""What leaves an environment: providers' credentials by name and by the shape of their values, and nothing else."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import sandbox
from gateway.sandbox.agents import GROUPS, variables
from gateway.sandbox.filtering import credentials

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = {
    "openai": "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x",
    "anthropic": "sk-ant-api03-Ab3dEf6hIj9lMn2pQr5tUv8x-yz_AA",
    "oauth": "sk-ant-oat01-Ab3dEf6hIj9lMn2pQr5tUv8x",
    "openrouter": "sk-or-v1-0123456789abcdef0123456789abcdef",
    "deepseek": "sk-0123456789abcdef0123456789abcdef",
    "google": "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "google-token": "ya29.a0AfH6SMBx-0123456789_abcdef",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "aws-session": "ASIAIOSFODNN7EXAMPLE",
    "bedrock": "ABSKQmVkcm9ja0FQSUtleS0xMjM0NTY3ODkw",
    "azure": "a" * 52 + "JQQJ99" + "BA" + "C" * 16 + "ACOG" + "abcd",
    "groq": "gsk_0123456789abcdefABCDEF0123456789",
    "hf": "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "xai": "xai-0123456789abcdefABCDEF0123456789",
    "perplexity": "pplx-0123456789abcdefABCDEF0123456789",
    "replicate": "r8_0123456789abcdefABCDEF0123456789abcde",
    "nvidia": "nvapi-0123456789abcdefABCDEF0123456789",
}
UNRELATED = {
    "DATABASE_URL": "postgres://app:p4ssw0rd@db.internal:5432/app",
    "GITHUB_TOKEN": "ghp_0123456789abcdefABCDEF0123456789abcd",
    "GH_TOKEN": "github_pat_0123456789abcdefABCDEF",
    "AWS_REGION": "eu-north-1",
    "AWS_PROFILE": "default",
    "STRIPE_API_KEY": "sk_live_0123456789abcdefABCDEF",
    "LANGFUSE_SECRET_KEY": "sk-lf-01234567-89ab-cdef-0123-456789abcdef",
    "SLACK_BOT_TOKEN": "xoxb-0123456789-abcdef",
    "SECRET_KEY": "django-insecure-0123456789abcdef",
    "NPM_TOKEN": "npm_0123456789abcdefABCDEF0123456789",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "32000",
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS": "1000",
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "OPENAI_ORG_ID": "org-0123456789",
    "GOOGLE_CLOUD_PROJECT": "project",
    "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0" * 11 + "==",
    "PATH": "/usr/local/bin:/usr/bin:/opt/task-runner-with-a-long-name/bin",
    "PWD": "/home/me/sk-learn-contrib-and-more-of-it",
    "BASH_FUNC_module%%": "() { eval; }",
    "EMPTY": "",
}
LISTED = st.sampled_from(sorted(credentials().names))
SHAPES = st.sampled_from(sorted(pattern.pattern for pattern in credentials().shapes))
WRAPPINGS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "a URL's password": lambda key: f"https://user:{quote(key, safe='')}@host.test/path",
    "a URL's query": lambda key: f"https://host.test/?a=1&key={quote(key, safe='')}&b=2",
    "percent-encoded": lambda key: "".join(f"%{byte:02X}" for byte in f'"{key}"'.encode()),
    "JSON": lambda key: json.dumps({"providers": [{"key": key}]}),
    "JSON after a line break": lambda key: json.dumps({"note": f"the key:\n{key}"}),
    "JSON in JSON": lambda key: json.dumps({"inner": json.dumps([f"\t{key}"])}),
    "a header": lambda key: f"Authorization: Bearer {key}",
    "lines": lambda key: f"a: 1\nx-api-key:{key}\nb: 2",
    "basic authentication": lambda key: "Basic " + base64.b64encode(f"user:{key}".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(f"??>{key}".encode()).decode().rstrip("="),
}


def test_unrelated_variables_stay_as_they_are() -> None:
    filtered = sandbox.without_credentials(UNRELATED)
    assert filtered == sandbox.Filtered(UNRELATED, {})


def test_every_listed_name_goes_in_any_case() -> None:
    named = [name for name in TABLE_NAMES for name in (name, name.lower(), name.title(), name.replace("_", "-"))]
    assert sandbox.without_credentials(dict.fromkeys(named, "x")).kept == {}


TABLE_NAMES = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CODEX_API_KEY",
    "CODEX_ACCESS_TOKEN",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "GOOGLE_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GEMINI_API_KEY",
    "MISTRAL_API_KEY",
    "COHERE_API_KEY",
    "CO_API_KEY",
    "GROQ_API_KEY",
    "OPENROUTER_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "TOGETHER_API_KEY",
    "FIREWORKS_API_KEY",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "PERPLEXITY_API_KEY",
    "REPLICATE_API_TOKEN",
    "LLM_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
)


@pytest.mark.parametrize(
    "name",
    [
        "openaiApiKey",
        "OpenAI__ApiKey",
        "VITE_OPENAI_API_KEY",
        "NEXT_PUBLIC_ANTHROPIC_API_KEY",
        "TF_VAR_gemini_api_key",
        "OPENAI_API_KEY_2",
        "OPENAI_API_KEY2",
        "ANTHROPIC_API_KEY_FILE",
        "ANTHROPIC_API_KEY_PROD",
        "OPENAI_BATCH_TEAM_KEY",
        "MISTRAL_EU_TOKEN",
    ],
)
def test_aliases_of_a_name_go(name: str) -> None:
    assert sandbox.without_credentials({name: "x"}).kept == {}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("whose", KEYS)
def test_a_known_key_goes_wherever_it_stands_in_a_value(whose: str, wrapping: str) -> None:
    value = WRAPPINGS[wrapping](KEYS[whose])
    filtered = sandbox.without_credentials({"SETTINGS": value, "HOME": "/home/me"})
    assert filtered.kept == {"HOME": "/home/me"}
    assert KEYS[whose] not in filtered.removed["SETTINGS"]


@pytest.mark.parametrize(
    "value",
    [
        {"MISTRAL_API_KEY": "0123456789abcdef"},
        {"env": [{"mistralApiKey": ["0123456789abcdef"]}]},
        {"inner": json.dumps({"AWS_SECRET_ACCESS_KEY": "0123456789abcdef"})},
    ],
)
def test_a_credential_without_a_shape_goes_by_its_name_in_json(value: object) -> None:
    assert sandbox.without_credentials({"SETTINGS": json.dumps(value)}).kept == {}


def test_json_stays_where_a_credentials_name_has_no_value() -> None:
    environment = {"A": '{"OPENAI_API_KEY": ""}', "B": '{"OPENAI_API_KEY": null}', "C": '["OPENAI_API_KEY"]', "D": "{"}
    assert sandbox.without_credentials(environment).kept == environment


@pytest.mark.parametrize("url", ["https://user:s3cret@api.mistral.ai/v1", "https://s3cret@api.openai.com"])
def test_a_providers_address_goes_with_its_password(url: str) -> None:
    assert sandbox.without_credentials({"ENDPOINT": url}).kept == {}


def test_other_addresses_stay_with_their_passwords() -> None:
    environment = {
        "A": "https://api.openai.com/v1",
        "B": "https://user:s3cret@gitea.internal/openai.com",
        "C": "https://user:s3cret@api.openai.com.internal/",
        "D": "https://user:s3cret@artefacts.fox.com/",
    }
    assert sandbox.without_credentials(environment).kept == environment


@pytest.mark.parametrize("kind", ["service_account", "authorized_user", "external_account"])
def test_googles_credential_files_go(kind: str) -> None:
    assert sandbox.without_credentials({"SETTINGS": json.dumps({"type": kind}, indent=1)}).kept == {}


def test_codexs_login_goes_and_other_tokens_stay() -> None:
    def token(issuer: str) -> str:
        parts = ({"alg": "RS256"}, {"iss": issuer, "sub": "somebody"})
        return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)

    environment = {"A": token("https://auth.openai.com"), "B": token("https://login.example.org")}
    assert list(sandbox.without_credentials(environment).kept) == ["B"]


@given(st.data(), SHAPES, st.sampled_from(sorted(WRAPPINGS)), st.text(), st.text())
def test_no_value_of_a_known_shape_survives(
    data: st.DataObject, shape: str, wrapping: str, before: str, after: str
) -> None:
    key = data.draw(st.from_regex(re.compile(shape, re.ASCII), fullmatch=True))
    value = WRAPPINGS[wrapping](f"{before} {key} {after}")
    environment = {"SETTINGS": value, "OTHER": "stays"}
    assert sandbox.without_credentials(environment).kept == {"OTHER": "stays"}


@given(st.dictionaries(st.text(min_size=1) | LISTED, st.text()))
def test_what_is_kept_was_given(environment: dict[str, str]) -> None:
    filtered = sandbox.without_credentials(environment)
    assert filtered.kept.items() <= environment.items()
    assert filtered.kept.keys() | filtered.removed.keys() == environment.keys()
    assert sandbox.without_credentials(filtered.kept).removed == {}


@pytest.mark.parametrize("agent", [None, *sandbox.AGENTS])
def test_where_traffic_is_moved_the_gateway_replaces_the_providers(agent: sandbox.Agent | None) -> None:
    environment = {
        "HOME": "/home/me",
        "openai_api_key": KEYS["openai"],
        "OPENAI_API_KEY": KEYS["openai"],
        "OPENAI_BASE_URL": "https://api.openai.com/v1",
        "ANTHROPIC_BASE_URL": "https://api.anthropic.com",
        "ANTHROPIC_FOUNDRY_BASE_URL": "https://claude.services.ai.azure.com",
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "MISTRAL_API_KEY": "anything",
    }
    access = sandbox.Access("http://gateway.test", "gw-one")
    filtered = sandbox.moved(environment, access, agent)
    told = sandbox.environment(access, agent)
    assert told.items() <= filtered.kept.items()
    left = {name: value for name, value in filtered.kept.items() if name not in told}
    assert "HOME" in left
    assert left.keys() <= {"HOME", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"}
    assert {"openai_api_key", "CLAUDE_CODE_USE_BEDROCK", "MISTRAL_API_KEY"} <= filtered.removed.keys()


def test_every_variable_with_a_key_is_one_that_the_filter_takes_away() -> None:
    keyed = {name for rows in variables().values() for name, (value, _) in rows.items() if value == "{key}"}
    ours = {"LLM_GATEWAY_KEY"}
    assert sandbox.without_credentials(dict.fromkeys(keyed, "gw-one")).kept.keys() == ours


def test_the_data_is_whole() -> None:
    assert {group for groups in GROUPS.values() for group in groups} <= variables().keys()
    assert all(readers for rows in variables().values() for _, readers in rows.values())
    assert all(credentials().names.values())
    assert not set(variables()["clouds"]) & set(credentials().detours)
