"""The style of the components is NL Design System's own: pinned, licensed as we are, and no more of it than we use."""

import hashlib
import json
import re

import pytest

from consent.web.render import PAGES
from tests import vendor_css
from tests.vendor_css import MANIFEST, SHEET, Pages, Rule, Unreachable, make, parsed, purged, written

# A component that app.css draws itself, with the tokens of theirs; it says why.
DRAWN_HERE = {"utrecht-checkbox", "utrecht-radio-button"}


def test_the_file_is_what_its_manifest_says() -> None:
    css, manifest = SHEET.read_text("utf-8"), json.loads(MANIFEST.read_text())
    assert hashlib.sha256(css.encode()).hexdigest() == manifest["sha256"]
    assert css.startswith(
        "/*! SPDX-License-Identifier: EUPL-1.2\n    Copyright (c) 2020-2024 Frameless B.V.\n"
    )
    assert f"modified on {manifest['modified']}" in css
    assert manifest["license"] == "EUPL-1.2"
    for name, package in manifest["packages"].items():
        assert re.fullmatch(
            r"@(utrecht|nl-design-system-candidate)/[a-z0-9-]+-css", name
        )  # tokens are not free
        assert package["license"] == "EUPL-1.2"
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
        assert re.fullmatch(r"[0-9a-f]{64}", package["sha256"])
        assert f" {name} {package['version']}" in css
    assert not re.search(r"url\(|@import|http|//", css)


def test_it_has_no_rule_that_no_page_can_use() -> None:
    rules = list(parsed(SHEET.read_text("utf-8")))
    assert len(rules) > 40
    assert purged(rules, Pages()) == rules, "run: python -m tests.vendor_css"
    tokens = {name for rule in rules for name, _ in rule.properties if name.startswith("--_")}
    assert set(re.findall(r"var\((--_[\w-]+)", written(rules))) == tokens


def test_each_class_of_a_component_on_a_page_is_one_of_theirs() -> None:
    theirs = {name for rule in parsed(SHEET.read_text("utf-8")) for name in rule.classes()}
    written_down = {
        name
        for page in PAGES.glob("*.html")
        for classes in re.findall(r'class="([^"]*)"', page.read_text("utf-8"))
        for name in re.findall(r"\b(?:utrecht|nl)-[a-z0-9_-]+", classes)
    }
    assert len(written_down) > 25
    assert written_down - theirs == DRAWN_HERE


def test_what_is_taken_out_is_what_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages()
    monkeypatch.setattr(pages, "classes", {"a", "b"})
    monkeypatch.setattr(pages, "text", '<i class="a b" x="y">')
    rules = parsed("""
        .a { --_one: 1px; --_none: 2px; color: var(--_gone, var(--theirs, red)); margin: calc(var(--_gone) * 2);
             inset: calc(var(--utrecht-space-around, 0) * var(--theirs, 1)); }
        .a:not(.c, :disabled), .c { padding: var( --_one ) }  /* ; } { */
        .a[x="z"], .a::placeholder, .b:focus-visible { color: green }
        @media print { .b[x=y] { content: "};{"; } .c { color: blue } }
        .b .c { --_one: 3px; }
    """)
    assert purged(rules, pages) == [
        Rule(
            "",
            (".a",),
            (("--_one", "1px"), ("color", "var(--theirs,red)"), ("inset", "0")),
        ),
        Rule("", (".a:not(.c, :disabled)",), (("padding", "var(--_one)"),)),
        Rule("@media print", (".b[x=y]",), (("content", '"};{"'),)),
    ]
    for other in ("@font-face { src: x }", "@import 'x';", ".a { .b { color: red } }"):
        with pytest.raises(ValueError, match="not a sheet"):
            list(parsed(other))


@pytest.mark.judged
def test_the_registry_still_gives_what_the_file_was_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = json.loads(MANIFEST.read_text())
    try:
        made = make(manifest["packages"], manifest["modified"])
    except Unreachable as reason:
        pytest.skip(f"npm could not fetch the components: {reason}")
    assert made == (SHEET.read_text("utf-8"), manifest)
    monkeypatch.setattr(vendor_css, "LICENCE", "another")
    one = dict(list(manifest["packages"].items())[:1])
    with pytest.raises(ValueError, match="only"):
        make(one, "")
