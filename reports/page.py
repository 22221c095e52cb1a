"""One self-contained HTML page: nothing is fetched, and only our own script may run, should an escape ever fail."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files

from reports.hostile import visible


class Html(str):
    """Markup. Every other string is text, and is escaped where it meets markup."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Html:
    """`class_` and `data_x` become `class` and `data-x`; empty attributes are left out."""
    given = "".join(f' {_attribute(key)}="{escape(visible(value))}"' for key, value in attributes.items() if value)
    return Html(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    return Html("".join(child if isinstance(child, Html) else escape(visible(child)) for child in children))


def link(text: str, address: str, **attributes: str) -> Html:
    """A link where the address is one that a browser may safely open, else plain text."""
    if address.startswith(("https://", "http://", "#")):
        return element("a", text, href=address, rel="noreferrer", **attributes)
    return element("span", text, **attributes)


def page(title: str, *body: Html) -> str:
    style, script = _shipped("report.css"), _shipped("report.js")
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{joined(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{joined(*body)}
</main>
<script>{script}</script>
</body>
</html>
"""


def _shipped(name: str) -> str:
    return files("reports").joinpath(name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
