import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from reports import Report
from reports.schema import PATH, schema_text
from tests.reports.sample import HOSTILE, realistic, report, row

SCHEMA: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))


def test_the_shipped_schema_is_that_of_the_model() -> None:
    assert PATH.read_text(encoding="utf-8") == schema_text(), "run python -m reports.schema"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("found", [realistic(), report(), report(row(message=HOSTILE), focused=True)])
def test_reports_hold_to_it(found: Report) -> None:
    Draft202012Validator(SCHEMA).validate(_stored(found))


def test_it_refuses_what_the_model_refuses() -> None:
    for wrong in ({"verdict": "certified"}, {"schema_version": "2.0"}, {"seconds": -1}, {"surprise": True}):
        with pytest.raises(ValidationError):
            Draft202012Validator(SCHEMA).validate(_stored(report(row())) | wrong)


def test_it_explains_every_part() -> None:
    parts = [SCHEMA, *SCHEMA["$defs"].values()]
    assert [part["title"] for part in parts if not part.get("description")] == []


def _stored(found: Report) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(found.model_dump_json(exclude_none=True))
    return stored
