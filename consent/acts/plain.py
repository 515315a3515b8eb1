"""Whether a sentence for citizens is plain: short, and in words that people use. Pure: no I/O, no clock.

It is a smoke test and no proof; an operator still reads every sentence. Sources: the Dutch B1 checklists, which ask for
10 to 15 words a sentence.
"""

import re

import msgspec

from consent.words.purposes import LANGUAGES, Language

MOST_WORDS = 15

# Words of offices and of programs, with what people say. A star stands for any ending.
_HEAVY = {
    "nl": "wordt worden dient dienen middels inzake teneinde betreffende alsmede derhalve conform consent scope token "
    "attribu* authenticat* autoris* verifi* verwerk* toestemmingsbeheer regie",
    "en": "pursuant herein hereby thereof aforementioned utilise utilize consent scope token attribute* authenticat* "
    "authoris* authoriz* verif* processing",
}
HEAVY: dict[Language, tuple[str, ...]] = {language: tuple(_HEAVY[language].split()) for language in LANGUAGES}
_PATTERNS = {
    language: re.compile(r"\b(" + "|".join(w.replace("*", r"\w*") for w in words) + r")\b", re.IGNORECASE)
    for language, words in HEAVY.items()
}
_WORD = re.compile(r"[\w’'-]+")
_FIELD = re.compile(r"\{\w*\}")


class Heavy(msgspec.Struct, frozen=True):
    """What is not plain: a sentence of so many words, or a word."""

    kind: str  # "long" or "word"
    what: str


def heavy(text: str, language: Language) -> list[Heavy]:
    """What in *text* is hard to read; nothing when it is plain."""
    read = _FIELD.sub("Naam", text)
    found = [Heavy("word", word) for word in dict.fromkeys(_PATTERNS[language].findall(read.lower()))]
    for part in re.split(r"[.!?:]+(?:\s|$)", read):
        count = len(_WORD.findall(part))
        if count > MOST_WORDS:
            found.append(Heavy("long", str(count)))
    return found
