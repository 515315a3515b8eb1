"""The citizen's pages: templates become HTML in the language of the reader.

One Jinja environment for the process. The language is a context variable, so that one environment serves both
languages and two requests at the same time never mix them. Templates are strict: a name that nobody passed is
an error, never an empty place on a page where somebody decides.
"""

import functools
import gettext
import hashlib
import re
from contextvars import ContextVar
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta, pass_context
from jinja2.runtime import Context

from consent.words.attributes import CATALOGUE, in_sentence
from consent.words.canonical import length_prefixed
from consent.words.dates import month_name, written_date, written_moment
from consent.words.purposes import LANGUAGES, Language

_HERE = Path(__file__).parent
PAGES = _HERE / "pages"
STATIC = _HERE / "static"
LOCALE = _HERE / "locale"
DOMAIN = "consent"
SHEET = "style.css"
SOURCE_LANGUAGE: Language = "en"  # the templates are written in English; the other catalogues translate it

_language: ContextVar[Language] = ContextVar("language", default=SOURCE_LANGUAGE)

# A catalogue is read once; a missing one stops the start, because a page in the wrong language is not a page.
_catalogues: dict[Language, gettext.NullTranslations] = {
    language: gettext.NullTranslations()
    if language == SOURCE_LANGUAGE
    else gettext.translation(DOMAIN, LOCALE, [language])
    for language in LANGUAGES
}


def render(template: str, language: Language, **context: object) -> str:
    """Fill in *template* (a file name in `pages/`) in *language* and return the whole page.

    What every page needs has a calm default: no help line, no practice strip, not signed in. Raises
    `jinja2.UndefinedError` when the page uses a name that was not passed, `jinja2.TemplateNotFound` for an
    unknown page.
    """
    before = _language.set(language)
    try:
        every_page: dict[str, object] = {
            "path": "/",
            "csrf": None,
            "signed_in": False,
            "help": None,
            "library": None,
            "call_back": None,
            "authority": None,
            "product": None,
            "sandbox": False,
            "away": None,
            "private": False,
            "marks": {},
            "helping": None,  # whose pages somebody else looks at, with a mandate
            "at": "",  # what stands before the addresses of her pages then
        }
        filled = {**every_page, **context, "language": language}
        filled["name"] = filled["product"] or _gettext("In your own hands")
        return _environment.get_template(template).render(filled)
    finally:
        _language.reset(before)


@functools.cache  # of files that do not change under a running service
def template_hash(name: str) -> bytes:
    """SHA-256 (32 bytes) of the words around the values: what a receipt pins of the page that was shown.

    Covers the source of template *name*, of all that it extends, includes or imports, and the translations,
    because half of what a Dutch reader saw stands there. Raises `jinja2.TemplateNotFound`.
    """
    sources: dict[str, str] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in sources:
            continue
        assert _environment.loader is not None
        sources[current] = _environment.loader.get_source(_environment, current)[0]
        for found in meta.find_referenced_templates(_environment.parse(sources[current])):
            if found is None:  # a name that is only known while rendering would escape the hash
                raise ValueError(f"template {current} refers to a template by a computed name")
            waiting.append(found)
    parts = [text.encode() for pair in sorted(sources.items()) for text in pair]
    translations = [
        (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo").read_bytes()
        for language in LANGUAGES
        if language != SOURCE_LANGUAGE
    ]
    return hashlib.sha256(length_prefixed(*parts, *translations)).digest()


def _gettext(message: str) -> str:
    return _catalogues[_language.get()].gettext(message)


def _ngettext(singular: str, plural: str, number: int) -> str:
    return _catalogues[_language.get()].ngettext(singular, plural, number)


def _date(at: int | str) -> str:
    """An instant (microseconds) or a day (`2030-03-01`) as `1 maart 2030`. Other text comes back as it is."""
    if isinstance(at, int):
        return written_date(at, _language.get())
    try:
        day = date.fromisoformat(at)
    except ValueError:
        return at
    return f"{day.day} {month_name(day.month, _language.get())} {day.year}"


def _moment(at: int) -> str:
    return written_moment(at, _language.get())


def _listing(words: list[str] | tuple[str, ...]) -> str:
    """`a`, `a en b`, `a, b en c`."""
    *first, last = list(words) or [""]
    joint = _gettext("and")
    return f"{', '.join(first)} {joint} {last}" if first else last


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    """Close *text* with a full stop when it has no end of its own."""
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def _open(text: str) -> str:
    """*text* without its full stop: it goes inside a sentence that has one."""
    return text.rstrip().removesuffix(".")


def _tel(phone: str) -> str:
    return re.sub(r"[^0-9+]", "", phone)


def _bare(url: str) -> str:
    """A web address as people say it."""
    return re.sub(r"^https?://(www\.)?", "", url).rstrip("/")


def _local(address: str, otherwise: str) -> str:
    """*address* when it is a path on this site, else *otherwise*: a page never leads to where a stranger says."""
    return address if re.fullmatch(r"/(?![/\\])[^\x00-\x20\\]*", address) else otherwise


# Where data may be kept (ISO 3166-1 alpha-2): Dutch and English. A code that is not here is shown as it is.
_COUNTRIES = {
    "AT": ("Oostenrijk", "Austria"),
    "BE": ("België", "Belgium"),
    "CH": ("Zwitserland", "Switzerland"),
    "CZ": ("Tsjechië", "Czechia"),
    "DE": ("Duitsland", "Germany"),
    "DK": ("Denemarken", "Denmark"),
    "ES": ("Spanje", "Spain"),
    "FI": ("Finland", "Finland"),
    "FR": ("Frankrijk", "France"),
    "GB": ("het Verenigd Koninkrijk", "the United Kingdom"),
    "IE": ("Ierland", "Ireland"),
    "IT": ("Italië", "Italy"),
    "LU": ("Luxemburg", "Luxembourg"),
    "NL": ("Nederland", "the Netherlands"),
    "NO": ("Noorwegen", "Norway"),
    "PL": ("Polen", "Poland"),
    "PT": ("Portugal", "Portugal"),
    "SE": ("Zweden", "Sweden"),
    "US": ("de Verenigde Staten", "the United States"),
}


def _countries(codes: list[str] | tuple[str, ...]) -> list[str]:
    column = LANGUAGES.index(_language.get())
    return [_COUNTRIES[code][column] if code in _COUNTRIES else code for code in codes]


def sheet(theme: bytes) -> bytes:
    """The one style sheet of a page: components, layout, *theme*. On a slow line each request and each byte counts."""
    # In this order a theme's tokens come last, and one that forgets a brace spoils no more than itself.
    ours = ((STATIC / name).read_bytes() for name in ("components.css", "app.css"))
    return b"".join(_lean(css) for css in (*ours, theme))


def _lean(css: bytes) -> bytes:
    """*css* without comments and blanks; a comment that starts with `/*!` is a licence, and stays."""
    css = re.sub(rb"(\"[^\"]*\")|(?:\s|/\*[^!].*?\*/)+", lambda found: found[1] or b" ", css, flags=re.DOTALL)
    blank = rb"(\"[^\"]*\"|/\*!.*?\*/ ?)|(?<=[{};:,]) | (?=[{}])|; ?(?=\})| $"
    return re.sub(blank, lambda found: found[1] or b"", css)


def fingerprint(octets: bytes) -> str:
    """The mark of one version of a file."""
    return hashlib.sha256(octets).hexdigest()[:8]


# A fingerprint in the address lets browsers keep style and script for ever and still see each new version.
_ASSETS = {file.name: fingerprint(file.read_bytes()) for file in sorted(STATIC.iterdir())}
_ASSETS[SHEET] = fingerprint(sheet((STATIC / "theme.css").read_bytes()))


@pass_context
def _asset(context: Context, name: str) -> str:
    mark = context["marks"].get(name) or _ASSETS[name]
    return f"/static/{name}?v={mark}"


def _about(name: str) -> str:
    """An attribute by its name, for the middle of a sentence; anything else, such as a country, as it is."""
    known = CATALOGUE.get(name)
    return name if known is None else in_sentence(known.label.in_language(_language.get()))


def _is_hers_to_give(name: str) -> bool:
    """Whether she can fill in an attribute herself; what only a law may ask for comes from its register."""
    known = CATALOGUE.get(name)
    return known is None or not known.statutory_only


def _build() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        cache_size=50,
    )
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["asset"] = _asset
    environment.tests["hers_to_give"] = _is_hers_to_give
    environment.filters.update(
        date=_date,
        moment=_moment,
        listing=_listing,
        capital=_capital,
        small=in_sentence,
        about=_about,
        sentence=_sentence,
        open=_open,
        tel=_tel,
        bare=_bare,
        local=_local,
        countries=_countries,
    )
    return environment


_environment = _build()
