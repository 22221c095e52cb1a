"""What a run found, as the values that `report.json` holds.

Every string may carry bytes that a hostile gateway chose: renderers escape, nothing here trusts.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

SCHEMA_VERSION: Literal["1.0"] = "1.0"

Outcome = Literal["pass", "fail", "error", "not-applicable", "not-observable", "waived", "flaky"]
Level = Literal["must", "should", "may"]
Verdict = Literal["conformant", "partial", "nonconformant", "not-measured"]

LEVELS: tuple[Level, ...] = ("must", "should", "may")
FAILING: frozenset[Outcome] = frozenset({"fail", "flaky"})


def _encodable(value: object) -> object:
    """Lone surrogates, which no UTF-8 file can hold, become visible escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_encodable)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Seconds = Annotated[float, Field(ge=0)]
Counts = dict[Outcome, Annotated[int, Field(ge=0)]]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Suite(_Value):
    """The suite that was run."""

    name: Text = "llm-gateway-conformance"
    version: Text


class Claims(_Value):
    """What the target says that it can do; only this is judged."""

    profiles: tuple[Text, ...] = ()
    features: tuple[Text, ...] = ()


class TargetInfo(_Value):
    """The gateway under test."""

    name: Text
    version: Text
    claims: Claims = Claims()


class Environment(BaseModel):
    """What the run ran on: Python, the platform, and the version of each SDK by name."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Text]

    python: Text
    platform: Text


class Case(_Value):
    """Where a check ran. Whatever does not apply to it is left out."""

    surface: Text | None = Field(default=None, description="Client protocol, e.g. `anthropic-messages`.")
    upstream: Text | None = Field(default=None, description="Protocol that the gateway speaks to the provider.")
    driver: Text | None = Field(default=None, description="What drove the call, with its SDK generation.")

    @property
    def road(self) -> str:
        """What lies between client and provider: one protocol, or `surface → upstream`."""
        return " → ".join(dict.fromkeys(end for end in (self.surface, self.upstream) if end))

    def __str__(self) -> str:
        return " · ".join(part for part in (self.road, self.driver) if part)


class CheckResult(_Value):
    """One row: one check in one case."""

    id: Text = Field(description="Never renamed, never re-used.")
    title: Text
    level: Level
    profile: Text
    feature: Text = ""
    case: Case = Case()
    outcome: Outcome
    seconds: Seconds = 0.0
    message: Text = Field(default="", description="What was expected, what the client and the upstream saw.")
    reproduce: Text = Field(default="", description="One command line that repeats this row.")
    spec: Text = Field(default="", description="URL of the requirement.")
    evidence: Text = Field(default="", description="Directory beside the report: `cassette.yaml` and `journal.json`.")

    @property
    def failing(self) -> bool:
        return self.outcome in FAILING

    @property
    def key(self) -> tuple[str, Case]:
        """What makes two rows of two reports the same row."""
        return self.id, self.case


class Control(_Value):
    """A check run where its outcome is known, to prove the instrument: `outcome` is the check's own.

    On the `direct` lane (no gateway) every check must pass; through the `faulty` relay it must fail.
    """

    name: Literal["direct", "faulty"]
    check: Text
    outcome: Outcome
    message: Text = ""

    @property
    def behaved(self) -> bool:
        return self.outcome == ("pass" if self.name == "direct" else "fail")


class ProfileResult(_Value):
    """One profile's verdict and how many rows of each level had which outcome."""

    name: Text
    verdict: Verdict
    must: Counts = {}
    should: Counts = {}
    may: Counts = {}

    def counts(self, level: Level) -> Counts:
        return {"must": self.must, "should": self.should, "may": self.may}[level]


class Report(_Value):
    """One run of the suite against one target."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    suite: Suite
    target: TargetInfo
    environment: Environment
    started_at: Moment
    seconds: Seconds
    verdict: Verdict
    focused: bool = Field(default=False, description="Narrowed to single checks: certifies nothing.")
    profiles: tuple[ProfileResult, ...]
    checks: tuple[CheckResult, ...]
    controls: tuple[Control, ...] = ()
    notes: tuple[Text, ...] = Field(default=(), description="What a reader must know that no row says.")

    @model_validator(mode="after")
    def _each_row_once(self) -> Self:
        row, times = next(iter(Counter(row.key for row in self.checks).most_common(1)), (("", Case()), 0))
        if times > 1:
            raise ValueError(f"check {row[0]!r} has {times} rows for the same case ({row[1]})")
        return self
