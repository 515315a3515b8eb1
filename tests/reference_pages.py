"""Writes the reference pages that follow from the code: settings, errors, specifications.

python -m tests.reference_pages        (then read the difference before you commit it)

`tests/test_docs.py` fails when a page and the code differ.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from consent.__main__ import _parser
from consent.settings import _TABLES, Settings
from consent.web.errors import CODES
from consent.words import errors
from consent.words.purposes import Contact

from .specifications import SUPPORT

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"

_GENERATED = "Written from `{source}` by `python -m tests.reference_pages`; a test fails when they differ.\n"

# --- Settings and commands ---

_SETTINGS = """# Settings and commands

{generated}
Four places, the first that speaks wins: a flag, a `CONSENT_*` variable, a settings file, the default. An unknown
name, a wrong kind and an unsafe combination stop the start with one line that names the rule. Keys are never settings:
they are files in the data folder.

## Settings

| Setting | Flag of `consent serve` | Variable | Default | What it is |
|---|---|---|---|---|
{settings}
A settings file is TOML with these names at the top. `--settings FILE` or `CONSENT_SETTINGS` says where it is.

```toml
data = "/var/lib/consent"
issuer = "https://consent.example.org"
product = "Mijn gegevens"

[help]
name = {{ nl = "Servicepunt", en = "Help desk" }}
phone = "0800-0000000"
```

What is refused: an issuer that is not https (on loopback it may be `http://localhost`), an issuer with a path, the
sandbox on an address that others can reach, another address than loopback without an issuer.

## Commands

`consent COMMAND --help` says more.

| Command | What it does |
|---|---|
{commands}
`--data`, `--port`, `--issuer` and `--settings` mean the same in every command that works on a data folder; give an
operator's command what you gave `consent serve`. It may run while the service runs.

## The data folder

| File | What it is |
|---|---|
| `consent.sqlite3` (and `-wal`, `-shm`) | the database |
| `keys/ring-N.key`, `keys/ring-N-S.key` | wrap the citizens' keys: the highest N whose second S has come; all open |
| `keys/log-NAME.key` | signs the checkpoints of one log |
| `keys/issuer.pem`, `keys/issuer-SECONDS.pem` | the service's own signing keys; the number says from when one signs |
| `keys/log-NAME.seen` | the newest checkpoint of a log that was remembered, against an older copy of the database |
| `keys/erased` | who was erased, as hashes of random ids: no backup brings them back |
| `lock` | held by the process that serves |

Folder 0700, keys 0600; the service refuses to start when others may read them. Keep `keys` and
[backups](../how-to/back-up-and-restore.md) in different places: the database alone opens no value and signs nothing.
"""


def settings_page() -> str:
    """`docs/reference/settings.md`."""
    said = _attribute_docstrings(ROOT / "consent" / "settings.py", "Settings")
    known = dict(commands())
    flags = {action.dest: action.option_strings[0] for action in known["consent serve"][1]._actions}
    rows = ""
    for field in msgspec.structs.fields(Settings):
        flag = f"`{flags[field.name]}`" if field.name in flags and field.name not in _TABLES else "–"
        variable = f"`CONSENT_{field.name.upper()}`" if field.name not in _TABLES else "–"
        default = {"": "–", "None": "–", "{}": "–", "False": "off"}.get(
            str(field.default), f"`{field.default}`"
        )
        if isinstance(field.default, Contact):
            default = field.default.name.en
        rows += f"| `{field.name}` | {flag} | {variable} | {default} | {said[field.name]} |\n"
    table = "".join(f"| `{name}` | {about} |\n" for name, (about, _) in known.items())
    return _SETTINGS.format(
        generated=_GENERATED.format(source="consent/settings.py"), settings=rows, commands=table
    )


def _attribute_docstrings(file: Path, name: str) -> dict[str, str]:
    tree = ast.parse(file.read_text("utf-8"))
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found


def commands(
    parser: argparse.ArgumentParser | None = None, words: str = "consent"
) -> Iterator[tuple[str, tuple[str, argparse.ArgumentParser]]]:
    """All commands by their words, with their help and their parser."""
    for action in (parser or _parser())._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for word, below in action.choices.items():
                deeper = list(commands(below, f"{words} {word}"))
                yield from deeper or [(f"{words} {word}", (helps[word], below))]


# --- Errors ---

_ERRORS = """# Errors

{generated}
Every error says what to do next and repeats nothing of what was sent; a how-to walks through
[the ten most common ones](../how-to/when-the-answer-is-no.md). Which form it has depends on the address:

- `/oauth/…`: RFC 6749 §5.2, JSON with `error` and `error_description`.
- `/disclosures…`, `/uses`, `/grants/…`, `/signals/…`, `/demands…`, `/organisation/…`, `/operator/…` (without its
  pages), `/audit/…`, `/log…`: RFC 9457, `application/problem+json` with `status`, `code`, `title`, `detail` and `next`.
  A 401, and a 403 that a token causes, has a `WWW-Authenticate: DPoP`
  challenge (RFC 9449 §7.1). The refusal of a repeated disclosure also has the `entry` and `proof` of the old one,
  without values.
- Everything else is a page for people, in their language.

A service shows each code with what to do at an address of its own: `/errors#beyond_grant`.

## `code` of a problem

The list is closed. A program looks at `code`, never at the words.

| `code` | Status | Title | What to do |
|---|---|---|---|
{codes}
## `error` of the OAuth endpoints

| `error` | Status | Where it is defined |
|---|---|---|
{oauth}| `access_denied` | 403 | RFC 6749 §4.1.2.1, here for removing a client without a proof (RFC 7592 §2.3) |
| `temporarily_unavailable` | 429, 503 | RFC 6749 §4.1.2.1, here at every endpoint, with Retry-After |
| `server_error` | 500 | RFC 6749 §4.1.2.1 |

A citizen's no comes back to the organisation as `access_denied` on its redirect address (RFC 6749 §4.1.2.1).
"""


def errors_page() -> str:
    """`docs/reference/errors.md`."""
    codes = "".join(
        f"| `{code}` | {known.status} | {known.title} | {known.next} |\n" for code, known in CODES.items()
    )
    source = (ROOT / "consent" / "words" / "errors.py").read_text("utf-8")
    oauth = ""
    for name, code, where in re.findall(r'class (\w+)\(OAuthError\):\n    code = "(\w+)"  # (.+)', source):
        if where.startswith("RFC 6750"):
            continue  # said by the API
        status = 401 if issubclass(getattr(errors, name), errors.InvalidClient) else 400
        oauth += f"| `{code}` | {status} | {where} |\n"
    return _ERRORS.format(
        generated=_GENERATED.format(source="consent/web/errors.py"), codes=codes, oauth=oauth
    )


# --- Specifications ---

_SPECIFICATIONS = """# Specifications

{generated}
## What of OAuth is there

Three answers: *yes*, *in part* (the sentence says which), *no*. `tests/specifications.py` holds the sentences; a test
fails when a row has no line of code that cites it, or no test.

| Specification | There | What | Where it is obeyed, in `consent/` | A test that shows it |
|---|---|---|---|---|
{support}
## Paragraphs

Each paragraph that the code cites at the line that obeys it. Read the line to see how.

| Paragraph | Files in `consent/` |
|---|---|
{rows}"""

_TITLES = {
    "RFC 7521": "Assertions for client authentication",
    "RFC 8628": "Device authorization",
    "RFC 8705": "Mutual TLS",
    "RFC 8936": "Poll delivery of security event tokens",
    "RFC 9068": "JWT access tokens",
    "RFC 9470": "Step-up authentication",
    "CIBA": "Client-initiated backchannel authentication",
    "RFC 2104": "HMAC",
    "RFC 3986": "URI syntax",
    "RFC 3834": "Automatic mail",
    "RFC 4231": "Test vectors of HMAC",
    "RFC 4648": "Base64",
    "RFC 5869": "HKDF",
    "RFC 6052": "IPv4 addresses inside IPv6 ones",
    "RFC 6265bis": "Cookies",
    "RFC 6585": "429, too many requests",
    "RFC 6749": "OAuth 2.0",
    "RFC 6750": "Bearer tokens: error codes",
    "RFC 6962": "Certificate Transparency: the tree",
    "RFC 7009": "Token revocation",
    "RFC 7515": "JSON Web Signature",
    "RFC 7517": "JSON Web Key",
    "RFC 7518": "JSON Web Algorithms",
    "RFC 7519": "JSON Web Token",
    "RFC 7523": "private_key_jwt",
    "RFC 7591": "Client registration: the names of client settings",
    "RFC 7592": "Management of a registration",
    "RFC 7636": "PKCE",
    "RFC 7638": "Thumbprint of a key",
    "RFC 7662": "Token introspection",
    "RFC 7797": "Unencoded payload: refused",
    "RFC 8032": "Ed25519",
    "RFC 8037": "Ed25519 in JOSE",
    "RFC 8215": "IPv4 addresses inside IPv6 ones, local",
    "RFC 8252": "OAuth for native apps",
    "RFC 8314": "Mail is handed in over TLS",
    "RFC 8414": "Authorization server metadata",
    "RFC 8417": "Security event tokens",
    "RFC 8707": "Resource indicators",
    "RFC 8725": "JSON Web Token, best practice",
    "RFC 8785": "JSON canonicalisation",
    "RFC 8935": "Push delivery of security event tokens",
    "RFC 9101": "Signed authorization requests (JAR)",
    "RFC 9110": "HTTP semantics",
    "RFC 9112": "HTTP/1.1",
    "RFC 9126": "Pushed authorization requests",
    "RFC 9162": "Certificate Transparency 2: the proofs",
    "RFC 9207": "Issuer identification",
    "RFC 9396": "Rich authorization requests",
    "RFC 9449": "DPoP",
    "RFC 9457": "Problem details",
    "RFC 9493": "Subject identifiers for security event tokens",
    "RFC 9562": "Identifiers that sort by time",
    "RFC 9512": "Media type of YAML",
    "RFC 9700": "OAuth 2.0, best security practice",
    "RFC 9701": "Signed introspection answers",
    "RFC 9728": "Protected resource metadata",
    "RFC 9864": "Fully specified algorithms for JOSE",
    "FAPI 2.0": "FAPI 2.0 Security Profile, Final",
    "FAPI 2.0 Message Signing": "FAPI 2.0 Message Signing, Final",
    "JARM": "Signed authorization responses, Final",
    "Grant Management for OAuth 2.0": "OpenID, draft 03",
    "WebAuthn Level 3": "Web Authentication",
    "C2SP signed-note": "Signed notes",
    "C2SP tlog-checkpoint": "Checkpoints",
    "C2SP tlog-cosignature": "Cosignatures: of witnesses and of the log's second key",
    "C2SP tlog-policy": "Which keys and witnesses to trust",
    "C2SP tlog-proof": "Proofs that travel",
    "C2SP tlog-tiles": "Tiles and bundles",
    "C2SP tlog-witness": "Asking a witness for its signature",
    "DPV 2.2": "Data Privacy Vocabulary",
    "GDPR": "General Data Protection Regulation",
    "ISO/IEC TS 27560": "Consent record and receipt",
    "ISO 3166-1": "Country codes",
}
_CITED = re.compile(
    r"(RFC \d+(?:bis)?|FAPI 2\.0 Message Signing|FAPI 2\.0|JARM|WebAuthn Level \d|C2SP (?:tlog|signed)-[a-z]+"
    r"|Grant Management for OAuth 2\.0|DPV \d\.\d|GDPR|ISO/IEC TS \d+|ISO 3166-1)"
    r"((?:(?: \(?|, | and )(?:§|section |article )\d[\w.]*(?:\([\w]\))?(?:-\d+)?)*)"
)
_PARAGRAPH = re.compile(r"(?:§|section |article )(\d[\w.]*(?:\([\w]\))?(?:-\d+)?)")


def citations() -> dict[tuple[str, str], set[str]]:
    """Which files cite which paragraph of what; the paragraph is empty where only the whole is named."""
    cited: dict[tuple[str, str], set[str]] = {}
    house = ROOT / "consent"
    for file in sorted(house.rglob("*")):
        if file.suffix not in (".py", ".sql", ".js", ".html"):
            continue
        text = " ".join(file.read_text("utf-8").replace("#", " ").split())
        for name, paragraphs in _CITED.findall(text):
            for paragraph in _PARAGRAPH.findall(paragraphs) or [""]:
                cited.setdefault((name, paragraph.rstrip(".")), set()).add(str(file.relative_to(house)))
    return cited


def specifications_page() -> str:
    """`docs/reference/specifications.md`."""
    cited = citations()
    support = "".join(
        f"| {name} {_TITLES[name]} | {row.status} | {row.says} | {_files(_all(cited, name))} | "
        f"{_files({f'tests/{row.test}'} if row.test else set())} |\n"
        for name, row in SUPPORT.items()
    )
    rows, last = "", ""
    for name, paragraph in sorted(cited, key=_in_order):
        if name != last:
            rows += f"| **{name}** {_TITLES[name]} | {_files(cited.get((name, ''), set()))} |\n"
            last = name
        if paragraph:
            sign = "article " if name == "GDPR" else "§"
            rows += f"| {name} {sign}{paragraph} | {_files(cited[name, paragraph])} |\n"
    return _SPECIFICATIONS.format(generated=_GENERATED.format(source="consent/"), support=support, rows=rows)


def _all(cited: dict[tuple[str, str], set[str]], name: str) -> set[str]:
    return set().union(*(files for (other, _), files in cited.items() if other == name))


def _files(names: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _in_order(place: tuple[str, str]) -> tuple[object, ...]:
    numbers = [
        [int(part) if part.isdigit() else 0 for part in re.split(r"\D+", text) if part] for text in place
    ]
    return (list(_TITLES).index(place[0]), *numbers, place)


PAGES = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "specifications.md": specifications_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), "utf-8")
