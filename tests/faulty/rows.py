"""What each fault does to a call, row by row."""

from __future__ import annotations

from tests.faulty.answer_rows import ANSWERS
from tests.faulty.body_rows import BODY
from tests.faulty.call_rows import CALLED
from tests.faulty.cloud_rows import CLOUDS
from tests.faulty.connection_rows import CONNECTION
from tests.faulty.definition_rows import DEFINED
from tests.faulty.endings_rows import ENDINGS
from tests.faulty.error_rows import ERRORS
from tests.faulty.framing_rows import FRAMING
from tests.faulty.gemini_rows import GEMINIS
from tests.faulty.grammar_rows import GRAMMAR
from tests.faulty.header_rows import HEADERS
from tests.faulty.isolation_rows import ISOLATION
from tests.faulty.pieces_rows import PIECES
from tests.faulty.rewriting_rows import REWRITING
from tests.faulty.routing_rows import ROUTING
from tests.faulty.streaming_rows import STREAMING
from tests.faulty.thinking_rows import THINKING
from tests.faulty.tool_rows import TOOLS
from tests.faulty.translation_rows import TRANSLATION
from tests.faulty.usage_rows import USAGE
from tests.faulty.wording_rows import WORDING

ROWS = (
    *HEADERS,
    *BODY,
    *REWRITING,
    *WORDING,
    *ANSWERS,
    *STREAMING,
    *FRAMING,
    *GRAMMAR,
    *PIECES,
    *ENDINGS,
    *TOOLS,
    *DEFINED,
    *CALLED,
    *THINKING,
    *USAGE,
    *ERRORS,
    *ISOLATION,
    *CONNECTION,
    *TRANSLATION,
    *GEMINIS,
    *CLOUDS,
    *ROUTING,
)
