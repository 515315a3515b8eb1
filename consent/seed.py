"""Reads the files in which an operator writes down who may ask, for what, and (for practice) invented people.

One strict reading: a key that we do not know, a purpose without English, a template that could print anything
else, a private key: each stops the start, with the place in the file and the rule, never with the value. The
format is explained in `docs/reference/seed.md`, the rules stand in `seed_rules.py`.
"""

import datetime
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from consent.seed_rules import (
    ClientEntry,
    HeldAttribute,
    OrganisationFile,
    Persona,
    Seed,
    check_organisation,
    checked_seed,
)
from consent.words.errors import Misconfigured
from consent.words.rules import BrokenRule

__all__ = [
    "SHIPPED",
    "ClientEntry",
    "HeldAttribute",
    "OrganisationFile",
    "Persona",
    "Seed",
    "read_organisation",
    "read_seed",
]

SHIPPED = Path(__file__).with_name("seed.toml")


def read_seed(path: Path = SHIPPED) -> Seed:
    """Read organisations and personas from a `.toml` or `.json` file. Raises Misconfigured."""
    raw = _load(path)
    for entry in _dicts(raw.get("organisations")):
        _fill_in(entry)
    with _Named(path):
        return checked_seed(_convert(raw, Seed))


def read_organisation(path: Path) -> OrganisationFile:
    """Read one organisation from a `.toml` or `.json` file. Raises Misconfigured."""
    raw = _load(path)
    _fill_in(raw)
    with _Named(path):
        file = _convert(raw, OrganisationFile)
        check_organisation(file)
        return file


class _Named:
    """Puts the file's name before the rule that a file breaks: then the service is misconfigured."""

    def __init__(self, path: Path) -> None:
        self._name = path.name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Misconfigured | BrokenRule):
            raise Misconfigured(f"{self._name}: {error}") from None


def _load(path: Path) -> dict[str, Any]:
    with _Named(path):
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            raise Misconfigured("the file cannot be read as UTF-8 text") from None
        try:
            if path.suffix == ".toml":
                raw = tomllib.loads(text)
            elif path.suffix == ".json":
                raw = msgspec.json.decode(text)
            else:
                raise Misconfigured("the name must end in .toml or .json")
        except (tomllib.TOMLDecodeError, msgspec.DecodeError, RecursionError) as error:
            where = re.search(r"line \d+, column \d+|byte \d+|end of document", str(error))
            raise Misconfigured(f"the file is not well-formed at {where[0] if where else '?'}") from None
        if not isinstance(raw, dict):
            raise Misconfigured("the file must hold one object")
    return raw


def _dicts(raw: object) -> Iterator[dict[str, Any]]:
    yield from (item for item in raw if isinstance(item, dict)) if isinstance(raw, list) else ()


def _fill_in(raw: dict[str, Any]) -> None:
    """A purpose belongs to the organisation it stands under, and has its contact unless it names another."""
    organisation = raw.get("organisation")
    if isinstance(organisation, dict):
        for purpose in _dicts(raw.get("purposes")):
            for key, source in (("organisation", "id"), ("contact", "contact")):
                if source in organisation:
                    purpose.setdefault(key, organisation[source])


_T = TypeVar("_T")


def _convert(raw: object, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(_plain(raw), kind)
    except msgspec.ValidationError as error:
        # msgspec can quote a key or a word of the file; these two sentences hold only our own names.
        rule, _, place = str(error).partition(" - at `$")
        if not rule.startswith(("Expected `", "Object missing required field `")):
            rule = (
                "a key that this format does not have"
                if "unknown field" in rule
                else "a word that is not allowed"
            )
        raise Misconfigured(f"{place.strip('.`') or 'the file'}: {rule}") from None


def _plain(raw: object) -> object:
    """TOML has dates of its own; inside we write them as text."""
    match raw:
        case dict():
            return {key: _plain(value) for key, value in raw.items()}
        case list():
            return [_plain(value) for value in raw]
        case datetime.date() if not isinstance(raw, datetime.datetime):
            return raw.isoformat()
        case _:
            return raw
