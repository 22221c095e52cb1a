"""`gateway.toml` as typed settings. Every mistake is named with its key, all at once, before anything starts."""

from __future__ import annotations

import re
import ssl
import tomllib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from yarl import URL

from gateway.consistency import inconsistencies
from gateway.conventions import Release
from gateway.further import names_for
from gateway.limits import MEMORY, Limits, refuse_storage
from gateway.sources import CredentialSource, LocalPath, Location, Section, Stored
from gateway.surfaces import ENDPOINTS, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MEBIBYTE = 1024 * 1024
SHORTEST_CREDENTIAL = 24
TAKEN = {"/healthz", "/readyz", *(f"/{endpoint.path.split('/')[1]}" for endpoint in ENDPOINTS)}
DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
MOST_NAME_CHARACTERS = 253


class ConfigError(Exception):
    """The configuration cannot be used; `problems` says where and why, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def http_url(text: str) -> str:
    try:
        url = URL(text)
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("must be an http:// or https:// URL with a host")
    if url.user or url.password or url.query_string or url.fragment:
        raise ValueError("must have no credentials, query or fragment")
    return text.rstrip("/")


def not_empty(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Unlike pydantic's own limit it does not complain about items that have failed already."""
    if not items:
        raise ValueError("must not be empty")
    return items


def not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text.strip()


def dns_name(text: str) -> str:
    """A subdomain of RFC 1123, as Kubernetes takes it for names."""
    if len(text) > MOST_NAME_CHARACTERS or not DNS_NAME.fullmatch(text):
        raise ValueError("must be lower-case letters, digits, '-' and '.', and begin and end with a letter or digit")
    return text


HttpURL = Annotated[str, AfterValidator(http_url)]


class Listen(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    uds: LocalPath | None = None
    max_body_bytes: int = Field(default=64 * MEBIBYTE, gt=0)
    grace_seconds: float = Field(default=10.0, ge=0)
    certificate: LocalPath | None = None
    private_key: LocalPath | None = None

    @model_validator(mode="after")
    def has_what_tls_needs(self, info: ValidationInfo) -> Self:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("'certificate' and 'private_key' belong together")
        if self.certificate is not None and self.uds is not None:
            raise ValueError("a Unix socket has no TLS: leave 'certificate' and 'private_key' out")
        if (info.context or {}).get("credentials", True):
            self.tls()
        return self

    def tls(self) -> ssl.SSLContext | None:
        """None where it is not wanted. ValueError where the files are not what they should be."""
        if self.certificate is None or self.private_key is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.certificate, self.private_key, password="")  # else it would ask for one
        except OSError as error:
            pair = f"{self.certificate} and {self.private_key}"
            raise ValueError(f"{pair} are no certificate and its private key: {error.strerror or error}") from None
        context.set_alpn_protocols(["http/1.1"])
        return context


class Keys(Stored):
    """`running_streams`: what becomes of a call whose key ends before it does.

    A gateway that serves drops keys that have been dead for `prune_after_seconds`, every `prune_every_seconds`.
    """

    database: Location
    prefix: str = Field(default="gw-", pattern=r"^[A-Za-z0-9._-]{1,32}$")
    running_streams: Literal["cut", "finish"] = "cut"
    prune_after_seconds: float = Field(default=7 * 86400.0, ge=0)
    prune_every_seconds: float = Field(default=3600.0, gt=0)


class Objects(Section):
    """Whose what providers keep is. `shared` is everybody's; what nobody here has made is nobody's, or everybody's.

    What has not been used for `prune_after_seconds` is forgotten.
    """

    database: LocalPath
    shared: frozenset[str] = frozenset()
    unknown: Literal["refuse", "pass"] = "refuse"
    prune_after_seconds: float = Field(default=90 * 86400.0, ge=0)


class Audit(Stored):
    """`path` is a file of JSON lines, of which `keep` older ones are kept, each of at most `max_bytes`.

    `database` holds a table, whose rows are kept for `keep_days`; without it for ever.
    """

    path: LocalPath | None = None
    max_bytes: int = Field(default=100 * MEBIBYTE, gt=0)
    keep: int = Field(default=10, gt=0)
    keep_days: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def is_kept_somewhere(self) -> Self:
        if self.path is None and self.database is None:
            raise ValueError("needs 'path' or 'database'")
        return self


class Metrics(Section):
    """A listener of its own. Calls of `models` beside the declared ones are counted under their names too."""

    host: str = "127.0.0.1"
    port: int = Field(default=9464, ge=0, le=65535)
    models: tuple[str, ...] = ()


class Telemetry(Section):
    """OpenTelemetry spans, to a collector that takes OTLP over HTTP at `endpoint`, without `/v1/traces`."""

    endpoint: HttpURL
    service_name: str = Field(default="llm-gateway", min_length=1)
    names: Release = "released"

    @model_validator(mode="after")
    def is_installed(self) -> Self:
        if not all(find_spec(name) for name in ("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ValueError("needs OpenTelemetry's SDK: pip install 'llm-gateway-conformance[otel]'")
        return self


class LimitSettings(Limits):
    """`storage` is where requests and tokens are counted: here, or in a Redis that replicas share."""

    storage: str | CredentialSource = MEMORY

    @property
    def counted_at(self) -> str:
        return self.storage if isinstance(self.storage, str) else self.storage.reveal()

    @model_validator(mode="after")
    def can_be_counted(self) -> Self:
        if isinstance(self.storage, str):
            refuse_storage(self.storage)
        return self


class Management(Section):
    """Where keys are managed over HTTP: on a listener of its own, or under a path of the gateway's."""

    credential: CredentialSource
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)
    uds: LocalPath | None = None
    path: str | None = Field(default=None, pattern=r"^(/[A-Za-z0-9_-]+)+$")

    @model_validator(mode="after")
    def is_in_one_place(self) -> Self:
        if [self.port, self.uds, self.path].count(None) != 2:  # noqa: PLR2004 -- of the three
            raise ValueError("needs exactly one of 'port', 'uds' and 'path'")
        if self.path and f"/{self.path.split('/')[1]}" in TAKEN:
            raise ValueError(f"{self.path} is below what the gateway itself serves")
        return self

    @model_validator(mode="after")
    def is_hard_to_guess(self, info: ValidationInfo) -> Self:
        if (info.context or {}).get("credentials", True) and len(self.credential.reveal()) < SHORTEST_CREDENTIAL:
            raise ValueError(f"credential: {self.credential.name} is shorter than {SHORTEST_CREDENTIAL} characters")
        return self


class Aws(Section):
    """What SigV4 signs with beside the secret access key, which is the provider's credential."""

    region: str = Field(min_length=1)
    access_key_id: str = Field(min_length=1)
    session_token: CredentialSource | None = None


class Gcp(Section):
    """Where Vertex is asked for clients of other protocols: its own clients say it in the path."""

    project: str = Field(min_length=1)
    location: str = Field(min_length=1)


class Provider(Section):
    """`as` is what routing calls it instead of its id; an agent's key may be held to providers of one `family`.

    `betas` adds to what a cloud is known to take: its own name for each of Anthropic's betas, empty for none.
    """

    id: Annotated[str, AfterValidator(dns_name)]
    alias: str | None = Field(default=None, alias="as", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    family: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    surfaces: Annotated[tuple[Protocol, ...], AfterValidator(not_empty)]
    base_url: HttpURL
    credential: CredentialSource
    auth: Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "sigv4"] = "bearer"
    aws: Aws | None = None
    gcp: Gcp | None = None
    betas: dict[str, str] = Field(default_factory=dict)
    api_version: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")

    routes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.alias or self.id

    @model_validator(mode="after")
    def has_these_routes(self) -> Self:
        there = names_for(self.surfaces)
        if unknown := [name for name in self.routes if name not in there]:
            raise ValueError(f"no routes called {', '.join(unknown)}; there are {', '.join(sorted(there)) or 'none'}")
        return self

    @model_validator(mode="after")
    def signs_with_aws(self) -> Self:
        if (self.auth == "sigv4") != (self.aws is not None):
            raise ValueError("'aws' belongs to auth = \"sigv4\", and the other way round")
        if self.aws is not None and "bedrock" not in self.surfaces:
            raise ValueError('auth = "sigv4" signs for Bedrock, which is not among the surfaces')
        return self

    @model_validator(mode="after")
    def maps_betas_for_a_cloud(self) -> Self:
        if self.betas and not {"bedrock", "vertex"} & set(self.surfaces):
            raise ValueError('\'betas\' belongs to the surfaces "bedrock" and "vertex"')
        return self

    @model_validator(mode="after")
    def is_found_in_google_cloud(self) -> Self:
        if ("vertex" in self.surfaces) != (self.gcp is not None):
            raise ValueError("'gcp' belongs to the surface \"vertex\", and the other way round")
        return self


class Model(Section):
    """A client's name for a provider's model. Where the provider speaks another protocol the call is translated.

    `fallback` names the models to be asked, in this order, while those before them fail.
    """

    name: str = Field(min_length=1)
    provider: str
    protocol: Protocol
    upstream_name: str | None = None
    fallback: tuple[str, ...] = ()


class Translation(Section):
    """`strict` refuses what the provider's protocol has no place for; `lenient` leaves it out and says so.

    A translated stream that is silent for `ping_seconds` gets a ping, where the client's protocol has any.
    """

    mode: Literal["strict", "lenient"] = "lenient"
    ping_seconds: float = Field(default=15.0, gt=0)


class Mapping(Section):
    value: Annotated[str, AfterValidator(not_blank)]
    provider: str


class Routing(Section):
    """`header` lets clients pick the provider, by the first of `mappings` that fits; else it is the default one.

    A provider that does not begin to answer for `timeout_seconds` has failed, where there is another one to ask.
    """

    header: str = Field(default="x-provider", pattern=r"^[A-Za-z0-9-]{1,64}$")
    default: str | None = None
    mappings: tuple[Mapping, ...] = ()
    unknown_models: Literal["pass", "refuse"] = "pass"
    timeout_seconds: float | None = Field(default=None, gt=0)


class Settings(Section):
    listen: Listen = Listen()
    keys: Keys
    objects: Objects | None = None
    management: Management | None = None
    limits: LimitSettings = Field(default_factory=LimitSettings)  # no copy: what is not limited is UNLIMITED itself
    audit: Audit | None = None
    metrics: Metrics | None = None
    telemetry: Telemetry | None = None
    providers: Annotated[tuple[Provider, ...], AfterValidator(not_empty)]
    models: tuple[Model, ...] = ()
    routing: Routing = Routing()
    translation: Translation = Translation()


def load(path: Path, *, credentials: bool = True, passwords: bool = True) -> Settings:
    """Raises ConfigError. Paths in the file are relative to the file.

    Who only keeps keys needs no credentials, and who opens no database no passwords.
    """
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not valid TOML: {error}"]) from None
    context = {"directory": path.resolve().parent, "credentials": credentials, "passwords": passwords}
    return parse(document, context)


def parse(document: dict[str, Any], context: dict[str, Any]) -> Settings:
    try:
        settings = Settings.model_validate(document, context=context)
    except ValidationError as error:
        found = [problem(each) for each in error.errors(include_url=False)]
        raise ConfigError([*found, *inconsistencies(document)]) from None
    if problems := inconsistencies(document):
        raise ConfigError(problems)
    return settings


def problem(error: Any) -> str:
    """One line of pydantic's findings. Its own text never quotes a credential: the input is left out."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    message = {"extra_forbidden": "unknown key", "missing": "missing"}.get(error["type"], error["msg"])
    return f"{key}: {message.removeprefix('Value error, ')}"
