"""Faults in the content codings of requests."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import Answer, Request, values
from conformance.faulty.fault import fault
from conformance.faulty.refusal import refusal

if TYPE_CHECKING:
    from conformance.faulty.fault import Send


@fault.send("refuses-coded-requests", "takes a coded request body for broken JSON")
async def refuses_coded_requests(send: Send, request: Request) -> Answer:
    if values(request.headers, "content-encoding"):
        return refusal(request.call, 400, "the body is not valid JSON")
    return await send(request)


@fault.request("decodes-requests-only", "decodes request bodies, and leaves the header that says they are coded")
def decodes_requests_only(request: Request) -> Request:
    coded = values(request.headers, "content-encoding")
    return replace(request, body=gzip.decompress(request.body)) if coded else request
