"""`python -m conformance.upstream`: settings as one JSON line on stdin, addresses as one JSON line on stdout.

It serves until stdin ends, which it also does when the parent is killed.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from typing import Any

from conformance.upstream.server import serve

if sys.platform == "win32":
    new_event_loop = asyncio.new_event_loop
else:
    from uvloop import new_event_loop


async def _serve(settings: dict[str, Any]) -> None:
    async with serve(**settings) as address:
        sys.stdout.write(json.dumps(asdict(address)) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt goes to the parent as well, and that decides
    settings = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        try:
            runner.run(_serve(settings))
        except OSError as error:
            sys.exit(f"the scripted upstream cannot listen: {error}")


if __name__ == "__main__":
    main()
