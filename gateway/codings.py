"""Reading along in compressed bodies. What is relayed stays compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

Decode = Callable[[bytes], bytes]

EITHER_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class UnknownCodingError(Exception):
    """This process cannot read the content coding."""


def decoder(coding: str) -> Decode:
    """For one body, fed piece by piece. `coding` is the value of Content-Encoding."""
    match coding.strip().lower():
        case "" | "identity":
            return bytes
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(EITHER_GZIP_OR_ZLIB).decompress
        case "br" if find_spec("brotli"):
            process: Decode = import_module("brotli").Decompressor().process
            return process
        case _:
            raise UnknownCodingError(coding)
