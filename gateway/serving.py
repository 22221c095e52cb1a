"""`gateway serve`: until SIGTERM or SIGINT, in this process or in several."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from gateway.app import Gateway
from gateway.workers import Workers

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.workers import Post

GARBAGE_BEFORE_COLLECTION = 10_000  # objects; Python's own 700 are for programs that hold less and allocate less


def serve(settings: Settings, workers: int) -> int:
    """The exit code."""
    if workers == 1:
        run(settings)
        return 0
    if not hasattr(os, "fork"):
        raise click.UsageError("--workers: this system cannot fork")
    try:
        return Workers(settings, workers, lambda post: run(settings, post)).run()
    except OSError as error:
        raise click.ClickException(f"cannot start: {error}") from None


def run(settings: Settings, post: Post | None = None) -> None:
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(serve_until_stopped(settings, post))


def event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 -- not there on Windows

    return uvloop.new_event_loop()


async def serve_until_stopped(settings: Settings, post: Post | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    try:
        async with Gateway(settings, post) as gateway:
            spare_the_collector()
            if post is None:
                announce(gateway)
            else:
                loop.add_reader(post.parent, stop.set)
                post.ready()
            await stop.wait()
            if post is not None:
                loop.remove_reader(post.parent)
    except OSError as error:
        raise click.ClickException(f"cannot start: {error}") from None


def announce(gateway: Gateway) -> None:
    click.echo(f"listening on {gateway.url}")
    if gateway.management_url:
        click.echo(f"managing keys at {gateway.management_url}")
    if gateway.metrics_url:
        click.echo(f"metrics at {gateway.metrics_url}")


def spare_the_collector() -> None:
    """What is loaded now stays, and calls leave few cycles behind: looking for them is a twelfth of a call's price."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_BEFORE_COLLECTION)
