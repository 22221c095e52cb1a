from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from conformance.target import HookFailedError, Hooks, TargetNotStartedError, launch
from tests.target.samples import SECRETS, UPSTREAM, processes, target

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.target import Target

ADMIN = {"x-admin": "{secret:admin}"}
MINT = {
    "path": "/keys",
    "headers": ADMIN,
    "json": {"life": "{expires_in}", "for": ["port {port}", 7]},
    "key_at": "/data/0/token",
}
OVER_HTTP = {
    "mint": MINT,
    "revoke": {"method": "DELETE", "path": "/keys/{key}", "headers": ADMIN},
    "expire": {"url": "http://127.0.0.1:{port}/keys/{key}/expire", "headers": ADMIN},
}


def hooked(directory: Path, **auth: Any) -> Target:
    return target(directory, start={"env": {"ADMIN": "{secret:admin}"}}, auth=auth)


def printing(text: str) -> dict[str, Any]:
    return {"command": ["{python}", "-c", "import sys; print(sys.argv[1])", text]}


def keys_of(hooks: Hooks) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(hooks.origin + "/keys").json()
    return found


def test_a_key_lives_through_http_hooks(tmp_path: Path) -> None:
    with launch(hooked(tmp_path, **OVER_HTTP), UPSTREAM, SECRETS, tmp_path) as running:
        hooks = running.hooks
        assert keys_of(hooks) == {running.key: {"life": 86400, "for": [f"port {hooks.origin.rpartition(':')[2]}", 7]}}
        short = hooks.mint(expires_in=2)
        assert keys_of(hooks)[short]["life"] == 2
        hooks.expire(short)
        assert set(keys_of(hooks)) == {running.key}
        hooks.revoke(running.key)
        assert keys_of(hooks) == {}


def test_a_key_is_quoted_inside_a_url(tmp_path: Path) -> None:
    failing = hooked(tmp_path, key="fixed", revoke={"path": "/keys/{key}"})
    with (
        launch(failing, UPSTREAM, SECRETS, tmp_path) as running,
        pytest.raises(HookFailedError, match=r"/keys/\[minted key [0-9a-f]{12} URL-encoded\] answered 403"),
    ):
        running.hooks.revoke("some-longer-key-a/b?c")


def test_another_process_can_use_the_hooks(tmp_path: Path) -> None:
    with launch(hooked(tmp_path, **OVER_HTTP), UPSTREAM, SECRETS, tmp_path) as running:
        again = Hooks.from_description(json.loads(json.dumps(running.describe()["hooks"])))
        assert again.can_mint_expiring
        assert again.mint() in keys_of(running.hooks)


def test_a_command_prints_the_key_or_json_that_holds_it(tmp_path: Path) -> None:
    with launch(hooked(tmp_path, mint=printing("a-key")), UPSTREAM, SECRETS, tmp_path) as running:
        assert running.key == "a-key"
    in_json = {**printing('{"keys": {"a/b": "another"}}'), "key_at": "/keys/a~1b"}
    with launch(hooked(tmp_path, mint=in_json), UPSTREAM, SECRETS, tmp_path) as running:
        assert running.key == "another"


def test_a_command_runs_where_the_gateway_runs(tmp_path: Path) -> None:
    script = "import os; print(os.getcwd(), os.environ['ADMIN'], os.environ['HOME'])"
    mint = {"command": ["{python}", "-c", script]}
    with launch(hooked(tmp_path, mint=mint), UPSTREAM, SECRETS, tmp_path) as running:
        assert running.key == f"{tmp_path} {SECRETS['admin'].value} {tmp_path}"


def test_hooks_say_which_of_them_there_are(tmp_path: Path) -> None:
    with launch(hooked(tmp_path, key="fixed", expire=OVER_HTTP["expire"]), UPSTREAM, SECRETS, tmp_path) as running:
        hooks = running.hooks
        assert (hooks.can_mint, hooks.can_mint_expiring, hooks.can_revoke, hooks.can_expire) == (
            False,
            False,
            False,
            True,
        )
        assert "sk-" not in repr(hooks)


SCOPED = {
    **MINT,
    "json": {"for": {"models": ["{model}"], "where": "{origin}"}, "surfaces": ["{surface}", "all"], "none": []},
}


def test_what_a_key_is_not_held_to_is_left_out_of_the_body(tmp_path: Path) -> None:
    with launch(hooked(tmp_path, **{**OVER_HTTP, "mint": SCOPED}), UPSTREAM, SECRETS, tmp_path) as running:
        hooks = running.hooks
        assert keys_of(hooks)[running.key] == {"surfaces": ["all"], "none": []}
        held = hooks.mint(scope={"model": "a", "surface": "openai-chat"})
        assert keys_of(hooks)[held] == {"for": {"models": ["a"]}, "surfaces": ["openai-chat", "all"], "none": []}


def test_what_a_key_is_not_held_to_is_left_out_of_the_command(tmp_path: Path) -> None:
    said = "import sys; print(' '.join(sys.argv[1:]))"
    mint = {"command": ["{python}", "-c", said, "--model={model}", "--for", "me", "--origin={origin}"]}
    with launch(hooked(tmp_path, mint=mint), UPSTREAM, SECRETS, tmp_path) as running:
        assert running.key == "--for me"
        assert running.hooks.mint(scope={"origin": "::/0"}) == "--for me --origin=::/0"


def test_a_hook_can_delete(tmp_path: Path) -> None:
    gone = {"method": "DELETE", "path": "/keys/{key}", "headers": ADMIN}
    with launch(hooked(tmp_path, mint=MINT, delete=gone), UPSTREAM, SECRETS, tmp_path) as running:
        running.hooks.delete(running.key)
        assert keys_of(running.hooks) == {}


def test_a_hook_may_name_a_key_by_its_fingerprint(tmp_path: Path) -> None:
    said = "import sys; open('told', 'w').write(' '.join(sys.argv[1:]))"
    revoke = {"command": ["{python}", "-c", said, "{key}", "{fingerprint}"]}
    with launch(hooked(tmp_path, key="fixed", revoke=revoke), UPSTREAM, SECRETS, tmp_path) as running:
        running.hooks.revoke("a-key")
    assert (tmp_path / "told").read_text() == f"a-key {sha256(b'a-key').hexdigest()[:12]}"


def test_a_command_without_a_life_cannot_mint_expiring_keys(tmp_path: Path) -> None:
    with launch(hooked(tmp_path, mint=printing("a-key")), UPSTREAM, SECRETS, tmp_path) as running:
        assert not running.hooks.can_mint_expiring


@pytest.mark.parametrize(
    ("mint", "message"),
    [
        ({**MINT, "headers": {}}, "target.auth.mint: POST http://127.0.0.1:"),
        ({**MINT, "key_at": "/data/7/token"}, "target.auth.mint: no key at /data/7/token"),
        ({**MINT, "key_at": None}, "target.auth.mint: no key at /key"),
        ({**MINT, "path": None, "url": "http://127.0.0.1:9/"}, "target.auth.mint: [Errno 111] Connection refused"),
        (printing(""), "target.auth.mint: no key at standard output"),
        ({**printing("no json"), "key_at": "/key"}, "target.auth.mint: no key at /key"),
        ({"command": ["{python}", "-c", "raise SystemExit('full')"]}, "exited with code 1: full"),
        ({"command": ["no-such-command"]}, "No such file or directory: 'no-such-command'"),
    ],
)
def test_a_key_that_cannot_be_minted_stops_the_launch(tmp_path: Path, mint: dict[str, Any], message: str) -> None:
    with (
        pytest.raises(TargetNotStartedError) as caught,
        launch(hooked(tmp_path, mint=mint), UPSTREAM, SECRETS, tmp_path),
    ):
        pass
    assert message in str(caught.value)
    assert processes(tmp_path) == []


def test_a_failing_hook_tells_no_secret(tmp_path: Path) -> None:
    revoke = {"path": "/keys/x", "headers": {"x-admin": "{secret:openai}"}}
    failing = hooked(tmp_path, key="fixed", revoke=revoke)
    with (
        launch(failing, UPSTREAM, SECRETS, tmp_path) as running,
        pytest.raises(HookFailedError, match=r"revoke: POST .* answered 403") as caught,
    ):
        running.hooks.revoke("the-key-in-question")
    assert SECRETS["openai"].value not in str(caught.value)
    assert SECRETS["openai"].fingerprint in str(caught.value)
