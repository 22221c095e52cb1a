"""The target file as typed values: what a gateway is, how it is started, and what it claims."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from conformance.surface import Provider, Surface
from conformance.target.claims import OF_REPLICAS, known_features, known_profiles
from conformance.target.templates import COMMON, SCOPES, SECRETS, names, strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"  # becomes part of a path
_PLACEHOLDERS = COMMON | {f"secret:{name}" for name in SECRETS}


def suggestion(name: str, known: Iterable[str]) -> str:
    """`, did you mean x?`, or nothing when nothing is near."""
    near = get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""


def _known(kind: str, known: Callable[[], Iterable[str]]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if isinstance(value, str) and value not in (names := list(known())):
            raise ValueError(f"unknown {kind} {value!r}{suggestion(value, names)}")
        return value

    return check


def _placeholders(allowed: AbstractSet[str]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        for name in (name for text in strings(value) for name in names(text)):
            if name not in allowed:
                hint = suggestion(name, allowed) or f"; as plain text it is written {{{{{name}}}}}"
                raise ValueError(f"unknown placeholder {{{name}}}{hint}")
        return value

    return check


def _inside(name: str) -> str:
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError("must be a path inside the working directory")
    return name


Name = Annotated[str, Field(min_length=1)]
Template = Annotated[str, AfterValidator(_placeholders(_PLACEHOLDERS))]
Command = Annotated[tuple[Template, ...], Field(min_length=1)]
Inside = Annotated[str, AfterValidator(_inside)]
Pointer = Annotated[str, Field(pattern="^/")]
Package = Annotated[str, AfterValidator(_placeholders({"version"}))]
ServedSurface = Annotated[Surface, BeforeValidator(_known("surface", lambda: Surface))]
CalledProvider = Annotated[Provider, BeforeValidator(_known("provider", lambda: Provider))]

LIMITS = {
    "requests_per_minute": "1000000",
    "tokens_per_minute": "1000000000",
    "streams": "100000",
    "budget_usd": "100000",
}
"""What the `limit` hook's placeholders hold where a check asks for no such limit."""

_hooked = AfterValidator(_placeholders(_PLACEHOLDERS | {"key", "id", "expires_in"} | SCOPES | LIMITS.keys()))
HookTemplate = Annotated[str, _hooked]


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ready(Table):
    """How to see that the gateway serves: any answer below 500 on `path`, or exactly `status`."""

    path: Template = "/"
    status: int | None = Field(default=None, ge=100, le=599)
    seconds: float = Field(default=30, gt=0, le=600)


class Container(Table):
    """An image, and the port on which the gateway inside listens; `{port}` is where that is to be reached."""

    image: Annotated[Template, Field(min_length=1)]
    port: int = Field(ge=1, le=65535)


class Start(Table):
    """A command in a directory of its own and a clean environment: PATH, HOME, LANG and `env`.

    What lies beside the target file is named with `{here}`; a command with a slash is looked for there. A container has
    the image's environment and `env`; `command`, if given, takes the place of the image's own.
    """

    container: Container | None = None
    command: Command | None = None
    files: dict[Inside, Template] = {}
    env: dict[str, Template] = {}
    port: int | None = Field(default=None, ge=1, le=65535)
    ready: Ready = Ready()
    logs: tuple[Inside, ...] = ()  # what it writes beside stdout and stderr, e.g. an audit log

    @model_validator(mode="after")
    def _something_to_start(self) -> Self:
        if self.command is None and self.container is None:
            raise ValueError("needs a command, or a container")
        return self


class Install(Table):
    """Where the gateway's software comes from; `{version}` is the target's.

    Targets that run the same software in different ways share one installation under one `name`.
    """

    name: Annotated[str | None, Field(pattern=_NAME)] = None  # the target's own by default
    pip: tuple[Package, ...] = ()
    python: str | None = None  # the interpreter of the virtual environment; the harness's own by default
    npm: tuple[Package, ...] = ()
    overrides: dict[str, str] = {}  # npm: versions of packages that the gateway's own packages depend on
    apt: str | None = None
    executable: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(map(bool, (self.pip, self.npm, self.apt))) != 1:
            raise ValueError("needs exactly one of pip, npm and apt")
        if bool(self.apt) != bool(self.executable):
            raise ValueError("apt and executable go together")
        if self.overrides and not self.npm:
            raise ValueError("overrides are npm's")
        return self


class Hook(Table):
    """One step in a key's life: an HTTP call to the gateway (`path`) or elsewhere (`url`), or a command.

    `{key}` is the key in question; `{expires_in}` its life in seconds (alone in a JSON string, it becomes a number).
    `{requests_per_minute}`, `{tokens_per_minute}`, `{streams}` and `{budget_usd}` are what a limited key may use.
    A minted key is found at the JSON pointer `key_at`; a command without it prints the key alone. What the
    gateway calls it is at `id_at`: `{id}` in the hooks that come after.

    `{surface}`, `{model}`, `{provider}` and `{origin}` are what a minted key is held to. Words of a command and members
    of a JSON body that name what a key is not held to are left out.
    """

    method: Name = "POST"
    path: HookTemplate | None = None
    url: HookTemplate | None = None
    headers: dict[str, HookTemplate] = {}
    body: Annotated[Any, _hooked] = Field(default=None, alias="json")
    command: tuple[HookTemplate, ...] = ()
    key_at: Pointer | None = None
    id_at: Pointer | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(map(bool, (self.path, self.url, self.command))) != 1:
            raise ValueError("needs exactly one of path, url and command")
        return self

    @property
    def placeholders(self) -> set[str]:
        return {name for text in strings(self.model_dump()) for name in names(text)}

    @property
    def scopes(self) -> set[str]:
        """What a key can be held to."""
        return {name for text in strings([self.body, self.command]) for name in names(text)} & SCOPES


class Price(Table):
    """Dollars for a million tokens of a model, as the gateway charges them."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cache_read: Decimal = Field(ge=0)


class Auth(Table):
    """The client's credential: fixed, or minted; `limit` mints a key with limits.

    `prices` are those of the models that are asked for, by their names: what budgets are counted in.
    """

    key: Template | None = None
    mint: Hook | None = None
    revoke: Hook | None = None
    expire: Hook | None = None
    delete: Hook | None = None
    limit: Hook | None = None
    prices: dict[Name, Price] = {}

    @model_validator(mode="after")
    def _scopes_where_they_mean_something(self) -> Self:
        for hook in filter(None, (self.mint, self.revoke, self.expire, self.delete, self.limit)):
            elsewhere = {name for text in strings([hook.path, hook.url, hook.headers]) for name in names(text)}
            if lost := SCOPES & (elsewhere if hook is self.mint else elsewhere | hook.placeholders):
                raise ValueError(
                    f"{{{min(lost)}}} may stand in the command or the json of the mint hook, and nowhere else"
                )
        return self

    @model_validator(mode="after")
    def _an_id_where_it_is_needed(self) -> Self:
        for hook in filter(None, (self.revoke, self.expire, self.delete)):
            if "id" in hook.placeholders and not (self.mint and self.mint.id_at):
                raise ValueError("{id} needs a mint hook that says where it is: id_at")
        return self

    @model_validator(mode="after")
    def _some_key(self) -> Self:
        if self.key is None and self.mint is None:
            raise ValueError("needs a key, or a mint hook that makes one")
        return self


class Model(Table):
    """What a client asks for, and what the gateway then speaks upstream; `headers` go with each request for it."""

    name: Name
    upstream: ServedSurface
    surfaces: Annotated[tuple[ServedSurface, ...], Field(min_length=1)]
    upstream_name: str | None = None
    headers: dict[str, Template] = {}


class Leg(Table):
    """A provider, below whose prefix the gateway calls the upstream, and what it is asked for there."""

    provider: CalledProvider
    model: Name


class Choice(Table):
    """By the value of a header a client chooses who answers; any other value, or none, means `default`."""

    header: Name
    model: Name
    default: CalledProvider
    providers: Annotated[dict[Name, CalledProvider], Field(min_length=1)]


class Fallback(Table):
    """A model for which others stand in, in this order, where one before them answers with one of these statuses."""

    model: Name
    legs: Annotated[tuple[Leg, ...], Field(min_length=2)]
    statuses: Annotated[tuple[Annotated[int, Field(ge=400, le=599)], ...], Field(min_length=1)]


class Alias(Table):
    """A name that the gateway alone knows, and what the provider calls the model."""

    model: Name
    upstream_name: Name


class Routing(Table):
    """How the gateway picks a provider for calls of Chat Completions, which most providers speak.

    `elsewhere` are models with stand-ins on other surfaces, whose providers all speak the surface's own protocol.
    """

    choice: Choice
    fallback: Fallback
    alias: Alias
    elsewhere: dict[ServedSurface, Fallback] = {}


class Observability(Table):
    """What the gateway tells of its calls.

    `audit` is a file with a line of JSON for each call, in which what is sent under `header` turns up: of a
    `traceparent` the trace id, of any other header its value. `status`, `input` and `output` are JSON pointers into a
    line; input counts what was read from a cache or written to it. A line is there after so many `seconds`. `metrics`
    is a URL.
    """

    audit: Inside | None = None
    header: Name = "traceparent"
    status: Pointer = "/status"
    input: Pointer = "/usage/input"
    output: Pointer = "/usage/output"
    seconds: float = Field(default=5, gt=0, le=60)
    metrics: Template | None = None


class Observed(Table):
    """The same of a gateway that runs."""

    table: Observability
    audit: Path | None = None
    metrics: str | None = None


class Claims(Table):
    profiles: tuple[Annotated[str, AfterValidator(_known("profile", known_profiles))], ...] = ()
    features: tuple[Annotated[str, AfterValidator(_known("feature", known_features))], ...] = ()


class Target(Table):
    """A gateway under test. Without `start` it already runs."""

    name: Annotated[str, Field(pattern=_NAME)]
    version: str | None = None
    version_command: tuple[Template, ...] = ()
    description: str = ""
    install: Install | None = None
    start: Start | None = None
    surfaces: Annotated[dict[ServedSurface, Template], Field(min_length=1)]
    replicas: tuple[Template, ...] = ()  # where the same gateway is served once more, in place of scheme, host and port
    auth: Auth
    models: tuple[Model, ...] = ()
    routing: Routing | None = None
    observability: Observability | None = None
    any_model: bool = False  # models that are not listed pass as well, under the name that the client gave them
    claims: Claims

    _here: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any, /) -> None:
        self._here = (context or {}).get("here", Path())

    @property
    def here(self) -> Path:
        """The directory of the target file."""
        return self._here

    @property
    def straight(self) -> dict[Surface, Model]:
        """By surface, the model whose provider speaks the surface's own protocol: what goes in comes out."""
        return {surface: model for (surface, upstream), model in self._routes().items() if surface == upstream}

    @property
    def bridges(self) -> dict[tuple[Surface, Surface], Model]:
        """By client's and provider's protocol, the models that take translation."""
        return {pair: model for pair, model in self._routes().items() if pair[0] != pair[1]}

    def _routes(self) -> dict[tuple[Surface, Surface], Model]:
        """The first model of each pair."""
        routes: dict[tuple[Surface, Surface], Model] = {}
        for model in self.models:
            for surface in (surface for surface in model.surfaces if surface in self.surfaces):
                routes.setdefault((surface, model.upstream), model)
        return routes

    @model_validator(mode="after")
    def _something_to_translate(self) -> Self:
        if "translation" in self.claims.profiles and not self.bridges:
            raise ValueError("claims translation, but no model is served on a surface that is not its upstream's own")
        return self

    @model_validator(mode="after")
    def _something_to_route(self) -> Self:
        if "routing" in self.claims.profiles and self.routing is None:
            raise ValueError("claims routing, but [target.routing] does not say how it picks a provider")
        elsewhere = self.routing.elsewhere if self.routing else {}
        unsaid = {Surface.OPENAI_RESPONSES, Surface.ANTHROPIC_MESSAGES} & self.surfaces.keys() - elsewhere.keys()
        if "fallback-elsewhere" in self.claims.features and unsaid:
            raise ValueError(f"claims fallback-elsewhere, but [target.routing.elsewhere] lacks {', '.join(unsaid)}")
        return self

    @model_validator(mode="after")
    def _something_to_mint(self) -> Self:
        mints = self.auth.mint.placeholders if self.auth.mint else set()
        needed = {"key-expiry": "expires_in", **{f"key-{name}s": name for name in SCOPES}}
        for feature in self.claims.features:
            if needed.get(feature, "") not in mints | {""}:
                raise ValueError(f"claims {feature}, but no mint hook says {{{needed[feature]}}}")
        if "key-deletion" in self.claims.features and not (self.auth.mint and self.auth.delete):
            raise ValueError("claims key-deletion, but has no hooks to mint and to delete")
        return self

    @model_validator(mode="after")
    def _something_to_observe(self) -> Self:
        told = self.observability or Observability()
        for feature, place in (("audit", told.audit), ("metrics", told.metrics)):
            if feature in self.claims.features and place is None:
                raise ValueError(f"claims {feature}, but [target.observability] does not say where it is")
        return self

    @model_validator(mode="after")
    def _something_that_is_there_twice(self) -> Self:
        of_replicas = [each for each in self.claims.features if each in OF_REPLICAS]
        if of_replicas and not self.replicas:
            raise ValueError(f"claims {of_replicas[0]}, but target.replicas does not say where they are")
        return self

    @model_validator(mode="after")
    def _one_version(self) -> Self:
        if (self.version is None) != bool(self.version_command):
            raise ValueError("needs exactly one of version and version_command")
        return self
