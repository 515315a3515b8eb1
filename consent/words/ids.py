"""Names that carry no meaning: 128 random bits (a disclosure's also say when), safe to print in any log.

An id says nothing about a person. Whoever needs chance brings it: rooms below the acts are pure.
"""

import re

RANDOM_BYTES = 16

SLUG = r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?"

_ID = re.compile(r"[0-9a-f]{32}")
_SLUG = re.compile(SLUG)


def id_from(chance: bytes) -> str:
    """Make an id from 16 random bytes: 32 lowercase hexadecimal digits. Raises ValueError on another length."""
    if len(chance) != RANDOM_BYTES:
        raise ValueError("an id is made of 16 random bytes")
    return chance.hex()


def id_in_time(at: int, chance: bytes) -> str:
    """Make an id that sorts by when it was made (*at*: microseconds), from 10 random bytes; as RFC 9562 §5.7 does.

    For rows of which there are very many: an index of such ids grows at its end, one of random ids in all its pages.
    Raises ValueError on another length.
    """
    if len(chance) != RANDOM_BYTES - 6:
        raise ValueError("an id in time is made of 10 random bytes")
    return (at // 1000).to_bytes(6, "big").hex() + chance.hex()


def is_id(text: str) -> bool:
    """Answer whether *text* has the form of an id. An id that does not exist has it too."""
    return _ID.fullmatch(text) is not None


def is_slug(text: str) -> bool:
    """Answer whether *text* is a readable name (organisation, client, purpose): a-z, 0-9, hyphen, up to 64."""
    return _SLUG.fullmatch(text) is not None
