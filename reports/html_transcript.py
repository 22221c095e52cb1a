"""A two-sided transcript: client on the left, upstream on the right, and marked what only one side had."""

from collections.abc import Iterable

from reports.hostile import clip
from reports.page import Html, element, joined
from reports.transcript import Exchange, Headers, Message, Transcript

EXCHANGES_SHOWN = 3
BODY_LIMIT = 3_500
HEADERS_SHOWN = 60
HEADER_LIMIT = 300

Lines = frozenset[tuple[str, str]]


def two_sided(transcript: Transcript) -> Html:
    client_only, upstream_only = _one_sided(transcript.client, transcript.upstream)
    return element(
        "div",
        *(element("p", problem, class_="problem") for problem in transcript.problems),
        element(
            "div",
            _side("Client", "between the driver and the gateway", transcript.client, client_only),
            _side("Upstream", "between the gateway and the provider", transcript.upstream, upstream_only),
            class_="sides",
        ),
    )


def _side(name: str, between: str, exchanges: tuple[Exchange, ...], only: Lines) -> Html:
    hidden = len(exchanges) - EXCHANGES_SHOWN
    return element(
        "section",
        element("h4", name, " ", element("small", between)),
        *(_exchange(exchange, only) for exchange in exchanges[:EXCHANGES_SHOWN]),
        *([element("p", f"… and {hidden} more calls", class_="soft")] if hidden > 0 else []),
        *([] if exchanges else [element("p", "Nothing was seen here.", class_="soft")]),
    )


def _exchange(exchange: Exchange, only: Lines) -> Html:
    note = element("p", exchange.note, class_="problem") if exchange.note else Html()
    return element("div", _message("→", exchange.request, only), _message("←", exchange.response, only), note)


def _message(arrow: str, message: Message, only: Lines) -> Html:
    headers = [_header(name, value, only) for name, value in message.headers[:HEADERS_SHOWN]]
    body = clip(message.body, BODY_LIMIT)
    return element("pre", element("b", arrow, " ", clip(message.line, HEADER_LIMIT)), "\n", *headers, "\n", body)


def _header(name: str, value: str, only: Lines) -> Html:
    shown = joined(element("i", clip(name, HEADER_LIMIT), ": "), clip(value, HEADER_LIMIT))
    if _normal(name, value) in only:
        return joined(element("mark", shown, title="on this side only"), "\n")
    return joined(shown, "\n")


def _one_sided(client: Iterable[Exchange], upstream: Iterable[Exchange]) -> tuple[Lines, Lines]:
    here, there = _header_lines(client), _header_lines(upstream)
    return here - there, there - here


def _header_lines(exchanges: Iterable[Exchange]) -> Lines:
    headers: list[Headers] = [part.headers for call in exchanges for part in (call.request, call.response)]
    return frozenset(_normal(name, value) for lines in headers for name, value in lines)


def _normal(name: str, value: str) -> tuple[str, str]:
    return name.lower(), value
