"""What a configuration says twice, and what it refers to that is not there: each mistake with its place.

Looks at the raw document, so that these mistakes are found beside those of single values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]
Table = tuple[str, Document]


def inconsistencies(document: Document) -> list[str]:
    providers, models = list(tables(document, "providers")), list(tables(document, "models"))
    routing = document.get("routing")
    return [
        *repeated(providers, "id", "as"),
        *repeated(models, "name"),
        *unknown_providers(models, providers),
        *unknown_fallbacks(models),
        *(routing_problems(routing, providers) if isinstance(routing, dict) else ()),
    ]


def tables(document: Document, key: str, place: str = "") -> Iterator[Table]:
    """Each table of an array of them, with its place."""
    for index, table in enumerate(listed(document.get(key))):
        if isinstance(table, dict):
            yield f"{place}{key}[{index}]", table


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def names(providers: list[Table]) -> dict[str, Document]:
    """Providers by what routing calls them."""
    return {str(provider.get("as") or provider.get("id")): provider for _, provider in providers}


def repeated(entries: list[Table], *keys: str, fold: bool = False) -> Iterator[str]:
    """Names that are given twice; those of all the keys share one space."""
    seen: dict[str, str] = {}
    for place, table in entries:
        for key in keys:
            name = table.get(key)
            if not isinstance(name, str):
                continue
            known = name.strip().lower() if fold else name
            if (first := seen.setdefault(known, place)) != place:
                yield f"{place}.{key}: {name!r} is already taken by {first}"


def unknown_providers(models: list[Table], providers: list[Table]) -> Iterator[str]:
    by_name = names(providers)
    for place, model in models:
        provider, protocol = model.get("provider"), model.get("protocol")
        if not isinstance(provider, str):
            continue
        if provider not in by_name:
            yield f"{place}.provider: no provider is called {provider!r}"
        elif isinstance(protocol, str) and protocol not in listed(by_name[provider].get("surfaces")):
            yield f"{place}.protocol: the provider {provider!r} does not speak {protocol!r}"


def unknown_fallbacks(models: list[Table]) -> Iterator[str]:
    declared = [model.get("name") for _, model in models]
    for place, model in models:
        tried = [model.get("name")]
        for index, name in enumerate(listed(model.get("fallback"))):
            if name in tried:
                yield f"{place}.fallback[{index}]: {name!r} has been tried already"
            elif isinstance(name, str) and name not in declared:
                yield f"{place}.fallback[{index}]: no model is called {name!r}"
            tried.append(name)


def routing_problems(routing: Document, providers: list[Table]) -> Iterator[str]:
    mappings = list(tables(routing, "mappings", "routing."))
    yield from repeated(mappings, "value", fold=True)
    default = {"provider": routing["default"]} if "default" in routing else {}
    for place, entry in [("routing.default", default), *((f"{place}.provider", entry) for place, entry in mappings)]:
        provider = entry.get("provider")
        if isinstance(provider, str) and provider not in names(providers):
            yield f"{place}: no provider is called {provider!r}"
