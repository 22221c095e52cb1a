"""Refusing what cannot be translated, or saying what was left out."""

from http import HTTPStatus

from conformance.api import Ask, Client, ClientFailedError, Tape

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


def named(tape: Tape, *fields: str) -> bool:
    """Whether a header of the answer names what was left out, in whatever words of its own."""
    return any(field in value for field in fields for _, value in tape.last.answer_headers)
