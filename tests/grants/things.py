"""Grants, purposes and requests for the tests of this room, in the words of the shipped seed."""

from functools import lru_cache
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from consent.grants.decide import Standing
from consent.grants.grant import Grant
from consent.grants.shown import Held
from consent.seed import read_seed
from consent.words.instants import DAY, SECOND
from consent.words.purposes import Organisation, Purpose

NOON = 1_900_000_800 * SECOND
NAMES = ("energy_supplier", "household_size", "income_below_threshold", "number_of_children")
ISSUER = "https://consent.example"


@lru_cache(maxsize=1)
def seeded() -> tuple[Organisation, Purpose]:
    """The municipality and its purpose, as the seed has them."""
    file = next(file for file in read_seed().organisations if file.organisation.id == "voorbeeldstad")
    return file.organisation, next(p for p in file.purposes if p.id == "energietoeslag")


def grant(**changes: Any) -> Grant:
    """A live grant, but for *changes*."""
    given = Grant(
        id="a" * 32, citizen="c" * 32, organisation="voorbeeldstad", client="loket", purpose="energietoeslag",
        purpose_version=1, attributes=NAMES[1:3], language="nl", terms="t" * 64, granted_at=NOON,
        expires_at=NOON + 90 * DAY, log="2030", index=7, nonce=bytes(16), last=7,
    )  # fmt: skip
    return replace(given, **changes)


def held(**values: Any) -> dict[str, Held]:
    """What a citizen holds."""
    return {
        name: Held(name=name, version=1, value=value, source="self", as_of="2030-01-01")
        for name, value in values.items()
    }


ALL_GOOD = Standing(organisation=True, client=True, purpose=True)
names = st.frozensets(st.sampled_from(NAMES))
standings = st.builds(Standing, organisation=st.booleans(), client=st.booleans(), purpose=st.booleans())
