"""What an image is given; needs no engine."""

from __future__ import annotations

from conformance.containers.images import IMAGES
from conformance.containers.needs import imported, packages, requirements


def names(*modules: str) -> set[str]:
    return {requirement.partition("==")[0] for requirement in requirements(imported(*modules))}


def test_the_gateway_gets_what_it_imports_by_name_or_by_a_string_and_no_sdk() -> None:
    assert {"aiohttp", "pydantic", "uvloop", "botocore", "psycopg[binary]"} <= names("gateway")
    assert not {"openai", "anthropic", "pytest", "testcontainers"} & names("gateway")


def test_what_is_imported_for_types_alone_is_not_needed() -> None:
    assert names("conformance.containers.engine") == {"testcontainers"}  # Docker's own is there for its types


def test_each_image_holds_its_own_side_only() -> None:
    held = {name: packages(imported(*image.modules)) for name, image in IMAGES.items()}
    assert held == {"gateway": ["gateway"], "upstream": ["conformance"], "client": [], "services": []}
