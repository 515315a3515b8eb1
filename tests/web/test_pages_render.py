"""The pages as text: each one renders in both languages, keeps its promises and speaks plainly."""

import gzip
import io
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jinja2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

sys.path.insert(0, str(Path(__file__).parent))
from sample_things import NO_CONTACT, contact, dealing, shown
from samples import samples

from consent.web import render as rendering
from consent.web.render import LOCALE, PAGES, STATIC, render, sheet, template_hash

PO = LOCALE / "nl" / "LC_MESSAGES" / "consent.po"
EVERY_PAGE = [(language, state) for language in ("nl", "en") for state in samples(language)]
# Elements without a closing tag (HTML, void elements).
VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """Enough of a reader to ask a page questions. Remembers each element with its attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in wanted.items())]


def page_of(language: str, state: str, **changed: Any) -> tuple[str, Page]:
    template, context = samples(language)[state]
    html = render(template, language, **(context | changed))
    return html, Page(html)


@pytest.mark.parametrize(("language", "state"), EVERY_PAGE)
def test_every_page_is_whole(language: str, state: str) -> None:
    _, page = page_of(language, state)
    assert page.all("html")[0]["lang"] == language
    assert len(page.texts["h1"]) == 1
    heading = page.texts["h1"][0].strip()
    assert heading
    title = page.texts["title"][0]
    product = {"nl": "In eigen hand", "en": "In your own hands"}[language]
    assert re.fullmatch(rf"((Fout|Error): )?{re.escape(heading)} – {product}", title)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for reference in ("aria-labelledby", "aria-describedby", "for"):
            assert set((attributes.get(reference) or "").split()) <= set(ids)
        target = attributes.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids
    other = "en" if language == "nl" else "nl"
    switch = re.compile(rf"[^?]+\?(next=[^&?]+&)?lang={other}")
    assert any(switch.fullmatch(a["href"] or "") and a["lang"] == other for a in page.all("a"))
    assert page.elements[[t for t, _ in page.elements].index("body") + 1][1]["href"] == "#main"


@pytest.mark.parametrize(("language", "state"), EVERY_PAGE)
def test_a_strict_content_policy_blocks_nothing_on_any_page(language: str, state: str) -> None:
    html, page = page_of(language, state)
    assert "<style" not in html
    assert len(page.all("script")) == (1 if state.startswith(("sign_in", "scan", "ways")) else 0)
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if tag in ("script", "link"):
            assert (attributes.get("src") or attributes.get("href") or "").startswith("/static/")
        for name in ("src", "href", "action"):
            value = attributes.get(name) or ""
            assert not value.startswith(("javascript:", "data:", "//"))


@pytest.mark.parametrize(("language", "state"), EVERY_PAGE)
def test_each_form_of_a_signed_in_page_carries_the_token(language: str, state: str) -> None:
    _, page = page_of(language, state)
    signed_in = samples(language)[state][1].get("signed_in")
    forms = page.all("form", method="post")
    assert len(page.all("input", name="csrf")) == (len(forms) if signed_in else 0)
    assert bool(page.all("form", id="sign-out")) == bool(signed_in)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_error_is_announced_in_the_title_and_on_top(language: str) -> None:
    word = {"nl": "Fout: ", "en": "Error: "}[language]
    for state, (_, context) in samples(language).items():
        html, page = page_of(language, state)
        wrong = bool(context.get("error")) or state.startswith("error_")
        assert page.texts["title"][0].startswith(word) == wrong
        if context.get("error"):
            assert html.index('id="fault"') < html.index("<h1")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_nothing_is_ticked_beforehand(language: str) -> None:
    _, page = page_of(language, "request")
    boxes = page.all("input", type="checkbox")
    assert [b["value"] for b in boxes] == ["full_name", "yearly_income", "children", "residence_permit"]
    assert not [b for b in boxes if "checked" in b]
    _, again = page_of(language, "request_chosen")
    assert [b["value"] for b in again.all("input", type="checkbox") if "checked" in b] == ["full_name"]


@pytest.mark.parametrize("language", ["nl", "en"])
def test_enter_never_grants(language: str) -> None:
    _, page = page_of(language, "request")
    start = next(i for i, (t, a) in enumerate(page.elements) if t == "form" and a.get("id") == "decide")
    first = page.elements[start + 1]
    assert first == ("button", {"type": "submit", "hidden": None})


@pytest.mark.parametrize("language", ["nl", "en"])
def test_yes_and_no_look_the_same(language: str) -> None:
    _, page = page_of(language, "request")
    yes, no = page.all("button", name="decision")
    assert (yes["value"], no["value"]) == ("yes", "no")
    assert {k: v for k, v in yes.items() if k != "value"} == {k: v for k, v in no.items() if k != "value"}
    css = (STATIC / "app.css").read_text()
    assert 'value="yes"' not in css
    assert 'value="no"' not in css


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_organisation_that_runs_is_not_said_to_be_stopped(language: str) -> None:
    html, page = page_of(language, "dealings")
    assert not page.all("div", id="halted")
    assert ("Gecontroleerd." if language == "nl" else "Checked.") in html
    html, page = page_of(language, "dealings_halted")
    assert page.all("div", id="halted")
    assert ("Gecontroleerd." if language == "nl" else "Checked.") not in html


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("name", ["home", "for_home"])
def test_an_organisation_with_two_purposes_is_one_organisation(name: str, language: str) -> None:
    one, other = samples(language)[name][1]["grants"]
    for grants, said in (
        ([one, other], {"nl": "U deelt nu gegevens met 2 organisaties.", "en": "with 2 organisations now."}),
        ([one, one], {"nl": "U deelt nu gegevens met 1 organisatie.", "en": "with 1 organisation now."}),
    ):
        html, _ = page_of(language, name, grants=grants)
        assert said[language] in html


@pytest.mark.parametrize("language", ["nl", "en"])
def test_nobody_can_say_yes_to_somebody_unknown(language: str) -> None:
    _, page = page_of(language, "request_unverified")
    assert [b["value"] for b in page.all("button", name="decision")] == ["no"]
    assert not page.all("input", type="checkbox")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_request_shows_every_part_of_the_structure(language: str) -> None:
    _, page = page_of(language, "request")
    text = " ".join(page.texts["body"][0].split())
    what = shown(language)
    for item in what.items:
        assert item.label in text
        assert item.reason in text
        assert item.value is None or item.value in text
    for part in (what.organisation.name, what.organisation.number, what.purpose.title, what.purpose.why,
                 what.purpose.consequence_of_no, what.purpose.other_way, what.contact.phone,
                 what.contact.address):  # fmt: skip
        assert part in text
    assert {"nl": "20 februari 2027", "en": "20 February 2027"}[language] in text
    assert {"nl": "In Nederland en Duitsland.", "en": "In the Netherlands and Germany."}[language] in text
    assert page.all("button", name="fill", value="iban")
    assert page.all("input", name="shown")[0]["value"] == "s" * 64


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_page_that_says_you_can_stop_leads_to_the_stop_button(language: str) -> None:
    for state in ("home", "receipt", "why"):
        _, page = page_of(language, state)
        stop = page.all("form", id="stop-" + "a" * 32)
        assert [f["action"] for f in stop] == ["/my/grants/" + "a" * 32 + "/stop"]


def test_what_is_unknown_is_left_out_and_never_invented() -> None:
    html, page = page_of(
        "nl", "stopped", help=None, dealing=dealing("nl", contact=contact("nl", **NO_CONTACT))
    )
    assert "Balie Wonen" in html
    assert "None" not in html
    assert "tel:" not in html
    assert not page.all("section", id="help")


def test_a_name_that_was_not_passed_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("error.html", "nl", status=404)  # and no kind: a lenient template would say "our fault"


def test_what_a_citizen_or_organisation_wrote_is_text_and_not_markup() -> None:
    nasty = "<script>alert(1)</script>"
    html, _ = page_of("nl", "stopped", dealing=dealing("nl", organisation=nasty, seen=[nasty]))
    assert nasty not in html
    assert "&lt;script&gt;" in html
    html, _ = page_of("nl", "edit", value='"><b>')
    assert '"><b>' not in html


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a b", "/\n/x"],
)
def test_the_way_back_stays_on_this_site(address: str) -> None:
    for state in ("edit", "sign_in_practice"):
        _, page = page_of("nl", state, next=address)
        values = [v for _, attributes in page.elements for v in attributes.values()]
        assert address not in values
    _, page = page_of("nl", "edit", next="/my/requests/1")
    assert page.all("a", href="/my/requests/1")
    assert page.all("input", name="next", value="/my/requests/1")


def test_two_languages_do_not_mix() -> None:
    first, _ = page_of("nl", "home")
    assert "Wie mag wat zien" in first
    second, _ = page_of("en", "home")
    assert "Who can see what" in second
    assert "Wie mag" not in second


def test_a_time_is_told_on_a_dutch_clock_in_winter_and_in_summer() -> None:
    html, _ = page_of(
        "nl", "stopped", dealing=dealing("nl", ended_at=1_767_225_600_000_000)
    )  # 2026-01-01T00:00:00Z
    assert "1 januari 2026, 01:00" in html
    html, _ = page_of(
        "nl", "stopped", dealing=dealing("nl", ended_at=1_782_864_000_000_000)
    )  # 2026-07-01T00:00:00Z
    assert "1 juli 2026, 02:00" in html


@pytest.mark.parametrize("state", ["request", "home", "receipt", "sign_in_practice", "timeline"])
def test_a_page_with_its_style_weighs_at_most_fifteen_kilobytes(state: str) -> None:
    html, page = page_of("nl", state)
    weight = len(gzip.compress(html.encode()))
    weight += len(gzip.compress(sheet((STATIC / "theme.css").read_bytes())))
    for name in ("mark.svg", *(["passkey.js"] if page.all("script") else [])):
        weight += len(gzip.compress((STATIC / name).read_bytes()))
    assert weight <= 15 * 1024
    assert len((STATIC / "passkey.js").read_bytes()) <= 3 * 1024


# The hash of what was shown


@pytest.fixture
def _read_anew() -> Iterator[None]:
    yield
    template_hash.cache_clear()


@pytest.mark.usefixtures("_read_anew")
def test_the_template_hash_covers_what_the_template_builds_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = template_hash("request.html")
    assert len(before) == 32
    assert before == template_hash("request.html") != template_hash("receipt.html")
    for changed in ("request.html", "base.html", "_parts.html"):
        folder = tmp_path / changed
        folder.mkdir()
        for file in PAGES.iterdir():
            (folder / file.name).write_bytes(file.read_bytes() + (b"!" if file.name == changed else b""))
        monkeypatch.setattr(rendering._environment, "loader", jinja2.FileSystemLoader(folder))
        template_hash.cache_clear()
        assert template_hash("request.html") != before


@pytest.mark.usefixtures("_read_anew")
def test_the_template_hash_covers_the_translation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = template_hash("request.html")
    other = tmp_path / "nl" / "LC_MESSAGES"
    other.mkdir(parents=True)
    (other / "consent.mo").write_bytes(PO.with_suffix(".mo").read_bytes() + b"!")
    monkeypatch.setattr(rendering, "LOCALE", tmp_path)
    template_hash.cache_clear()
    assert template_hash("request.html") != before


# The catalogue


def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="nl", domain="consent")


def strings(message: Any) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def keys(messages: Any) -> set[Any]:
    return {m.id for m in messages if m.id}


def extracted() -> set[Any]:
    with (LOCALE / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {**DEFAULT_KEYWORDS, "_gettext": None}
    found = extract_from_dir(LOCALE.parent, methods, options, keywords=keywords)
    return {message for _, _, message, _, _ in found}


def test_the_template_catalogue_has_exactly_the_words_on_the_pages() -> None:
    with (LOCALE / "consent.pot").open("rb") as file:
        assert keys(read_po(file)) == extracted()
    assert keys(catalogue()) == extracted()


def test_the_compiled_catalogue_is_the_written_one() -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue())
    assert PO.with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_no_translation_is_empty_or_doubtful_and_each_keeps_its_placeholders() -> None:
    for message in catalogue():
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        for source, text in zip(sources, strings(message), strict=True):
            assert text.strip(), message.id
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(source)), message.id


PLACEHOLDER = re.compile(r"%\(\w+\)s")


@pytest.mark.parametrize(("language", "state"), EVERY_PAGE)
def test_no_page_says_passkey(language: str, state: str) -> None:
    _, page = page_of(language, state)
    assert "passkey" not in page.texts["body"][0].lower()


def test_the_journal_has_words_for_all_that_is_written_down() -> None:
    house = PAGES.parent.parent
    written = re.compile(r'write_down\(\s*book,[^"]*?"([a-z_]+)",\s*"([a-z]+)"')
    found = {one for file in house.rglob("*.py") for one in written.findall(file.read_text("utf-8"))}
    assert {("approved", "client"), ("entrusted", "mandate"), ("retain", "log")} <= found
    words = (PAGES / "_operator.html").read_text("utf-8")
    wordless = {one for one in found for name in one if f'"{name}"' not in words}
    assert wordless == set()
