"""The JSON Schema of `report.json`, generated from the model: `python -m reports.schema` rewrites the file."""

import json
from pathlib import Path
from typing import Any

from reports.model import Report

PATH = Path(__file__).with_name("report.schema.json")


def report_schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(),
        "title": "llm-gateway-conformance report, version 1.0",
    }


def schema_text() -> str:
    return json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
