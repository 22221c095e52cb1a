from __future__ import annotations

from typing import Any, Literal, Optional, Required, TypedDict

import pytest
from pydantic import BaseModel, Field

from conformance.documented import together, with_field_everywhere
from conformance.documented.examples import examples, fields


class Leaf(TypedDict, total=False):
    kind: Required[Literal["leaf"]]
    size: Literal["s", "m", "l"]
    note: str | None


class Branch(TypedDict, total=False):
    kind: Required[Literal["branch"]]
    children: list[Branch | Leaf]
    names: dict[str, str]


class Model(BaseModel):
    schema_: int = Field(alias="schema")
    maybe: Optional[bool] = None  # noqa: UP045 - as the SDKs write it


def test_the_first_example_has_every_field_and_the_others_what_else_there_is() -> None:
    assert examples(Leaf) == [
        {"kind": "leaf", "size": "s", "note": "a_note"},
        {"kind": "leaf", "size": "m"},
        {"kind": "leaf", "size": "l"},
    ]


def test_a_list_holds_an_example_of_everything_that_may_stand_in_it_and_a_type_is_not_inside_itself() -> None:
    assert examples(Branch) == [{"kind": "branch", "children": examples(Leaf), "names": {"team": "a_names"}}]


def test_a_model_is_read_by_its_names_on_the_wire() -> None:
    assert set(fields(Model)) == {"schema", "maybe"}
    assert [example["maybe"] for example in examples(Model)] == [True, False]


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        (str, "url", ["https://example.com/documented.png"]),
        (int, "n", [3]),
        (bool, "b", [True, False]),
        (str | None, "s", ["a_s"]),
        (type(None), "n", [None]),
        (list[Literal["a", "b"]], "l", [["a", "b"]]),
        (Literal["x"] | int, "u", ["x", 3]),
    ],
)
def test_each_type_has_its_examples(kind: Any, name: str, found: list[Any]) -> None:
    assert examples(kind, name) == found


def test_a_type_that_nobody_foresaw_is_named() -> None:
    with pytest.raises(TypeError, match="place: no example of <class 'complex'>"):
        examples(complex, "place")


def test_alternatives_stand_together_in_as_few_objects_as_it_takes() -> None:
    assert together({"a": [1, 2, 3], "b": ["x"], "none": []}) == [{"a": 1, "b": "x"}, {"a": 2}, {"a": 3}]
    assert together({"a": [1, 2], "b": ["x"]}, required={"b"}) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]


def test_a_further_field_goes_into_objects_of_the_providers_and_not_into_maps_of_the_users() -> None:
    (strange,) = with_field_everywhere(examples(Branch), "novel", 1)
    assert strange["novel"] == 1
    assert [child["novel"] for child in strange["children"]] == [1, 1, 1]
    assert strange["names"] == {"team": "a_names"}
