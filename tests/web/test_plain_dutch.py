"""The Dutch that people read is plain: short sentences, short words, none that only officials use.

A smoke test: it finds what is certainly hard. Whether people understand a page only people can say.
"""

import re
import tomllib
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from consent.seed import SHIPPED
from consent.web.render import LOCALE
from consent.words.attributes import CATALOGUE

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
LONGEST = 15  # words a sentence
EASY = 70  # Flesch-Douma, 0 to 100

# Words that people with little time for letters stumble over, or that only we use.
FORBIDDEN = re.compile(
    r"\b(wordt|worden|dient|dienen|middels|inzake|teneinde|betreffende|consent|scope|token|attribu\w*|"
    r"authenticat\w*|autoris\w*|verifi\w*|verwerk\w*|toestemmingsbeheer|regie|passkeys?|vertrekk\w*)\b",
    re.IGNORECASE,
)
FAMILIAR = re.compile(r"\b(je|jij|jouw)\b")
_SOUND = re.compile(r"aai|ooi|oei|eeu|ieu|aa|ee|oo|uu|ie|oe|eu|ui|ij|ei|ai|au|ou|[aeiouyëïöüéèáó]")


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence; a placeholder counts as one word."""
    plain = PLACEHOLDER.sub("Naam", text)
    found = (re.findall(r"[^\W_]+(?:[’'-][^\W_]+)*", part) for part in re.split(r"[.!?:]+(?:\s|$)", plain))
    return [words for words in found if words]


def ease(texts: list[str]) -> float:
    """Flesch-Douma: 206.84 less 0.93 a word in a sentence, less 77 a syllable in a word."""
    spoken = [words for text in texts for words in sentences(text)]
    words = [word for sentence in spoken for word in sentence]
    sounds = sum(max(1, len(_SOUND.findall(word.lower()))) for word in words)
    return 206.84 - 0.93 * len(words) / len(spoken) - 77 * sounds / len(words)


def hard(text: str) -> str | None:
    """What is hard about *text*, or None."""
    if found := FORBIDDEN.search(PLACEHOLDER.sub("Naam", text)) or FAMILIAR.search(text):
        return f"{found.group()!r}: {text}"
    if any(len(words) > LONGEST for words in sentences(text)):
        return f"more than {LONGEST} words: {text}"
    return None


def catalogue() -> list[str]:
    """Every message of the pages and of the letters."""
    with (LOCALE / "nl" / "LC_MESSAGES" / "consent.po").open("rb") as file:
        messages = [message.string for message in read_po(file, locale="nl") if message.id]
    return [str(text) for one in messages for text in (one if isinstance(one, list | tuple) else [one])]


def labels() -> list[str]:
    """What the attributes are called."""
    return [text for one in CATALOGUE.values() for text in (one.label.nl, one.hint.nl) if text]


def seeded() -> list[str]:
    """What the organisations that come with the sandbox say."""
    found: list[str] = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            if set(value) == {"nl", "en"} and isinstance(value["nl"], str):
                found.append(value["nl"])
            for one in value.values():
                look(one)
        elif isinstance(value, list):
            for one in value:
                look(one)

    look(tomllib.loads(Path(SHIPPED).read_text("utf-8")))
    return found


@pytest.mark.parametrize("source", [catalogue, labels, seeded], ids=["pages", "labels", "purposes"])
def test_nothing_that_people_read_is_hard(source) -> None:  # type: ignore[no-untyped-def]
    texts = source()
    assert len(texts) > 25
    assert [said for text in texts if (said := hard(text))] == []


def test_the_pages_read_easily() -> None:
    texts = [text for text in catalogue() if len(sentences(text)) and len(text.split()) > 2]
    words = [words for text in texts for words in sentences(text)]
    print(f"{len(texts)} messages, {len(words)} sentences, ease {ease(texts):.1f}")
    assert len(words) > 400
    assert sum(map(len, words)) / len(words) < 8
    assert ease(texts) >= EASY


def test_this_check_can_fail() -> None:
    official = (
        "Ingevolge de toepasselijke regelgeving inzake gegevensbescherming geschiedt gegevensverstrekking uitsluitend "
        "na voorafgaande ondubbelzinnige instemming van de betrokkene middels een daartoe strekkende verklaring."
    )
    assert ease([official]) < 20
    assert "inzake" in (hard(official) or "")
    assert hard("Dit wordt bewaard.")
    assert hard("Wil je dit?")
    assert hard(" ".join(["woord"] * 16)) == f"more than 15 words: {' '.join(['woord'] * 16)}"
    assert hard("U kunt altijd stoppen. Wij delen niets totdat u kiest.") is None
