"""The seed reads, says only what citizens can understand, and every rule about it can say no."""

import copy
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey

from consent.seed import SHIPPED, OrganisationFile, read_organisation, read_seed
from consent.seed_rules import checked_seed
from consent.words.attributes import CATALOGUE
from consent.words.errors import Misconfigured
from consent.words.purposes import Text
from consent.words.rules import BrokenRule

_DOCS = Path(__file__).parents[1] / "docs" / "reference" / "seed.md"
_EXAMPLES = re.findall(r"```toml\n(.*?)```", _DOCS.read_text(encoding="utf-8"), re.DOTALL)
_EXAMPLE_IDS = {"organisation": "voorbeeldbieb", "client": "voorbeeldbieb-app", "purpose": "jeugdkaart"}
_SECRET = "geheim-4711"  # planted where a rule is broken; no message may repeat it


@pytest.fixture
def organisation() -> dict[str, Any]:
    """The example of the documentation, as plain data."""
    return tomllib.loads(_EXAMPLES[0])


def written(tmp_path: Path, content: object, name: str = "file.json") -> Path:
    path = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content, default=str)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(read: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(Misconfigured) as refused:
        read(path)
    assert _SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    return str(refused.value)


def put(content: Any, place: str, value: object) -> None:
    """Set *value* at a place such as `purposes.0.title.nl`; "!" removes what stands there."""
    *steps, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    for step in steps:
        content = content[step]
    if value == "!":
        del content[last]
    else:
        content[last] = value


# --- the examples and the shipped seed ---------------------------------------------------------------------


def test_the_examples_of_the_documentation_read(tmp_path: Path) -> None:
    file = read_organisation(written(tmp_path, _EXAMPLES[0], "example.toml"))
    assert file.purposes[0].reference == "jeugdkaart@1"
    assert file.purposes[0].organisation == file.organisation.id
    assert file.purposes[0].contact == file.organisation.contact
    seed = read_seed(written(tmp_path, _EXAMPLES[1], "seed.toml"))
    assert [a.value for a in seed.personas[0].attributes] == ["1999-01-31", 18400, 1]


def test_toml_and_json_say_the_same(tmp_path: Path, organisation: dict[str, Any]) -> None:
    as_toml = read_organisation(written(tmp_path, _EXAMPLES[0], "example.toml"))
    assert read_organisation(written(tmp_path, organisation)) == as_toml


def test_every_key_of_the_format_is_on_the_page() -> None:
    page = _DOCS.read_text(encoding="utf-8")
    seen: set[type] = set()

    def names(kind: Any) -> Iterator[str]:
        info = msgspec.inspect.type_info(kind)
        if isinstance(info, msgspec.inspect.StructType) and kind not in seen:
            seen.add(kind)
            for field in info.fields:
                yield field.encode_name
                for part in (
                    field.type,
                    *getattr(field.type, "types", ()),
                    getattr(field.type, "item_type", None),
                ):
                    if isinstance(part, msgspec.inspect.StructType):
                        yield from names(part.cls)

    missing = [
        name for name in names(OrganisationFile) if f"`{name}`" not in page and name not in ("nl", "en")
    ]
    assert missing == []


def test_the_shipped_seed_reads() -> None:
    seed = read_seed()
    assert [file.organisation.id for file in seed.organisations] == [
        "voorbeeldstad",
        "voorbeeldhuis",
        "voorbeeld-energie",
        "voorbeeldregister",
    ]
    assert [persona.id for persona in seed.personas] == [
        "amal",
        "sanne",
        "daan",
        "riet",
        "els",
        "fenna",
        "joris",
        "wil",
    ]
    for file in seed.organisations:
        assert file.clients
        assert all(client.jwks is None for client in file.clients)  # a shipped key would be everybody's key
        assert all(client.redirect_uris == ("http://127.0.0.1/callback",) for client in file.clients)
        assert all(1 <= len(purpose.because) <= 2 for purpose in file.purposes)
    # Whoever is there to practise a role keeps nothing of her own.
    assert all(10 <= len(one.attributes) <= 16 for one in seed.personas if not one.roles + one.helps)
    assert [one.roles[0].role for one in seed.personas if one.roles] == ["owner", "clerk", "operator"]
    assert not any(one.attributes for one in seed.personas if one.roles + one.helps)


def test_the_story_of_the_demonstration_has_two_needed_and_two_free_items_that_the_parent_holds() -> None:
    seed = read_seed()
    purpose = next(p for f in seed.organisations for p in f.purposes if p.id == "energietoeslag")
    assert [a.required for a in purpose.attributes] == [True, True, False, False]
    parent = next(p for p in seed.personas if p.id == "sanne")
    assert {a.name for a in purpose.attributes} <= {a.name for a in parent.attributes}


def test_each_purpose_can_be_answered_by_somebody_in_the_seed() -> None:
    seed = read_seed()
    for purpose in (p for f in seed.organisations for p in f.purposes):
        assert any(purpose.required <= {a.name for a in persona.attributes} for persona in seed.personas)


def test_nobody_in_the_seed_can_be_real() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert set(re.findall(r"https://(?:[a-z-]+\.)*([a-z]+\.[a-z]+)", text)) == {"example.org"}
    assert set(re.findall(r"@(?:[a-z-]+\.)*([a-z]+\.[a-z]+)", text)) == {"example.org"}
    for persona in (one for one in read_seed().personas if not one.roles + one.helps):
        held = {a.name: str(a.value) for a in persona.attributes}
        assert held["bsn"].startswith("9990")
        assert held["postcode"].startswith("0000 ")
        assert "Voorbeeld" in held["full_name"]
    assert all(re.search("0{6}", number) for number in re.findall(r'(?:phone|number) = "([^"]*)"', text))


# --- what citizens read ------------------------------------------------------------------------------------

_NOT_PLAIN = re.compile(
    r"\b(consent|toestemming\w*|regie|verwerk\w*|betreffende|teneinde|indien|middels|conform|derhalve|alsmede|"
    r"aangaande|dient|jegens|data|attribu\w*|applicatie|optimaliser\w*|faciliter\w*|je|jij|jouw)\b",
    re.IGNORECASE,
)


def texts(words: object, place: str = "") -> Iterator[tuple[str, Text]]:
    match words:
        case Text():
            yield place, words
        case msgspec.Struct():
            for field in words.__struct_fields__:
                yield from texts(getattr(words, field), f"{place}.{field}")
        case tuple():
            for n, part in enumerate(words):
                yield from texts(part, f"{place}.{n}")
        case dict():
            for name, part in words.items():
                yield from texts(part, f"{place}.{name}")


def complaints(dutch: str) -> list[str]:
    dutch = re.sub(r"\{\w+\}", "…", dutch)  # what is filled in is not a word of ours
    sentences = [part for part in re.split(r"(?<=[.?!])\s+", dutch) if part]
    return [f"{len(s.split())} words" for s in sentences if len(s.split()) > 15] + _NOT_PLAIN.findall(dutch)


def test_every_dutch_sentence_is_short_and_plain() -> None:
    found = list(texts(read_seed()))
    assert len(found) > 70
    assert {place: complaints(text.nl) for place, text in found if complaints(text.nl)} == {}
    catalogue = [(a.name, t) for a in CATALOGUE.values() for t in (a.label, a.hint)]
    assert {name: complaints(text.nl) for name, text in catalogue if complaints(text.nl)} == {}


def test_the_gate_stops_long_sentences_and_office_words() -> None:
    assert complaints(
        "een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien."
    )
    assert complaints("Wij verwerken dit teneinde u te helpen.") == ["verwerken", "teneinde"]
    assert complaints("Kort. En goed.") == []


def test_what_continues_a_sentence_starts_small_and_the_rest_are_sentences() -> None:
    for purpose in (p for f in read_seed().organisations for p in f.purposes):
        for text in (purpose.title, purpose.consequence_of_no):
            for words in (text.nl, text.en):
                assert words[0].islower() or words.startswith("Voorbeeld")
                assert words[-1] not in ".!?"
        whole = [
            purpose.why,
            purpose.other_way,
            *purpose.because.values(),
            *(a.reason for a in purpose.attributes),
        ]
        for text in whole:
            for words in (text.nl, text.en):
                assert words[0].isupper()
                assert words.endswith(".")


# --- what stops the start ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("organisation.id", f"{_SECRET}!", "organisation.id: a-z"),
        ("organisation.website", f"http://{_SECRET}.example.org", "organisation.website: an https"),
        (
            "organisation.registration.checked_on",
            "2026-02-30",
            "organisation.registration.checked_on: a date that",
        ),
        ("organisation.registration.checked_on", _SECRET, "organisation.registration.checked_on: a date as"),
        ("organisation.contact.url", f"javascript:{_SECRET}", "organisation.contact.url: an https"),
        ("organisation.contact.name.en", " ", "organisation.contact.name.en: the text is empty"),
        ("organisation.name", f"{_SECRET}\u0007", "organisation.name: no control characters"),
        (_SECRET, 1, "the file: a key"),
        (f"purposes.0.{_SECRET}", 1, "purposes[0]: a key"),
        ("clients.0.id", f"{_SECRET} ", "clients[0].id: a-z"),
        ("clients.0.name", "", "clients[0].name: the text is empty"),
        ("clients.0.redirect_uris", [], "clients[0].redirect_uris: at least one"),
        ("clients.0.redirect_uris.0", f"http://{_SECRET}.example.org/", "clients[0].redirect_uris[0]: https"),
        (
            "clients.0.redirect_uris.0",
            f"https://{_SECRET}@example.org/",
            "clients[0].redirect_uris[0]: https",
        ),
        (
            "clients.0.redirect_uris.0",
            f"https://example.org/#{_SECRET}",
            "clients[0].redirect_uris[0]: https",
        ),
        (
            "clients.0.settings",
            {"jwks_uri": f"http://{_SECRET}.example/"},
            "clients[0].settings: jwks_uri is an https",
        ),
        ("clients.0.settings", {_SECRET: True}, "clients[0].settings: a key that this format does not have"),
        (
            "clients.0.settings",
            {"dpop_nonce_required": _SECRET},
            "clients[0].settings.dpop_nonce_required: Exp",
        ),
        (
            "clients.0.settings",
            {"authorization_signed_response_alg": _SECRET},
            "clients[0].settings.authorization_signed_response_alg: a word that is not allowed",
        ),
        ("clients.0.jwks", {"keys": []}, "clients[0].jwks: public keys only"),
        ("clients.0.jwks", {"keys": [{"kty": "oct", "k": _SECRET}]}, "clients[0].jwks: public keys only"),
        ("purposes.0.id", f"{_SECRET}/", "purposes[0].id: a-z"),
        ("purposes.0.version", 0, "purposes[0].version: a whole number from 1"),
        ("purposes.0.version", "1", "purposes[0].version: Expected `int`"),
        ("purposes.0.maximum_days", 0, "purposes[0].maximum_days: a whole number from 1"),
        ("purposes.0.data_life_days", 0, "purposes[0].data_life_days: a whole number from 1"),
        ("purposes.0.frequency_per_day", 0, "purposes[0].frequency_per_day: a whole number from 1"),
        ("purposes.0.organisation", _SECRET, "purposes[0].organisation: the organisation it stands under"),
        ("purposes.0.legal_basis", _SECRET, "purposes[0].legal_basis: a word that is not allowed"),
        ("purposes.0.allowed_by_law", True, "purposes[0].allowed_by_law: only with"),
        ("purposes.0.title", "!", "purposes[0]: Object missing required field `title`"),
        ("purposes.0.title.en", "!", "purposes[0].title: Object missing required field `en`"),
        ("purposes.0.title.en", "", "purposes[0].title.en: the text is empty"),
        ("purposes.0.attributes", [], "purposes[0].attributes: at least one"),
        ("purposes.0.attributes.0.name", _SECRET, "purposes[0].attributes[0].name: not in the catalogue"),
        ("purposes.0.attributes.0.name", "bsn", "purposes[0].attributes[0].name: only with"),
        ("purposes.0.attributes.0.reason.nl", "", "purposes[0].attributes[0].reason.nl: the text is empty"),
        ("purposes.0.storage_places", [_SECRET], "purposes[0].storage_places[0]: a country"),
        ("purposes.0.because.card.en", "", "purposes[0].because.card.en: the text is empty"),
        ("purposes.0.because.card.en", f"{{attributes}} {{{_SECRET}}}", "purposes[0].because.card.en: only"),
        (
            "purposes.0.because.card.en",
            "{attributes} {organisation.__class__}",
            "purposes[0].because.card.en: only",
        ),
        ("purposes.0.because.card.en", "{attributes} {date!r}", "purposes[0].because.card.en: only"),
        ("purposes.0.because.card.en", "{attributes:{date}}", "purposes[0].because.card.en: only"),
        ("purposes.0.because.card.en", "{attributes} {}", "purposes[0].because.card.en: only"),
        ("purposes.0.because.card.en", f"{{attributes}} {{{_SECRET}", "purposes[0].because.card.en: braces"),
        ("purposes.0.because.card.nl", f"Omdat {_SECRET}.", "purposes[0].because.card.nl: {attributes} must"),
        (f"purposes.0.because.{_SECRET} !", {"nl": "a", "en": "b"}, "purposes[0].because: each name"),
    ],
)
def test_a_broken_rule_stops_the_start_and_names_its_place(
    tmp_path: Path, organisation: dict[str, Any], place: str, value: object, message: str
) -> None:
    put(organisation, place, value)
    assert refusal(read_organisation, written(tmp_path, organisation)).startswith(f"file.json: {message}")


def test_the_bsn_may_be_asked_where_a_law_says_so(tmp_path: Path, organisation: dict[str, Any]) -> None:
    put(organisation, "purposes.0.attributes.0.name", "bsn")
    for basis in ("legal_obligation", "public_task"):
        put(organisation, "purposes.0.legal_basis", basis)
        assert read_organisation(written(tmp_path, organisation)).purposes[0].required == {"bsn"}
    for basis in ("consent", "contract", "vital_interests", "legitimate_interests"):
        put(organisation, "purposes.0.legal_basis", basis)
        refusal(read_organisation, written(tmp_path, organisation))


def test_a_public_key_is_welcome_and_its_private_half_is_not(
    tmp_path: Path, organisation: dict[str, Any]
) -> None:
    key = ECKey.generate_key("P-256")
    put(organisation, "clients.0.jwks", {"keys": [key.as_dict(private=False) | {"kid": "a"}]})
    assert read_organisation(written(tmp_path, organisation)).clients[0].jwks is not None
    put(organisation, "clients.0.jwks", {"keys": [key.as_dict(private=True) | {"kid": "a"}]})
    assert "clients[0].jwks: public keys only" in refusal(read_organisation, written(tmp_path, organisation))


@pytest.mark.parametrize("part", ["clients", "purposes", "purposes.0.attributes"])
def test_nothing_stands_twice_in_an_organisation(
    tmp_path: Path, organisation: dict[str, Any], part: str
) -> None:
    content: Any = organisation
    for step in part.split("."):
        content = content[int(step) if step.isdigit() else step]
    content.append(copy.deepcopy(content[0]))
    assert refusal(read_organisation, written(tmp_path, organisation)).endswith("one stands twice")


def test_a_new_version_of_a_purpose_may_stand_beside_the_old_one(
    tmp_path: Path, organisation: dict[str, Any]
) -> None:
    organisation["purposes"].append(organisation["purposes"][0] | {"version": 2})
    file = read_organisation(written(tmp_path, organisation))
    assert [purpose.reference for purpose in file.purposes] == ["jeugdkaart@1", "jeugdkaart@2"]


@pytest.mark.parametrize("left", ["organisation", "client", "purpose"])
def test_two_organisations_share_no_id(tmp_path: Path, organisation: dict[str, Any], left: str) -> None:
    other = copy.deepcopy(organisation)
    places = {"organisation": "organisation.id", "client": "clients.0.id", "purpose": "purposes.0.id"}
    for name, place in places.items():
        put(other, place, "twee" if name != left else _EXAMPLE_IDS[name])
    seed = {"organisations": [organisation, other]}
    assert f"file.json: {left}s: one stands twice" == refusal(read_seed, written(tmp_path, seed))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("id", f"{_SECRET}?", "personas[0].id: a-z"),
        ("label.nl", "", "personas[0].label.nl: the text is empty"),
        ("attributes.0.name", _SECRET, "personas[0].attributes[0].name: not in the catalogue"),
        ("attributes.0.source", "income", "personas[0].attributes[0].source: where it comes from"),
        ("attributes.0.source", _SECRET, "personas[0].attributes[0].source: a word that is not allowed"),
        ("attributes.0.as_of", "20261101", "personas[0].attributes[0].as_of: a date as"),
        ("attributes.0.value", _SECRET, "personas[0].attributes[0].value: birth_date: write a date"),
        (
            "attributes.1.value",
            f"{_SECRET} euro",
            "personas[0].attributes[1].value: yearly_income: write an amount",
        ),
        ("attributes.1.value", 1.5, "personas[0].attributes[1].value: Expected `"),
        (
            "attributes.2.value",
            True,
            "personas[0].attributes[2].value: household_size: the value is not of kind",
        ),
    ],
)
def test_a_persona_obeys_the_catalogue(tmp_path: Path, place: str, value: object, message: str) -> None:
    seed = tomllib.loads(_EXAMPLES[1])
    put(seed["personas"][0], place, value)
    assert refusal(read_seed, written(tmp_path, seed)).startswith(f"file.json: {message}")


def test_no_persona_and_no_attribute_stands_twice(tmp_path: Path) -> None:
    seed = tomllib.loads(_EXAMPLES[1])
    seed["personas"].append(copy.deepcopy(seed["personas"][0]))
    assert refusal(read_seed, written(tmp_path, seed)) == "file.json: personas: one stands twice"
    seed["personas"].pop()
    seed["personas"][0]["attributes"] *= 2
    assert (
        refusal(read_seed, written(tmp_path, seed)) == "file.json: personas[0].attributes: one stands twice"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("file.toml", f'a = "{_SECRET}', "the file is not well-formed at"),
        ("file.toml", f"{_SECRET} = 1\n{_SECRET} = 2", "the file is not well-formed at"),
        ("file.json", f'{{"{_SECRET}": ', "the file is not well-formed at"),
        ("file.json", "[" * 100_000, "the file is not well-formed at"),
        ("file.json", f'["{_SECRET}"]', "the file must hold one object"),
        ("file.json", f'{{"organisation": "{_SECRET}"}}', "organisation: Expected `object`"),
        ("file.json", f'{{"organisations": "{_SECRET}"}}', "the file: a key"),
        ("file.yaml", "a: 1", "the name must end in"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    assert refusal(read_organisation, written(tmp_path, content, name)).startswith(f"{name}: {message}")


def test_a_missing_file_or_other_bytes_are_named(tmp_path: Path) -> None:
    assert refusal(read_seed, tmp_path / "none.toml") == "none.toml: the file cannot be read as UTF-8 text"
    (tmp_path / "latin.toml").write_bytes(b'a = "\xe9"')
    assert refusal(read_seed, tmp_path / "latin.toml") == "latin.toml: the file cannot be read as UTF-8 text"


def test_a_persona_helps_only_one_that_is_there_before_her() -> None:
    (els,) = [one for one in read_seed().personas if one.helps]
    assert (els.id, els.helps[0].citizen) == ("els", "riet")
    seed = msgspec.structs.replace(read_seed(), personas=(els,))
    with pytest.raises(BrokenRule, match=r"personas\[0\]\.helps: a persona that stands before"):
        checked_seed(seed)
