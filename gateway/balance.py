"""What has been spent of the budgets that a key's calls are charged to."""

from __future__ import annotations

import time
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from gateway.keyforms import Form, Time, iso
from gateway.limits import dollars
from gateway.spend import SpendStore

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.keys import VirtualKey
    from gateway.limits import Subject


class Balance(Form):
    """`name` is the key's fingerprint, or the run's or team's name; `period_ends` is empty for budgets without one."""

    kind: Literal["key", "run", "team"]
    name: str
    budget_usd: Decimal
    spent_usd: Decimal
    period_ends: Time | None


class Balances(Form):
    balances: tuple[Balance, ...]


def balances_of(settings: Settings, key: VirtualKey) -> Balances:
    """Raises DatabaseError."""
    limited = [subject for subject in settings.limits.subjects(key) if subject.limit.budget_usd is not None]
    with closing(SpendStore(settings.keys.place)) as store:
        return Balances(balances=tuple(balance(store, subject, key) for subject in limited))


def balance(store: SpendStore, subject: Subject, key: VirtualKey) -> Balance:
    limit, now = subject.limit, time.time()
    assert limit.budget_usd is not None
    return Balance(
        kind=subject.kind,
        name=key.fingerprint if subject.kind == "key" else subject.name,
        budget_usd=limit.budget_usd,
        spent_usd=dollars(store.spent(subject.id, limit.begin(now))).normalize(),
        period_ends=iso(limit.end(now)),
    )
