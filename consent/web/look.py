"""A look of one's own: a folder whose files take the place of ours. Colours that people cannot read stop the start.

A municipality writes `theme.css` with the same token names as ours and its own values, and may add its mark and its
typeface. Nothing else can be changed that way: what a page says, and how a yes and a no look, is not a matter of taste.
"""

import re
from pathlib import Path

import msgspec

from consent.words.errors import Misconfigured

from .assets import Asset, make_asset
from .render import SHEET, STATIC, fingerprint, sheet

_MOST = 300_000  # bytes of one file; a page must stay light
_TYPES = {"theme.css": "text/css", "mark.svg": "image/svg+xml"}
_OURS = {SHEET: "text/css"} | _TYPES
_FONT = ".woff2"
_NOT_IN_A_THEME = re.compile(r"@import|expression\(|https?:|//", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{(.*?\})\s*\}", re.DOTALL)
_TOKEN = re.compile(r"(--[a-z0-9-]+)\s*:\s*([^;}]+)")
_RULE = re.compile(r"([^{};]+)\{")
_PROPERTY = re.compile(r"[{;]\s*([a-z-]+)\s*:")
_OF_A_FONT = {"font-family", "src", "font-weight", "font-style", "font-display", "unicode-range"}
_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)

# What stands on what: token names without `--basis-`, and the contrast that must be there (WCAG 2.2, 1.4.3 and 1.4.11).
_ON_THE_PAGE = ("color-default-bg-document", "color-default-bg-subtle")
PAIRS = (
    *((text, ground, 4.5)
      for text in ("color-default-color-document", "color-default-color-subtle", "color-action-1-color-default",
                   "color-action-1-color-hover")
      for ground in (*_ON_THE_PAGE, "color-action-1-bg-default")),
    *(("color-default-color-document", ground, 4.5)
      for ground in ("color-warning-bg-default", "color-negative-bg-default")),
    *(("color-action-1-inverse-color-default", ground, 4.5)
      for ground in ("color-action-1-inverse-bg-default", "color-action-1-inverse-bg-hover")),
    *((edge, ground, 3.0)
      for edge in ("color-default-border-default", "focus-outline-color")
      for ground in (*_ON_THE_PAGE, "color-action-1-bg-default")),
    ("color-warning-border-default", "color-warning-bg-default", 3.0),
    ("color-negative-border-default", "color-negative-bg-default", 3.0),
)  # fmt: skip

# The same for the components, whose tokens take theirs from those above unless a theme says otherwise. On both sides
# stands what a component looks at, the first that is given; `transparent` is the page behind it.
_PAGE = ("--basis-color-default-bg-document",)
_TEXT = ("--utrecht-document-color",)
_BUTTONS = [f"--utrecht-button-{kind}-action" for kind in ("primary", "secondary")]
_ALERTS = [f"--utrecht-alert{kind}" for kind in ("", "-ok", "-warning", "-error")]
_FIELD_GROUND = "--utrecht-form-control-background-color"
_FIELDS = [f"--utrecht-{kind}" for kind in ("textbox", "textarea", "select")]
_ON_PAGE = ("heading", "heading-1", "heading-2", "heading-3", "paragraph", "paragraph-lead", "link", "link-hover",
            "form-label", "form-fieldset-legend", "data-list-item-key", "data-list-item-value")  # fmt: skip
COMPONENTS = (
    *(((f"{one}{state}-color", f"{one}-color"), (f"{one}{state}-background-color", f"{one}-background-color"), 4.5)
      for one in _BUTTONS for state in ("", "-hover", "-focus", "-active")),
    *(((f"{one}-color", "--utrecht-alert-color", *_TEXT), (f"{one}-background-color",), 4.5) for one in _ALERTS),
    *(((f"{one}-color", "--utrecht-form-control-color"), (f"{one}-background-color", _FIELD_GROUND), 4.5)
      for one in _FIELDS),
    *(((f"{one}{state}-border-color", f"--utrecht-form-control{state}-border-color"), _PAGE, 3.0)
      for one in _FIELDS for state in ("", "-invalid")),
    *(((f"--utrecht-{one}-color", *_TEXT), ground, 4.5)
      for one in _ON_PAGE for ground in (_PAGE, ("--utrecht-document-background-color",))),
    *(((f"--utrecht-page-{one}-color", *_TEXT), (f"--utrecht-page-{one}-background-color",), 4.5)
      for one in ("header", "footer")),
    (("--utrecht-link-color",), ("--utrecht-page-header-background-color",), 4.5),
    (("--nl-data-badge-color", *_TEXT), ("--nl-data-badge-background-color",), 4.5),
    (("--utrecht-skip-link-color",), ("--utrecht-skip-link-background-color",), 4.5),
    (("--utrecht-checkbox-border-color",), ("--utrecht-checkbox-background-color",), 3.0),
    (("--utrecht-checkbox-icon-color",), ("--utrecht-checkbox-checked-background-color",), 3.0),
    (("--utrecht-radio-button-border-color",), ("--utrecht-radio-button-background-color",), 3.0),
    (("--utrecht-focus-outline-color",), _PAGE, 3.0),
)  # fmt: skip
_POINTS_TO = re.compile(r"var\((--[a-z0-9-]+)\)")


class Look(msgspec.Struct, frozen=True):
    """The files that take the place of ours, and the mark of each version, which stands in its address."""

    files: dict[str, Asset] = msgspec.field(default_factory=dict)
    marks: dict[str, str] = msgspec.field(default_factory=dict)


def read_look(folder: str) -> Look:
    """The look in *folder*; ours when it is empty. Raises Misconfigured with the rule that is broken."""
    if not folder:
        return Look()
    found: dict[str, bytes] = {}
    try:
        for file in sorted(Path(folder).iterdir()):
            if file.name not in _TYPES and file.suffix != _FONT:
                raise Misconfigured("a look has theme.css, and besides it only mark.svg and fonts (.woff2)")
            found[file.name] = file.read_bytes()
    except OSError:
        raise Misconfigured("the folder of the look cannot be read") from None
    if "theme.css" not in found:
        raise Misconfigured("a look has a theme.css")
    if max(map(len, found.values())) > _MOST:
        raise Misconfigured("a file of a look has 300,000 bytes at most")
    try:
        check_theme(found["theme.css"].decode())
    except UnicodeDecodeError:
        raise Misconfigured("theme.css is UTF-8") from None
    found[SHEET] = sheet(found["theme.css"])
    return Look(
        {name: make_asset(_OURS.get(name, "font/woff2"), octets) for name, octets in found.items()},
        {name: fingerprint(octets) for name, octets in found.items()},
    )


def check_theme(css: str) -> None:
    """Refuse a theme that lacks a token, fetches from elsewhere, or cannot be read. Raises Misconfigured."""
    css = _COMMENT.sub("", css)
    if _NOT_IN_A_THEME.search(css):
        raise Misconfigured(
            "theme.css takes nothing from elsewhere: no @import and no address of another site"
        )
    rules = {rule.strip() for rule in _RULE.findall(css)}
    names = {name for name in _PROPERTY.findall(css) if not name.startswith("--")}
    if any(rule not in (":root", "@font-face") and not rule.startswith("@media") for rule in rules):
        raise Misconfigured("theme.css has rules for :root and @font-face only")
    if not names <= _OF_A_FONT | {"color-scheme"}:
        raise Misconfigured("theme.css gives tokens a value, and nothing else")
    dark = " ".join(_DARK.findall(css))
    light = dict(_TOKEN.findall(_DARK.sub("", css)))
    ours = _COMMENT.sub("", (STATIC / "theme.css").read_text("utf-8"))
    for name in dict(_TOKEN.findall(ours)):
        if name not in light:
            raise Misconfigured(f"theme.css gives {name} no value")
    basis = [((f"--basis-{text}",), (f"--basis-{ground}",), least) for text, ground, least in PAIRS]
    light = _of_components() | light
    for mode, tokens in (("light", light), ("dark", light | dict(_TOKEN.findall(dark)))):
        for text, ground, least in (*basis, *COMPONENTS):
            (named, colour), (under, behind) = _colour(tokens, text), _colour(tokens, ground)
            seen = contrast(colour, behind)
            if seen < least:
                raise Misconfigured(
                    f"theme.css, {mode}: {named} on {under} has a contrast of {seen:.1f}; people need {least}"
                )


def _of_components() -> dict[str, str]:
    """What our layout gives the components: the first rule of app.css."""
    css = _COMMENT.sub("", (STATIC / "app.css").read_text("utf-8"))
    return dict(_TOKEN.findall(css.partition("}")[0]))


def contrast(first: str, second: str) -> float:
    """How far apart two colours (`#rrggbb`) are, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _colour(tokens: dict[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """The first of *names* that has a colour, and the colour; raises Misconfigured when it cannot be measured."""
    name = next(name for name in names if name in tokens)
    value = tokens[name].strip()
    followed: set[str] = set()  # a token that points to itself has no value
    while (points := _POINTS_TO.fullmatch(value)) and points[1] not in followed:
        followed.add(points[1])
        value = tokens.get(points[1], "").strip()
    if value == "transparent" and "background" in name:
        return _colour(tokens, _PAGE)
    if not _COLOUR.fullmatch(value):
        raise Misconfigured(f"theme.css writes {name} as #rrggbb")
    return name, value if len(value) == 7 else "#" + "".join(digit * 2 for digit in value[1:])


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
