"""`conformance upstream serve`: the scripted upstream on its own, for a gateway that runs elsewhere."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from conformance.secrets import mint
from conformance.surface import BELOW_PROVIDER, Provider
from conformance.upstream.process import UpstreamDidNotStartError
from conformance.upstream.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.upstream.control import UpstreamAddress

IMAGE_PORT, IMAGE_CONTROL_PORT = 8080, 8081
CONTROL_SECRET = "CONFORMANCE_UPSTREAM_CONTROL_SECRET"  # noqa: S105 - the variable's name


def variable(provider: Provider) -> str:
    """The environment variable that sets a provider's one valid key; without it a key is minted."""
    return f"CONFORMANCE_UPSTREAM_{provider.upper()}_KEY"


def serve_until_interrupted(host: str, port: int, say: Callable[[str], None], control_port: int = 0) -> None:
    """Tell where it listens and what it accepts, then serve until Ctrl-C; raises `UpstreamDidNotStartError`."""
    try:
        asyncio.run(_serve(host, port, control_port, say))
    except OSError as error:
        raise UpstreamDidNotStartError(f"the upstream cannot listen on {host} port {port}: {error.strerror}") from error
    except KeyboardInterrupt:
        say("stopped")


async def _serve(host: str, port: int, control_port: int, say: Callable[[str], None]) -> None:
    keys = {provider: os.environ.get(variable(provider)) or mint(provider).value for provider in Provider}
    secret = os.environ.get(CONTROL_SECRET) or None
    valid = {str(name): key for name, key in keys.items()}
    async with serve(valid, host=host, port=port, control_port=control_port, control_secret=secret) as at:
        for line in _announced(at, keys):
            say(line)
        await asyncio.Event().wait()


def _announced(at: UpstreamAddress, keys: dict[Provider, str]) -> Iterator[str]:
    yield "the scripted upstream serves until Ctrl-C"
    for provider, key in keys.items():
        yield f"{provider:<10} {at.url}/{provider}{BELOW_PROVIDER[provider]}  {_shown('key', variable(provider), key)}"
    yield f"{'control':<10} {at.control_url}  {_shown('secret', CONTROL_SECRET, at.control_secret)}"


def _shown(what: str, name: str, value: str) -> str:
    """What the user has set is not repeated on a screen."""
    return f"{what} from ${name}" if os.environ.get(name) else f"{what} {value}"


def main() -> None:
    """`python -m conformance.upstream.standalone`: the program of the image, where the ports are its own."""
    serve_until_interrupted("0.0.0.0", IMAGE_PORT, lambda line: print(line, flush=True), IMAGE_CONTROL_PORT)  # noqa: S104, T201 - a container's only address and output


if __name__ == "__main__":
    main()
