"""What an operator reads before she decides is in words: no field of what was submitted keeps its name from JSON."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from consent.acts.weigh import Row
from consent.oauth.clients import ClientSettings
from consent.oauth.registration import ClientMetadata, registered
from consent.web import render
from consent.web.field_names import FIELDS, PIECES
from consent.words.purposes import (
    AskedAttribute,
    Contact,
    Language,
    Organisation,
    Purpose,
    Registration,
    Text,
)


def names(*kinds: Any) -> Iterator[str]:
    for kind in kinds:
        yield from (field.name for field in msgspec.structs.fields(kind))


def test_every_field_and_every_piece_has_words() -> None:
    shown = registered(ClientMetadata(client_name="Loket", redirect_uris=("https://loket.example/",)))
    first = {*names(Purpose, Organisation, ClientMetadata, ClientSettings), *shown}
    assert first == set(FIELDS)
    then = set(names(Text, Contact, Registration, AskedAttribute, ClientSettings))
    assert then <= set(PIECES)
    for words in PIECES.values():
        assert render._catalogues["nl"].gettext(words).strip()


@pytest.mark.parametrize(
    ("name", "part", "language", "words"),
    [
        ("maximum_days", "", "nl", "Hoeveel dagen zij mogen kijken, op zijn hoogst"),
        ("title", "nl", "nl", "Waarvoor, in het Nederlands"),
        (
            "attributes",
            "household_size reason en",
            "en",
            "What they ask for, number of people at home, why they",
        ),
        ("contact", "phone", "en", "Whom people can turn to, telephone"),
        # A name that the organisation chose itself is its own, and never taken for a field.
        (
            "because",
            "version nl",
            "nl",
            '<span class="consent-number" lang="en">version</span>, in het Neder',
        ),
        ("jwks", "keys 1 kty", "en", 'Keys, keys, <span class="consent-number" lang="en">1</span>, <span'),
        (
            "new_thing",
            "<b>",
            "en",
            '<span class="consent-number" lang="en">new thing</span>, <span class="consen',
        ),
    ],
)
def test_a_row_says_which_piece_it_is_about(name: str, part: str, language: Language, words: str) -> None:
    source = '{% from "_operator.html" import field with context %}{{ field(row) }}'
    before = render._language.set(language)
    try:
        row = Row(name, part, None, None)
        page = render._environment.from_string(source)
        said = page.render(row=row, fields=FIELDS, pieces=PIECES, language=language)
    finally:
        render._language.reset(before)
    assert words in said
    assert "<b>" not in said
