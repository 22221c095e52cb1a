"""What a minted key looks like: it fits where keys are carried, and nobody guesses it."""

import re
from itertools import takewhile

from anyio.to_thread import run_sync

from conformance.api import Client, Hooks, Mode, check

RAW = (Mode.HTTP,)
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""

SEVERAL = 4
BITS = 128
BY_CHANCE = 2
"""Characters that several random keys may share at their ends."""


@check(
    "keys/form/token",
    requirement="keys-are-tokens",
    feature="key-lifecycle",
    modes=RAW,
    direct=False,
    catches=("mints-keys-that-are-no-tokens",),
)
async def test_a_minted_key_can_be_carried_as_a_bearer_token(client: Client, hooks: Hooks) -> None:
    key = await run_sync(hooks.mint)
    assert TOKEN.fullmatch(key), f"a key for {client.surface} holds {sorted(set(TOKEN.sub('', key)))}"


@check(
    "keys/form/unguessable",
    requirement="keys-cannot-be-guessed",
    feature="key-lifecycle",
    modes=RAW,
    direct=False,
    catches=("mints-keys-by-counting",),
)
async def test_minted_keys_cannot_be_guessed_from_each_other(client: Client, hooks: Hooks) -> None:
    keys = [await run_sync(hooks.mint) for _ in range(SEVERAL)]
    differing = [_inner(key, keys) for key in keys]
    letters = set("".join(differing).lower()) - {"-", "_"}
    per_letter = 4 if letters <= set("0123456789abcdef") else 6
    most = min(len(part) + BY_CHANCE for part in differing) * per_letter
    assert len(set(keys)) == SEVERAL, f"keys for {client.surface} are minted twice"
    assert most >= BITS, f"keys differ in {most} bits at most"


def _inner(key: str, keys: list[str]) -> str:
    """The key without what all of them begin and end with."""
    return key[_alike(keys) : len(key) - _alike([each[::-1] for each in keys])].replace("-", "")


def _alike(keys: list[str]) -> int:
    """How many characters all of them begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*keys, strict=False)))
