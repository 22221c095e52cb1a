from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.config import ConfigError, load
from gateway.databases import Server

if TYPE_CHECKING:
    from pathlib import Path

PROVIDER = """
[[providers]]
id = "openai"
surfaces = ["openai-chat"]
base_url = "https://api.openai.com/v1/"
credential = { env = "TEST_KEY" }
"""
KEYS = '[keys]\ndatabase = "keys.sqlite3"\n'


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", " sk-secret\n")


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert "sk-secret" not in str(caught.value)
    return caught.value.problems


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(KEYS + PROVIDER)
    settings = load(path)
    assert (settings.listen.host, settings.listen.port, settings.audit) == ("127.0.0.1", 8080, None)
    assert settings.keys.database == tmp_path / "keys.sqlite3"
    assert settings.providers[0].credential.reveal() == "sk-secret"
    assert settings.providers[0].base_url == "https://api.openai.com/v1"
    assert "sk-secret" not in repr(settings)


def test_an_audit_is_kept_somewhere(tmp_path: Path) -> None:
    assert problems(tmp_path, KEYS + PROVIDER + "[audit]\nkeep = 0\n") == (
        "audit.keep: Input should be greater than 0",
    )
    assert problems(tmp_path, KEYS + PROVIDER + "[audit]\n") == ("audit: needs 'path' or 'database'",)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        [listen]
        port = 70000
        colour = "red"
        [keys]
        [[providers]]
        id = "a"
        surfaces = ["openai-chat", "gopher"]
        base_url = "ftp://x"
        credential = { env = "NOT_SET_ANYWHERE" }
        auth = "basic"
        [[providers]]
        id = "a"
        surfaces = ["openai-chat"]
        base_url = "https://x"
        credential = { file = "nowhere.key" }
        """,
    )
    for line, expected in zip(
        sorted(found),
        [
            "keys.database: missing",
            "listen.colour: unknown key",
            "listen.port: ",
            "providers[0].auth: ",
            "providers[0].base_url: must be an http",
            "providers[0].credential: environment variable NOT_SET_ANYWHERE is not set",
            "providers[0].surfaces[1]: ",
            f"providers[1].credential: cannot read {tmp_path / 'nowhere.key'}: No such file",
            "providers[1].id: 'a' is already taken by providers[0]",
        ],
        strict=True,
    ):
        assert line.startswith(expected)


@pytest.mark.parametrize(
    ("credential", "problem"),
    [
        ("{}", "needs exactly one of"),
        ('{ env = "A", file = "b" }', "needs exactly one of"),
        ('{ env = "EMPTY" }', "EMPTY is empty"),
        ('{ env = "BROKEN" }', "cannot stand in a header"),
        ('{ value = "sk-secret" }', "unknown key"),
        ('"sk-secret"', "valid dictionary"),
    ],
)
def test_a_credential_that_cannot_be_used_is_named_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credential: str, problem: str
) -> None:
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("BROKEN", "sk-secret\nX-Evil: 1")
    [line] = problems(tmp_path, KEYS + PROVIDER.replace('{ env = "TEST_KEY" }', credential))
    assert line.startswith("providers[0].credential")
    assert problem in line


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('database = "postgresql://me:sec/ret@db/gateway"', "must be a path, or a URL"),
        ('database = "postgresql://me:sec@ret@db/gateway"', "must hold no password"),
        ('database = "postgresql://me:secret@db/gateway"', "must hold no password"),
        ('database = "postgresql://me@db/gateway?password=secret"', "must hold no password"),
        ('database = "mysql://me@db/secret"', "must be a path, or a URL"),
        ('database = "postgresql://me@db:secret/gateway"', "must be a path, or a URL"),
        ("database = 5432", "must be a path, or a URL"),
        ('database = "keys.sqlite3"\npassword = { env = "TEST_KEY" }', "belongs to a database of PostgreSQL"),
        ('database = "postgresql://me@db/gateway"\npassword = { env = "NO" }', "variable NO is not set"),
        ('database = "postgresql://me@db/gateway"\npassword = "secret"', "valid dictionary"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_and_nothing_secret_is_shown(
    tmp_path: Path, table: str, said: str
) -> None:
    for section in ("keys", "audit"):
        text = KEYS + PROVIDER if section == "audit" else PROVIDER
        [line] = problems(tmp_path, f"{text}\n[{section}]\n{table}\n")
        assert line.startswith(f"{section}")
        assert said in line
        assert "sec" not in line


def test_a_database_of_postgresqls_shows_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-1")
    monkeypatch.setenv("DATABASE_PASSWORD", "sec/ret")
    table = (
        '[keys]\ndatabase = "postgresql://me@db:5433/gateway?sslmode=require"\npassword = {env = "DATABASE_PASSWORD"}\n'
    )
    (tmp_path / "gateway.toml").write_text(PROVIDER + table)
    settings = load(tmp_path / "gateway.toml")
    assert settings.keys.place == Server("postgresql://me@db:5433/gateway?sslmode=require", "sec/ret")
    assert "sec/ret" not in repr(settings) + repr(settings.keys.place) + str(settings.keys.place)


@pytest.mark.parametrize("url", ["api.openai.com", "https://", "http://u:p@h", "https://h/v1?x=1", "https://[x"])
def test_a_base_url_must_be_one(tmp_path: Path, url: str) -> None:
    [line] = problems(tmp_path, KEYS + PROVIDER.replace("https://api.openai.com/v1/", url))
    assert line.startswith("providers[0].base_url: ")


@pytest.mark.parametrize("text", ["providers = 3", "providers = [3]", "providers = [{ surfaces = 3, id = [] }]"])
def test_nonsense_is_a_mistake_and_not_a_crash(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_what_is_not_toml_says_where(tmp_path: Path) -> None:
    [line] = problems(tmp_path, "[keys\n")
    assert "not valid TOML" in line
    assert "line 1" in line


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "nowhere.toml")


def test_who_only_keeps_keys_needs_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY")
    path = tmp_path / "gateway.toml"
    path.write_text(KEYS + PROVIDER)
    assert load(path, credentials=False).providers[0].credential.reveal() == ""


def test_models_name_a_provider_that_speaks_their_protocol(tmp_path: Path) -> None:
    models = """
        [[models]]
        name = "a"
        provider = "nobody"
        protocol = "openai-chat"
        [[models]]
        name = "a"
        provider = "openai"
        protocol = "anthropic-messages"
    """
    assert sorted(problems(tmp_path, KEYS + PROVIDER + models)) == [
        "models[0].provider: no provider is called 'nobody'",
        "models[1].name: 'a' is already taken by models[0]",
        "models[1].protocol: the provider 'openai' does not speak 'anthropic-messages'",
    ]


def test_names_that_clash_or_lead_nowhere_are_named_with_their_place(tmp_path: Path) -> None:
    more = """
        [[providers]]
        id = "Not_A_Name"
        as = "openai"
        surfaces = ["openai-chat"]
        base_url = "https://x"
        credential = { env = "TEST_KEY" }
        auth = "sigv4"
        [[models]]
        name = "a"
        provider = "openai"
        protocol = "openai-chat"
        fallback = ["a", "b", "b"]
        [routing]
        header = "x provider"
        default = "nobody"
        mappings = [
            { value = "fast", provider = "openai" },
            { value = " FAST", provider = "no-one" },
            { value = " ", provider = "openai" },
        ]
    """
    for line, expected in zip(
        sorted(problems(tmp_path, KEYS + PROVIDER + more)),
        [
            "models[0].fallback[0]: 'a' has been tried already",
            "models[0].fallback[1]: no model is called 'b'",
            "models[0].fallback[2]: 'b' has been tried already",
            "providers[1].as: 'openai' is already taken by providers[0]",
            "providers[1].id: must be lower-case letters, digits",
            "routing.default: no provider is called 'nobody'",
            "routing.header: ",
            "routing.mappings[1].provider: no provider is called 'no-one'",
            "routing.mappings[1].value: ' FAST' is already taken by routing.mappings[0]",
            "routing.mappings[2].value: must not be empty",
        ],
        strict=True,
    ):
        assert line.startswith(expected)


def test_what_aws_signs_with_belongs_to_its_signature(tmp_path: Path) -> None:
    [line] = problems(tmp_path, KEYS + PROVIDER + 'auth = "sigv4"\n')
    assert line == "providers[0]: 'aws' belongs to auth = \"sigv4\", and the other way round"
