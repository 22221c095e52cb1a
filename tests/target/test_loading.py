from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.surface import CORE, Surface
from conformance.target import FEATURES, PROFILES, TargetInvalidError, asked_name, load
from tests.target.samples import TOML, problems, written

if TYPE_CHECKING:
    from pathlib import Path


def test_a_target_file_becomes_a_typed_value(tmp_path: Path) -> None:
    target = load(written(tmp_path))
    assert (target.name, target.version) == ("mine", "1.2.3")
    assert target.surfaces == {Surface.OPENAI_CHAT: "http://127.0.0.1:{port}/v1"}
    assert target.models[0].upstream is Surface.OPENAI_CHAT
    assert target.claims.features == ("streaming",)
    assert target.here == tmp_path


def test_an_unknown_surface_is_named_with_its_key_and_the_one_meant(tmp_path: Path) -> None:
    text = TOML.replace("openai-chat = ", "openai-chta = ")
    assert problems(tmp_path, text) == [
        "mine.toml: target.surfaces.openai-chta: unknown surface 'openai-chta', did you mean openai-chat?"
    ]


def test_every_mistake_is_listed(tmp_path: Path) -> None:
    text = """
        [target]
        nmae = "mine"
        version = "1"
        [target.start]
        command = []
        prot = 8080
        ready = { path = "/", seconds = "soon" }
        container = { image = "x" }
        [target.surfaces]
        [target.auth]
        mint = { path = "/keys", methd = "PUT" }
        [[target.models]]
        name = "m"
        upstream = "openai"
        surfaces = []
        [target.claims]
        profiles = ["opnai-chat"]
        features = ["streaming", "tool"]
    """
    assert problems(tmp_path, text) == [
        "mine.toml: target.name: missing",
        "mine.toml: target.start.container.port: missing",
        "mine.toml: target.start.command: tuple should have at least 1 item after validation, not 0",
        "mine.toml: target.start.ready.seconds: should be a valid number, unable to parse string as a number",
        "mine.toml: target.start.prot: unknown key, did you mean port?",
        "mine.toml: target.surfaces: dictionary should have at least 1 item after validation, not 0",
        "mine.toml: target.auth.mint.methd: unknown key, did you mean method?",
        "mine.toml: target.models.0.upstream: unknown surface 'openai', did you mean openai-chat?",
        "mine.toml: target.models.0.surfaces: tuple should have at least 1 item after validation, not 0",
        "mine.toml: target.claims.profiles.0: unknown profile 'opnai-chat', did you mean openai-chat?",
        "mine.toml: target.claims.features.1: unknown feature 'tool', did you mean tools?",
        "mine.toml: target.nmae: unknown key, did you mean name?",
    ]


def test_broken_toml_is_shown_with_its_line(tmp_path: Path) -> None:
    assert problems(tmp_path, "[target]\nname = mine\n") == [
        "mine.toml: not valid TOML: Invalid value (at line 2, column 8)"
    ]


def test_bytes_that_are_no_text_are_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TargetInvalidError, match="cannot be read"):
        load(str(path))


def test_a_directory_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").mkdir()
    with pytest.raises(TargetInvalidError, match="cannot be read"):
        load(str(tmp_path / "mine.toml"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetInvalidError, match=r"nowhere\.toml: there is no such file"):
        load(str(tmp_path / "nowhere.toml"))


def test_a_misspelt_builtin_is_recognised() -> None:
    with pytest.raises(TargetInvalidError, match="neither a built-in target nor a TOML file, did you mean reference"):
        load("referense")


def test_a_name_like_nothing_else_lists_the_builtins() -> None:
    with pytest.raises(TargetInvalidError, match=r"built in: .*litellm, .*nginx, .*reference, relay"):
        load("zzz")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("{port}/v1", "{prot}/v1", "target.surfaces.openai-chat: unknown placeholder {prot}, did you mean port?"),
        ("secret:client", "secret:klient", "target.auth.key: unknown placeholder {secret:klient}, did you mean "),
        (
            "{workdir}",
            "{jjj}",
            "target.start.command.3: unknown placeholder {jjj}; as plain text it is written {{jjj}}",
        ),
        ("{workdir}", "{install}", "target.install: missing, so there is no {install}"),
        ('profiles = ["openai-chat"]', "", "target.claims.profiles: nothing to test: no profile is claimed"),
        (
            'surfaces = ["openai-chat"]',
            'surfaces = ["openai-responses"]',
            "target.models.0.surfaces: openai-responses is",
        ),
        ("[target.auth]\n", "[target.auth]\nkey_id = 1\n", "target.auth.key_id: unknown key"),
        ('key = "{secret:client}"', "", "target.auth: needs a key, or a mint hook that makes one"),
        ('version = "1.2.3"', "", "target: needs exactly one of version and version_command"),
        ('name = "mine"', 'name = "../mine"', "target.name: string should match pattern"),
        ("[target]\n", "[other]\n[target]\n", "other: unknown table, did you mean target?"),
        (
            "[target.auth]\n",
            "[target.auth]\nmint = { path = '/', command = ['x'] }\n",
            "target.auth.mint: needs exactly",
        ),
        (
            "[target.auth]\n",
            "[target.auth]\nmint = { path = '/{key}' }\n",
            "target.auth.mint: there is no {key} before",
        ),
        (
            "[target.auth]\n",
            "[target.auth]\nrevoke = { path = '/{expires_in}' }\n",
            "target.auth.revoke: there is no {exp",
        ),
        ("[target.auth]\n", "[target.auth]\nrevoke = { path = '/{id}' }\n", "target.auth: {id} needs a mint hook"),
        (
            "[target.start]\n",
            "[target.start]\nfiles = { '../x' = '' }\n",
            "target.start.files.../x: must be a path inside",
        ),
        ("[target.start]\n", "[target.start]\nfiles = { '/x' = '' }\n", "target.start.files./x: must be a path inside"),
        (
            "[target.start]\n",
            "[target.start]\nport = 70000\n",
            "target.start.port: should be less than or equal to 65535",
        ),
        (
            "[target.start]\n",
            "[target.install]\n[target.start]\n",
            "target.install: needs exactly one of pip, npm and apt",
        ),
        (
            "[target.start]\n",
            "install = { pip = ['x=={port}'] }\n[target.start]\n",
            "target.install.pip.0: unknown placeh",
        ),
        (
            'version = "1.2.3"',
            "version = '../1'\ninstall = { pip = ['x'] }",
            "target.version: must be a version such as 1.2.3",
        ),
        (
            "[target.start]\n",
            "install = { apt = 'x' }\n[target.start]\n",
            "target.install: apt and executable go together",
        ),
        (
            "[target.start]\n",
            "install = { pip = ['x'], overrides = { y = '1' } }\n[target.start]\n",
            "target.install: overrides are npm's",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert any(line.startswith(f"mine.toml: {problem}") for line in problems(tmp_path, **{old: new}))


def test_a_surface_without_a_model_has_nothing_to_test(tmp_path: Path) -> None:
    text = TOML.replace("[target.auth]", 'anthropic-messages = "http://127.0.0.1:{port}"\n[target.auth]')
    assert problems(tmp_path, text) == [
        "mine.toml: target.surfaces.anthropic-messages: nothing to test: no model is served on it"
    ]


@pytest.mark.parametrize(
    ("auth", "feature", "problem"),
    [
        ("mint = { path = '/k' }", "key-models", "target: claims key-models, but no mint hook says {model}"),
        ("mint = { path = '/k' }", "key-expiry", "target: claims key-expiry, but no mint hook says {expires_in}"),
        ("key = 'k'", "key-deletion", "target: claims key-deletion, but has no hooks to mint and to delete"),
        (
            "mint = { path = '/k/{model}' }",
            "streaming",
            "target.auth: {model} may stand in the command or the json of the mint hook, and nowhere else",
        ),
        (
            "key = 'k'\nrevoke = { path = '/k', json = '{origin}' }",
            "streaming",
            "target.auth: {origin} may stand in the command or the json of the mint hook, and nowhere else",
        ),
    ],
)
def test_keys_that_cannot_be_had_cannot_be_claimed(tmp_path: Path, auth: str, feature: str, problem: str) -> None:
    key = next(line for line in TOML.splitlines() if line.startswith("key"))
    text = TOML.replace(key, auth).replace('features = ["streaming"]', f'features = ["{feature}"]')
    assert problems(tmp_path, text) == [f"mine.toml: {problem}"]


def test_what_is_not_started_has_no_port_of_its_own(tmp_path: Path) -> None:
    start = TOML[TOML.index("[target.start]") : TOML.index("[target.surfaces]")]
    assert problems(tmp_path, TOML.replace(start, "")) == ["mine.toml: target.start: missing, so there is no {port}"]


def test_an_empty_file_has_no_target(tmp_path: Path) -> None:
    assert problems(tmp_path, "") == ["mine.toml: target: missing"]


def test_a_version_of_a_builtin_can_be_chosen() -> None:
    target = load("litellm@1.89.4")
    assert (target.name, target.version) == ("litellm", "1.89.4")


@pytest.mark.parametrize("name", ["nginx@1", "reference@2", "litellm@../../x", "litellm@latest"])
def test_a_version_that_cannot_be_chosen_is_a_mistake(name: str) -> None:
    with pytest.raises(TargetInvalidError, match=name.partition("@")[0]):
        load(name)


def test_claims_are_data_with_a_meaning() -> None:
    assert all(FEATURES.values())
    assert set(CORE) <= set(PROFILES)


def test_translation_cannot_be_claimed_without_a_pair_to_translate(tmp_path: Path) -> None:
    text = TOML.replace('profiles = ["openai-chat"]', 'profiles = ["openai-chat", "translation"]')
    with pytest.raises(TargetInvalidError, match="no model is served on a surface that is not its upstream's own"):
        load(written(tmp_path, text))


@pytest.mark.parametrize(
    ("asked", "name"), [("litellm@1.89.4", "litellm@1.89.4"), ("litellm", "litellm"), ("relay", "relay")]
)
def test_reports_on_two_versions_are_filed_apart(asked: str, name: str) -> None:
    assert asked_name(asked, load(asked)) == name


def test_routing_cannot_be_claimed_without_saying_how_it_is_done(tmp_path: Path) -> None:
    text = TOML.replace('profiles = ["openai-chat"]', 'profiles = ["openai-chat", "routing"]')
    with pytest.raises(TargetInvalidError, match=r"\[target.routing\] does not say how it picks a provider"):
        load(written(tmp_path, text))


def test_stand_ins_on_other_surfaces_cannot_be_claimed_without_naming_them(tmp_path: Path) -> None:
    text = TOML.replace('features = ["streaming"]', 'features = ["fallback-elsewhere"]')
    text = text.replace("[target.surfaces]", '[target.surfaces]\nanthropic-messages = "http://127.0.0.1:{port}"')
    with pytest.raises(TargetInvalidError, match=r"\[target.routing.elsewhere\] lacks anthropic-messages"):
        load(written(tmp_path, text))


def test_routing_names_providers_that_the_upstream_plays(tmp_path: Path) -> None:
    legs = "[{ provider = 'openai', model = 'a' }, { provider = 'mistrall', model = 'b' }]"
    routing = f"""
[target.routing]
choice = {{ header = "x-provider", model = "a", default = "openai", providers = {{ m = "mistral" }} }}
fallback = {{ model = "sure", legs = {legs}, statuses = [503] }}
alias = {{ model = "fast", upstream_name = "a" }}
"""
    with pytest.raises(TargetInvalidError, match="unknown provider 'mistrall', did you mean mistral"):
        load(written(tmp_path, TOML + routing))


COMMAND = next(line for line in TOML.splitlines() if line.startswith("command"))
CONTAINER = 'container = { image = "gw:1", port = 4000 }'


def test_a_container_takes_the_place_of_a_command(tmp_path: Path) -> None:
    start = load(written(tmp_path, TOML.replace(COMMAND, CONTAINER))).start
    assert start
    assert start.container
    assert (start.container.image, start.container.port, start.command) == ("gw:1", 4000, None)


def test_something_must_be_started(tmp_path: Path) -> None:
    assert problems(tmp_path, TOML.replace(COMMAND, "")) == ["mine.toml: target.start: needs a command, or a container"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            CONTAINER,
            f"{CONTAINER}\ncommand = ['{{python}}']",
            "target.start: runs in the container, where there is no {python}",
        ),
        (
            "[target.auth]\n",
            "[target.auth]\nmint = { command = ['{here}/mint'] }\n",
            "target.auth: runs in the container, where there is no {here}",
        ),
        (
            "[target.start]\n",
            "install = { pip = ['x'] }\n[target.start]\n",
            "target.install: a container's software comes with its image",
        ),
    ],
)
def test_what_a_container_does_not_have(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = TOML.replace(COMMAND, CONTAINER)
    assert old in text
    assert problems(tmp_path, text.replace(old, new)) == [f"mine.toml: {problem}"]


@pytest.mark.parametrize("feature", ["audit", "metrics"])
def test_what_a_gateway_tells_cannot_be_claimed_without_saying_where(tmp_path: Path, feature: str) -> None:
    text = TOML.replace('features = ["streaming"]', f'features = ["{feature}"]')
    with pytest.raises(TargetInvalidError, match=rf"claims {feature}, but \[target.observability\] does not say where"):
        load(written(tmp_path, text))
    where = '[target.observability]\naudit = "a.jsonl"\nmetrics = "http://127.0.0.1:{second_port}/metrics"\n'
    told = load(written(tmp_path, text + where)).observability
    assert told
    assert (told.audit, told.header, told.status) == ("a.jsonl", "traceparent", "/status")


@pytest.mark.parametrize("feature", ["replicas", "shared-requests", "shared-streams", "shared-budgets"])
def test_replicas_cannot_be_claimed_without_saying_where_they_are(tmp_path: Path, feature: str) -> None:
    text = TOML.replace('"streaming"', f'"{feature}"')
    with pytest.raises(TargetInvalidError, match=rf"claims {feature}, but target.replicas does not say where"):
        load(written(tmp_path, text))
    there = text.replace('version = "1.2.3"', 'version = "1.2.3"\nreplicas = ["http://127.0.0.1:{second_port}"]')
    assert load(written(tmp_path, there)).replicas == ("http://127.0.0.1:{second_port}",)


def test_what_is_not_started_has_no_second_port_either(tmp_path: Path) -> None:
    start = TOML[TOML.index("[target.start]") : TOML.index("[target.surfaces]")]
    assert problems(tmp_path, TOML.replace(start, "").replace("{port}", "{second_port}")) == [
        "mine.toml: target.start: missing, so there is no {second_port}"
    ]
