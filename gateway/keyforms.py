"""What is said of keys in JSON: how one is asked for, and how one is described. The same at the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.keys import OWNERS, Owner, VirtualKey
from gateway.limits import UNLIMITED, Limit
from gateway.scope import origin
from gateway.surfaces import SURFACES, Surface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config import Settings
    from gateway.keys import KeyStore, Minted

Label = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Origin = Annotated[str, AfterValidator(origin), Field(description="A network (CIDR) of the caller's, or `unix`.")]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyRequest(Form):
    """A key to be minted. What is left out holds it to nothing."""

    name: Label
    expires_in_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    surfaces: tuple[Surface, ...] = ()
    family: Label | None = None
    run: Label | None = None
    session: Label | None = None
    subject: Label | None = None
    team: Label | None = None
    models: tuple[Label, ...] = Field(default=(), description="The names that clients ask for.")
    providers: tuple[Label, ...] = ()
    origins: tuple[Origin, ...] = ()
    limits: Limit = UNLIMITED

    def mint(self, store: KeyStore) -> Minted:
        """Raises what the store does."""
        scope = self.model_dump(exclude={"expires_in_seconds", "limits"})
        return store.mint(**scope, lifetime=self.expires_in_seconds, limits=self.limits)

    def misfits(self, settings: Settings) -> Iterator[tuple[str, str]]:
        """What this gateway has not: the field, and what is wrong with it."""
        there = {provider.name for provider in settings.providers}
        if self.family and self.family not in {provider.family for provider in settings.providers}:
            yield "family", f"no provider is of the family {self.family!r}"
        yield from (("providers", f"no provider is called {name!r}") for name in self.providers if name not in there)
        if settings.routing.unknown_models == "refuse":
            declared = {model.name for model in settings.models}
            yield from (("models", f"no model is called {name!r}") for name in self.models if name not in declared)


class Owned(Form):
    """Whose keys: those to which all fits that is given."""

    run: Label | None = None
    session: Label | None = None
    subject: Label | None = None
    team: Label | None = None

    @property
    def owner(self) -> Owner | None:
        given = self.model_dump(include=set(OWNERS))
        return Owner(**given) if any(given.values()) else None


class OwnerForm(Owned):
    """Somebody's keys: something is needed."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def is_somebody(self) -> Self:
        if self.owner is None:
            raise ValueError(f"one of {', '.join(OWNERS)} is needed")
        return self


class KeyView(Form):
    """A key as it may be shown."""

    fingerprint: Fingerprint
    name: str
    state: Literal["valid", "expired", "revoked"]
    surfaces: tuple[Surface, ...]
    family: str | None
    run: str | None
    session: str | None
    subject: str | None
    team: str | None
    models: tuple[str, ...]
    providers: tuple[str, ...]
    origins: tuple[str, ...]
    limits: Limit
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class MintedView(KeyView):
    """The only time that the key itself is shown."""

    key: str


def view(key: VirtualKey, now: float) -> KeyView:
    same = {name: getattr(key, name) for name in ("fingerprint", "name", "family", "limits", *OWNERS)}
    lists = {name: sorted(getattr(key, name)) for name in ("models", "providers", "origins")}
    times = {name: iso(getattr(key, name)) for name in ("created_at", "expires_at", "revoked_at")}
    surfaces = sorted(key.surfaces or SURFACES)
    return KeyView.model_validate({**same, **lists, **times, "state": key.state(now), "surfaces": surfaces})


def minted_view(minted: Minted) -> MintedView:
    shown = view(minted.key, minted.key.created_at)
    return MintedView(key=minted.plaintext, **shown.model_dump())


def iso(timestamp: float | None) -> str | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")
