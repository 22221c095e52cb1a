from conformance.target.templates import fill, fill_all, names

VALUES = {"port": "80", "upstream": "http://up", "secret:openai": "sk-1"}


def test_placeholders_are_filled() -> None:
    assert fill("{upstream}/v1 on {port} with {secret:openai}", VALUES) == "http://up/v1 on 80 with sk-1"


def test_a_value_is_never_filled_again() -> None:
    assert fill("{upstream}", {"upstream": "{port}", "port": "80"}) == "{port}"


def test_a_doubled_placeholder_is_literal() -> None:
    assert fill("${{port}} {{{port}}} {{{{port}}}}", VALUES) == "${port} {{port}} {{{port}}}"


def test_other_braces_mean_themselves() -> None:
    text = 'server { return 200 "{}"; } {"a": {"b": 1}} {{ jinja }} {0} {UPPER} [a]{2,3} ${x.y}'
    assert fill(text, VALUES) == text
    assert not list(names(text))


def test_every_string_of_a_json_value_is_filled() -> None:
    assert fill_all({"a": ["{port}", 1, None], "{port}": True}, VALUES) == {"a": ["80", 1, None], "{port}": True}
