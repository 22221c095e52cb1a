"""Azure OpenAI: the bodies of Chat and Responses under other paths.

Sources: https://learn.microsoft.com/azure/ai-services/openai/reference (dated paths: the deployment stands in them)
and https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (v1: the body names it).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway.protocols.chat import CHAT

if TYPE_CHECKING:
    from gateway.routes import Upstream

__all__ = ["AZURE"]

_OWN = re.compile(r"^/openai(?:/v1|/deployments/[^/]+)?(?=/)")


def path_of(openai: str, upstream: Upstream, deployment: str) -> str:
    """Azure's path for one of OpenAI's (`/v1/…`)."""
    rest = openai.removeprefix("/v1")
    if upstream.api_version is None:
        return f"/openai/v1{rest}"
    root = f"/openai/deployments/{quote(deployment, safe='')}" if rest.startswith("/chat") else "/openai"
    return f"{root}{rest}?api-version={upstream.api_version}"


def openai_path(azure: str) -> str:
    """OpenAI's path, below its base URL, for one of Azure's."""
    return _OWN.sub("", azure)


def _url(upstream: Upstream, model: str, stream: bool) -> str:  # noqa: ARG001, FBT001 - the body says what streams
    return upstream.base_url + path_of("/v1/chat/completions", upstream, model)


AZURE = replace(CHAT, url=_url)
