"""The badge: which suite says what, in one line of SVG without any outside reference."""

from html import escape

from reports.hostile import one_line
from reports.model import Report, Verdict

COLOURS: dict[Verdict, str] = {
    "conformant": "#1a7f37",
    "partial": "#bc4c00",
    "nonconformant": "#cf222e",
    "not-measured": "#6e7781",
}
GREY = COLOURS["not-measured"]
CHARACTER = 6.6  # width in pixels at 11 px, rounded up: text never overflows
PADDING = 12


def badge(report: Report) -> str:
    label = one_line(f"{report.suite.name} {report.suite.version}", 60)
    if report.focused:
        return _svg(label, "focused", GREY)
    return _svg(label, report.verdict, COLOURS[report.verdict])


def _svg(label: str, said: str, colour: str) -> str:
    left, right = _width(label), _width(said)
    text = escape(f"{label} | {said}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{text}">
<title>{text}</title>
<clipPath id="round"><rect width="{left + right}" height="20" rx="4"/></clipPath>
<g clip-path="url(#round)">
<rect width="{left}" height="20" fill="#24292f"/>
<rect x="{left}" width="{right}" height="20" fill="{colour}"/>
</g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left / 2}" y="14">{escape(label)}</text>
<text x="{left + right / 2}" y="14">{escape(said)}</text>
</g>
</svg>
"""


def _width(text: str) -> int:
    return round(len(text) * CHARACTER) + PADDING
