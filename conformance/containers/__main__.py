"""`python -m conformance.containers`: build the images, or the base that they stand on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from conformance.containers.engine import EngineError
from conformance.containers.images import IMAGES, PUBLIC_BASE, BuildFailedError, make_base
from conformance.containers.images import build as built

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (EngineError, BuildFailedError) as error:
        raise click.ClickException(str(error)) from None


@click.group()
def main() -> None:
    """Images of the reference gateway, the scripted upstream and a client with the SDKs."""


@main.command()
def base() -> None:
    """Make a base image of Debian's packages with mmdebstrap (as root), where no registry of images can be reached."""
    with _explained():
        click.echo(make_base())


@main.command()
@click.argument("names", nargs=-1, type=click.Choice(list(IMAGES)), metavar="[IMAGE]...")
@click.option("--base", default=PUBLIC_BASE, show_default=True, help="The image they are built on: any with a Python.")
def build(names: tuple[str, ...], base: str) -> None:
    """Build the images named, or all of them."""
    with _explained():
        for name in names or IMAGES:
            click.echo(built(IMAGES[name], base))


if __name__ == "__main__":
    main()
