"""A look of one's own: what a municipality may change, and what stops the start. Ours is measured more strictly."""

import re
from pathlib import Path

import pytest
from litestar.testing import TestClient

from consent.app import build
from consent.settings import Settings
from consent.web.look import PAIRS, Look, check_theme, contrast, read_look
from consent.web.render import STATIC, sheet
from consent.words.errors import Misconfigured

LAST = "--basis-focus-outline-color: #14211e;"
OURS = (STATIC / "theme.css").read_text("utf-8")


def look_with(folder: Path, css: str, **more: bytes) -> Look:
    (folder / "theme.css").write_text(css, "utf-8")
    for name, octets in more.items():
        (folder / name.replace("_", ".")).write_bytes(octets)
    return read_look(str(folder))


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_text_of_our_own_look_reaches_seven_to_one_in_both_modes() -> None:
    halves = OURS.split("@media")
    tokens = [dict(re.findall(r"--basis-([a-z0-9-]+): (#[0-9a-f]{6})", half)) for half in halves]
    for colours in (tokens[0], tokens[0] | tokens[1]):
        for text, ground, least in PAIRS:
            wanted = 7 if least == 4.5 else 3
            assert contrast(colours[text], colours[ground]) >= wanted, (text, ground)


def test_the_style_sheet_has_no_colour_of_its_own() -> None:
    css = (STATIC / "app.css").read_text()
    screen = css.split("@media print")[0]
    # A code that a camera reads is black on white whatever the look.
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", screen)) <= {"#fff"}
    used = set(re.findall(r"var\((--[a-z0-9-]+)", css))
    given = set(re.findall(r"(--[a-z0-9-]+):", css + OURS))
    assert used <= given
    # What we give to a component is what one reads.
    components = (STATIC / "components.css").read_text()
    assert set(re.findall(r"(--(?:utrecht|nl)-[a-z0-9-]+):", css)) <= used | set(
        re.findall(r"var\((--[a-z0-9-]+)", components)
    )


def test_the_sheet_of_a_page_is_ours_without_comments_and_then_the_theme() -> None:
    theme = b':root { --basis-text-font-family-default: "A,  B", serif; /* theirs */ }\n'
    made = sheet(theme).decode()
    assert made.endswith(':root{--basis-text-font-family-default:"A,  B",serif}')
    first, second = made.index(".utrecht-button{"), made.index(":root{--utrecht-document-background-color:")
    assert made.index("Gemeente Utrecht") < first < second < made.index(".consent-choice{")
    assert made.count("/*") == 1
    assert sheet(b":root { --forgotten: 1px").decode().endswith(":root{--forgotten:1px")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The base_url")
def test_the_pages_take_it_in_the_place_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / "look"
    folder.mkdir()
    look_with(folder, OURS.replace("#0b5049", "#154273"), mark_svg=b"<svg/>", ours_woff2=b"font")
    app = build(Settings(data=str(tmp_path / "data"), port=8000, look=str(folder)))
    with TestClient(app, base_url="http://localhost:8000") as visitor:
        page = visitor.get("/sign-in", headers={"accept": "text/html"}).text
        mark = read_look(str(folder)).marks["style.css"]
        assert f'href="/static/style.css?v={mark}"' in page
        theirs = visitor.get("/static/style.css")
        assert "#154273" in theirs.text
        assert "#0b5049" not in theirs.text
        assert theirs.text.startswith("/*! SPDX-License-Identifier: EUPL-1.2")
        assert "#154273" in visitor.get("/static/theme.css").text
        assert visitor.get("/static/mark.svg").text == "<svg/>"
        font = visitor.get("/static/ours.woff2")
        assert (font.headers["content-type"], font.content) == ("font/woff2", b"font")
        # What is not in the folder stays ours.
        assert visitor.get("/static/app.css").text == (STATIC / "app.css").read_text()


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("--basis-focus-outline-color: #14211e;", "", "gives --basis-focus-outline-color no value"),
        ("#42514c", "#9a9a9a", r"light: --basis-color-default-color-subtle on .* people need 4\.5"),
        ("#86d8c8", "#14211e", "dark: --basis-color-action-1-color-default"),
        ("#ffffff", "white", "as #rrggbb"),
        ("@media", '@import "https://elsewhere.example/x.css";\n@media', "nothing from elsewhere"),
        ('"Segoe UI"', 'url("//elsewhere.example/f")', "nothing from elsewhere"),
        ("@media", 'button[value="yes"] { font-size: 3rem }\n@media', "rules for :root"),
        ("color-scheme: light dark;", "color-scheme: light; display: none;", "and nothing else"),
        (
            LAST,
            f"{LAST} --utrecht-button-primary-action-color: #5f7f7a;",
            "light: --utrecht-button-primary-action-color on",
        ),
        (
            LAST,
            f"{LAST} --utrecht-alert-error-background-color: #a8201a;",
            "on --utrecht-alert-error-background-color",
        ),
        (LAST, f"{LAST} --utrecht-textarea-border-color: #eeeeee;", r"people need 3\.0"),
        (
            LAST,
            f"{LAST} --utrecht-select-background-color: transparent; --utrecht-select-color: #ffffff;",
            "-bg-document",
        ),
        (
            LAST,
            f"{LAST} --utrecht-link-color: var(--mine); --mine: #cccccc;",
            "light: --utrecht-link-color on",
        ),
        (LAST, f"{LAST} --utrecht-link-color: var(--utrecht-link-color);", "--utrecht-link-color as #rrggbb"),
        (LAST, f"{LAST} --utrecht-link-color: hsl(174 76% 18%);", "--utrecht-link-color as #rrggbb"),
    ],
)
def test_a_look_that_people_cannot_use_stops_the_start(old: str, new: str, rule: str) -> None:
    assert old in OURS
    check_theme(OURS)
    with pytest.raises(Misconfigured, match=rule):
        check_theme(OURS.replace(old, new))


def test_the_example_of_the_manual_is_a_look_that_people_can_use() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "how-to" / "own-look.md").read_text("utf-8")
    (example,) = re.findall(r"```css\n(.*?)```", manual, re.DOTALL)
    check_theme(OURS + example)
    with pytest.raises(Misconfigured, match="dark: --utrecht-button-primary-action-color"):
        check_theme(OURS + example.replace("#ffffff", "var(--basis-color-action-1-inverse-color-default)"))


@pytest.mark.parametrize("name", ["app.css", "passkey.js", "notes.txt"])
def test_nothing_else_can_be_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(Misconfigured, match="besides it only"):
        look_with(tmp_path, OURS)


def test_a_look_without_a_theme_or_a_folder_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"has a theme\.css"):
        read_look(str(tmp_path))
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_look(str(tmp_path / "nowhere"))
