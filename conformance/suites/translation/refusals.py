"""Refusing what cannot be translated."""

from http import HTTPStatus

from conformance.api import Ask, Client, ClientFailedError

REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_IMPLEMENTED)


async def refused(client: Client, ask: Ask) -> bool:
    """Whether the gateway said that it cannot translate this: a loss that it names is none."""
    try:
        await client.ask(ask)
    except ClientFailedError as error:
        if error.failure.status not in REFUSALS:
            raise
        return True
    return False
