"""Say what is unusual about a question, by rules that anybody can read: from what she is shown and nothing else.

Pure, like a rule of the floors below: no rows, no clock. A rule names what it saw by a code; the page has the sentence.
Advice never stops her, and it is never about her: two people with the same question read the same.
"""

from typing import Literal

import msgspec

from consent.grants.shown import Shown, ShownItem

# Whole questions: longer than a year, kept past seven years (what Dutch tax law asks of books), out of reach of the
# GDPR, a machine that decides on special data (GDPR article 22(4)), looks more than once an hour.
Oddity = Literal["long", "kept", "abroad", "machine", "often"]
# One item: delicate and not even needed; delicate on a ground that article 9(2) does not know; exact where less is
# asked as well.
OddItem = Literal["spare", "ground", "exact"]

YEAR_DAYS = 366
KEPT_DAYS = 7 * YEAR_DAYS
MOST_LOOKS = 24
GDPR_COUNTRIES = frozenset((
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
))  # fmt: skip
NO_GROUND_FOR_SPECIAL = frozenset({"contract", "legitimate_interests"})
# What is exact, and the little thing that often says enough.
LESSER = {
    "birth_date": "over_18",
    "children_first_names": "number_of_children",
    "partner_birth_date": "has_partner",
    "partner_name": "has_partner",
    "yearly_income": "income_below_threshold",
}


class Odd(msgspec.Struct, frozen=True):
    """What is unusual about one item; `instead` is the label of what often says enough, for "exact"."""

    code: OddItem
    instead: str | None = None


class Advice(msgspec.Struct, frozen=True):
    """What is unusual, about the whole question and about items by their names. Empty: nothing is."""

    whole: tuple[Oddity, ...]
    items: dict[str, tuple[Odd, ...]]


def advise(shown: Shown) -> Advice:
    """What is unusual about this question."""
    has_special = any(item.special for item in shown.items)
    found: list[tuple[Oddity, bool]] = [
        ("long", shown.duration_days > YEAR_DAYS),
        ("kept", shown.data_life_days > KEPT_DAYS),
        ("abroad", not GDPR_COUNTRIES.issuperset(shown.storage_places)),
        ("machine", has_special and shown.purpose.automated_decision),
        ("often", shown.frequency_per_day > MOST_LOOKS),
    ]
    items = {item.name: odd for item in shown.items if (odd := _about(item, shown))}
    return Advice(whole=tuple(code for code, is_so in found if is_so), items=items)


def _about(item: ShownItem, shown: Shown) -> tuple[Odd, ...]:
    labels = {other.name: other.label for other in shown.items}
    instead = labels.get(LESSER.get(item.name, ""))
    odd = []
    if item.special and not item.required:
        odd.append(Odd("spare"))
    if item.special and shown.purpose.legal_basis in NO_GROUND_FOR_SPECIAL:
        odd.append(Odd("ground"))
    if instead is not None:
        odd.append(Odd("exact", instead))
    return tuple(odd)
