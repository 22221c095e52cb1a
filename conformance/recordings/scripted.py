"""`python -m conformance.recordings.scripted [DIRECTORY]`: records every scenario anew from the scripted upstream."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from conformance.recordings.capture import capturing
from conformance.recordings.cassettes import write_cassette
from conformance.recordings.live import provenance
from conformance.recordings.scenarios import SCENARIOS, Scenario
from conformance.secrets import Secret, mint
from conformance.surface import Provider
from conformance.upstream import Upstream, UpstreamAddress, UpstreamProcess

DIRECTORY = Path("cassettes/scripted")
COMMAND = "python -m conformance.recordings.scripted"
MODELS = {Provider.OPENAI: "gpt-5-mini", Provider.ANTHROPIC: "claude-sonnet-5-5"}
BELOW_PREFIX = {Provider.OPENAI: "/openai/v1", Provider.ANTHROPIC: "/anthropic"}


def record_all(directory: Path) -> list[Path]:
    """One cassette a scenario; those that were there are replaced when all are done."""
    keys = {provider: mint(provider) for provider in Provider}
    directory.mkdir(parents=True, exist_ok=True)
    with (
        UpstreamProcess({provider: key.value for provider, key in keys.items()}) as upstream,
        TemporaryDirectory(dir=directory, prefix=".new-") as drafts,
    ):
        for scenario in SCENARIOS.values():
            _record(scenario, upstream, keys[scenario.provider], Path(drafts) / f"{scenario.name}.yaml")
        return [draft.replace(directory / draft.name) for draft in sorted(Path(drafts).glob("*.yaml"))]


def _record(scenario: Scenario, upstream: UpstreamAddress, key: Secret, out: Path) -> None:
    provider, model = scenario.provider, MODELS[scenario.provider]
    anyio.run(_scripted, upstream, scenario)
    with capturing(provider, upstream.url + BELOW_PREFIX[provider], key.value) as capture:
        scenario.play(capture.sdk, model)
        about = provenance("scripted", COMMAND, [scenario], provider, model)
        write_cassette(out, capture.exchanges, about, key)


async def _scripted(address: UpstreamAddress, scenario: Scenario) -> None:
    async with Upstream(address) as upstream:
        await upstream.answers_strangers(*scenario.replies)


def main() -> None:
    for path in record_all(Path(sys.argv[1]) if sys.argv[1:] else DIRECTORY):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
