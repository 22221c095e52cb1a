from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.oracles import assert_kept, assert_unchanged, differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("got", "expected", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({}, {"a": 1}, ["lost .a"]),
        ({"a": [1]}, {}, ["added .a = [1]"]),
        ({"a": None}, {}, ["added .a = null"]),
        ({"a": {"b": [{"c": 2}]}}, {"a": {"b": [{"c": 1}]}}, ["changed .a.b[0].c: 2 in place of 1"]),
        (True, 1, ["changed the value: true in place of 1"]),
        ({"n": 0}, {"n": False}, ["changed .n: 0 in place of false"]),
        ({"n": 1.0}, {"n": 1}, ["changed .n: 1.0 in place of 1"]),
        ({"n": 1}, {"n": 1.0}, []),
        ({"n": "1"}, {"n": 1}, ['changed .n: "1" in place of 1']),
        ({"n": {}}, {"n": []}, ["changed .n: {} in place of []"]),
        ({"n": None}, {"n": {}}, ["changed .n: null in place of {}"]),
        ([1, 2], [1], ["the list has 2 entries in place of 1"]),
        ({"l": []}, {"l": [1]}, [".l has 0 entries in place of 1"]),
        ({"l": [2, 1]}, {"l": [1, 2]}, ["changed .l[0]: 2 in place of 1", "changed .l[1]: 1 in place of 2"]),
        ("é" * 99, "", [f'changed the value: "{"é" * 76}... in place of ""']),
    ],
)
def test_each_difference_is_said_with_its_path(got: Any, expected: Any, said: list[str]) -> None:
    assert sorted(differences(got, expected)) == said


@given(JSON)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert list(differences(value, value)) == []


@given(JSON, JSON)
def test_what_is_spelt_differently_differs(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    signed_zero = "-0.0" in json.dumps([one, other])
    assert same == (not list(differences(one, other))) or signed_zero


def test_keys_set_aside_are_not_compared_at_the_top_and_are_below() -> None:
    assert_unchanged({"model": "a", "x": 1}, {"model": "b", "x": 1}, where="the body", aside=("model",))
    with pytest.raises(AssertionError, match=r'^the body: changed x\.model: "a" in place of "b"'):
        assert_unchanged({"x": {"model": "a"}}, {"x": {"model": "b"}}, where="the body", aside=("model",))


def test_what_was_added_does_not_count_where_only_losses_do() -> None:
    assert_kept({"x": [{"a": 1, "b": 2}], "y": 1}, {"x": [{"a": 1}]}, where="the body")
    with pytest.raises(AssertionError, match=r"^the body: lost x\[0\]\.a"):
        assert_kept({"x": [{"b": 2}]}, {"x": [{"a": 1}]}, where="the body")
    with pytest.raises(AssertionError, match="has 2 entries in place of 1"):
        assert_kept({"x": [1, 2]}, {"x": [1]}, where="the body")


def test_a_long_list_of_differences_is_cut() -> None:
    with pytest.raises(AssertionError, match=r"lost 19; and 8 more"):
        assert_unchanged({}, {str(number): 0 for number in range(20)}, where="the body")


def test_what_is_no_object_is_compared_as_it_is() -> None:
    with pytest.raises(AssertionError, match=r"changed the value: \[\] in place of \{\}"):
        assert_unchanged([], {}, where="the body", aside=("model",))


def test_values_are_shown_as_they_are() -> None:
    with pytest.raises(AssertionError, match=r'changed x: "so \.\.\. it .began" in place of ""'):
        assert_unchanged({"x": "so ... it .began"}, {"x": ""}, where="the body")


def test_half_a_pair_is_shown_as_its_escape() -> None:
    assert list(differences({"x": "\ud83d"}, {"x": ""})) == ['changed .x: "\\ud83d" in place of ""']
