"""Attributes as other rooms import them: what there is (`catalogue`), how a value is written (`values`)."""

from consent.words.catalogue import CATALOGUE, SOURCES, SPECIAL
from consent.words.values import (
    LIST_LIMIT,
    TEXT_LIMIT,
    About,
    Attribute,
    Kind,
    Source,
    Value,
    check_value,
    in_sentence,
    label_in_sentence,
    parse_value,
    show_value,
    value_bytes,
    value_from,
)

__all__ = [
    "CATALOGUE",
    "LIST_LIMIT",
    "SOURCES",
    "SPECIAL",
    "TEXT_LIMIT",
    "About",
    "Attribute",
    "Kind",
    "Source",
    "Value",
    "check_value",
    "in_sentence",
    "label_in_sentence",
    "parse_value",
    "show_value",
    "value_bytes",
    "value_from",
]
