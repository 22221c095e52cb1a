"""Secrets where they must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.secrets import Secret, find

if TYPE_CHECKING:
    from collections.abc import Mapping


def assert_absent(secret: Secret, places: Mapping[str, bytes]) -> None:
    """The secret is in none of these places, in no spelling."""
    leaks = [leak for place, content in places.items() for leak in find(secret, content, place)]
    assert not leaks, "; ".join(map(str, leaks))
