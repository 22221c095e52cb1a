from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.gateways.sheet")  # its asserts say what they found, as a test's own do
