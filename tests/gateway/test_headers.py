from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.credentials import Credential
from gateway.headers import for_client, for_upstream, query_without

CREDENTIAL = Credential("ENV", "Authorization", "Bearer sk-up", ("sk-up",))


def test_a_field_repeated_in_another_case_is_not_lost() -> None:
    headers = CIMultiDictProxy(CIMultiDict([("X-A", "1"), ("b", "2"), ("x-a", "3")]))
    passed = list(for_upstream(headers, "gw-key").items())
    assert passed == [("X-A", "1"), ("b", "2"), ("X-A", "3")]


def test_a_response_header_that_quotes_the_credential_is_redacted() -> None:
    headers = CIMultiDictProxy(CIMultiDict([("x-debug", "key=sk-up;"), ("transfer-encoding", "chunked")]))
    assert list(for_client(headers, CREDENTIAL).items()) == [("x-debug", "key=[redacted];")]


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("beta=true", "beta=true"),
        ("a=%20&b=+&&c", "a=%20&b=+&&c"),
        ("a=1&key=gw-key&b=2", "a=1&b=2"),
        ("key=gw%2Dkey", ""),
    ],
)
def test_a_query_passes_verbatim_but_for_the_key(query: str, passed: str) -> None:
    assert query_without(query, "gw-key") == passed
