"""`python -m conformance.faulty --port P --upstream URL [--fault NAME]`; keys come by environment."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys

from conformance.extensions import extensions
from conformance.faulty.faults import FAULTS
from conformance.faulty.server import Server, serving
from conformance.surface import Provider


async def serve(options: argparse.Namespace) -> None:
    """Announce the URL as one line of JSON, then serve until told to stop."""
    keys = {provider: os.environ[f"{provider.upper()}_API_KEY"] for provider in Provider}
    server = Server(options.upstream, os.environ["CLIENT_KEY"], keys, options.fault)
    async with serving(server, "127.0.0.1", options.port) as url:
        print(json.dumps({"url": url}), flush=True)  # noqa: T201 - the announcement is the interface
        await told_to_stop(with_parent=options.with_parent)


async def told_to_stop(*, with_parent: bool) -> None:
    """SIGTERM, SIGINT, or, when the parent holds stdin, its end: so not even a killed parent leaves us behind."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if with_parent:
        loop.add_reader(sys.stdin, lambda: None if os.read(sys.stdin.fileno(), 4096) else stopped.set())
    await stopped.wait()


def main() -> None:
    for extension in extensions():
        extension.import_faults()
    parser = argparse.ArgumentParser(prog="python -m conformance.faulty", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--fault", default="", choices=["", *sorted(FAULTS)], metavar="NAME")
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin closes")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
