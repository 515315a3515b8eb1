"""What a citizen sees when she is asked, as one structure: the page is a rendering of it, nothing else.

Shown = stored = token = receipt = disclosed. The page carries a keyed hash of this structure; her answer is only
taken when the same structure, built anew, still has that hash. So nobody agrees to a page that changed meanwhile.
"""

import hashlib
import hmac
import re

import msgspec

from consent.words.attributes import CATALOGUE, SOURCES, Value, show_value
from consent.words.canonical import canonical, length_prefixed
from consent.words.keyed import tag
from consent.words.purposes import Contact, Language, Organisation, Purpose

from .grant import Grant
from .request import Asked, until


class ShownContact(msgspec.Struct, frozen=True, kw_only=True):
    """A human to turn to, in the page's language."""

    name: str
    phone: str | None
    hours: str | None
    email: str | None
    url: str | None
    address: str | None


class ShownOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and how the operator knows."""

    id: str
    name: str
    website: str
    register: str
    number: str
    checked_on: str


class ShownPurpose(msgspec.Struct, frozen=True, kw_only=True):
    """What for, in the page's language."""

    id: str
    version: int
    title: str
    why: str
    consequence_of_no: str
    other_way: str
    legal_basis: str
    allowed_by_law: bool
    automated_decision: bool


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A value that the citizen has now: opened for her own eyes."""

    name: str
    version: int
    value: Value
    source: str
    as_of: str


class ShownItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the request: her own value, why it is asked, and whether it is needed."""

    name: str
    label: str
    value: str | None
    version: int | None
    required: bool
    reason: str
    special: bool
    about: str
    source: str | None
    as_of: str | None


class ShownChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a yes would change of a grant that runs. `until` is its end as it is now, in microseconds."""

    grant: str
    until: int
    new: tuple[str, ...]  # names that she does not share yet
    stays: tuple[str, ...]  # names that she shares now
    goes: tuple[str, ...]  # labels of what she shares now and they ask no longer
    new_words: bool  # the purpose has a later version than the one she agreed to
    only_end: bool  # nothing else would change


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page. `until` is microseconds; everything that she reads about the request is in here."""

    request: str
    language: Language
    organisation: ShownOrganisation
    verified: bool
    purpose: ShownPurpose
    items: tuple[ShownItem, ...]
    until: int
    duration_days: int
    data_life_days: int
    frequency_per_day: int
    recipients: tuple[str, ...]
    storage_places: tuple[str, ...]
    contact: ShownContact
    change: ShownChange | None = None  # None: a new grant


def show(
    *,
    request: str,
    asked: Asked,
    asked_at: int,
    purpose: Purpose,
    organisation: Organisation,
    verified: bool,
    held: dict[str, Held],
    language: Language,
    running: Grant | None = None,
) -> Shown:
    """Build what the page shows. The end date counts from when the organisation asked, so it stands still.

    *running* is the grant that the request wants to change, if it wants to change one.
    """
    items = []
    for asked_attribute in sorted(purpose.attributes, key=lambda a: not a.required):
        if asked_attribute.name not in asked.attributes:
            continue
        attribute = CATALOGUE[asked_attribute.name]
        value = held.get(attribute.name)
        items.append(
            ShownItem(
                name=attribute.name,
                label=attribute.label.in_language(language),
                value=show_value(attribute, value.value, language) if value else None,
                version=value.version if value else None,
                required=asked_attribute.required,
                reason=asked_attribute.reason.in_language(language),
                special=attribute.special,
                about=attribute.about,
                source=SOURCES[value.source].in_language(language) if value else None,
                as_of=value.as_of if value else None,
            )
        )
    return Shown(
        request=request,
        language=language,
        organisation=shown_organisation(organisation),
        verified=verified,
        purpose=ShownPurpose(
            id=purpose.id,
            version=purpose.version,
            title=purpose.title.in_language(language),
            why=purpose.why.in_language(language),
            consequence_of_no=purpose.consequence_of_no.in_language(language),
            other_way=purpose.other_way.in_language(language),
            legal_basis=purpose.legal_basis,
            allowed_by_law=purpose.allowed_by_law,
            automated_decision=purpose.automated_decision,
        ),
        items=tuple(items),
        until=until(asked, at=asked_at),
        duration_days=asked.duration_days,
        data_life_days=purpose.data_life_days,
        frequency_per_day=purpose.frequency_per_day,
        recipients=tuple(r.in_language(language) for r in purpose.recipients),
        storage_places=purpose.storage_places,
        contact=shown_contact(purpose.contact, language),
        change=_change(asked, running, language) if running is not None else None,
    )


def _change(asked: Asked, running: Grant, language: Language) -> ShownChange:
    shared, wanted = set(running.attributes), set(asked.attributes)
    new_words = asked.purpose_version != running.purpose_version
    return ShownChange(
        grant=running.id,
        until=running.expires_at,
        new=tuple(sorted(wanted - shared)),
        stays=tuple(sorted(wanted & shared)),
        goes=tuple(CATALOGUE[name].label.in_language(language) for name in sorted(shared - wanted)),
        new_words=new_words,
        only_end=wanted == shared and not new_words,
    )


def shown_organisation(organisation: Organisation) -> ShownOrganisation:
    """Who this is, as every page says it."""
    return ShownOrganisation(
        id=organisation.id,
        name=organisation.name,
        website=organisation.website,
        register=organisation.registration.register,
        number=organisation.registration.number,
        checked_on=organisation.registration.checked_on,
    )


def shown_contact(contact: Contact, language: Language) -> ShownContact:
    """A human, as every page names her."""
    return ShownContact(
        name=contact.name.in_language(language),
        phone=contact.phone,
        hours=contact.hours.in_language(language) if contact.hours else None,
        email=contact.email,
        url=contact.url,
        address=contact.address,
    )


def page_bytes(shown: Shown) -> bytes:
    """The filled-in page as canonical bytes. They hold values: only a keyed hash of them is ever kept."""
    return canonical(shown)


def page_seal(shown: Shown, *, key: bytes) -> str:
    """The keyed hash (HMAC-SHA-256, hex) that the form carries and that her answer must still match."""
    return tag(key, page_bytes(shown)).hex()


def keep_ticks(shown: Shown, chosen: frozenset[str], *, key: bytes) -> str:
    """What she ticked on this page, to find it again after another sign-in; nobody else can make it."""
    bits = sum(1 << place for place, item in enumerate(shown.items) if item.name in chosen)
    return f"{bits:x}.{tag(key, canonical(('ticked', page_seal(shown, key=key), bits))).hex()[:32]}"


def kept_ticks(shown: Shown, kept: str, *, key: bytes) -> frozenset[str] | None:
    """What `keep_ticks` kept, if the page is still the same; None for what she did not tick here."""
    bits, _, _ = kept.partition(".")
    number = int(bits, 16) if re.fullmatch(r"[0-9a-f]{1,64}", bits) else 0
    chosen = frozenset(item.name for place, item in enumerate(shown.items) if number >> place & 1)
    is_hers = hmac.compare_digest(keep_ticks(shown, chosen, key=key).encode(), kept.encode())
    return chosen if is_hers else None


def terms_hash(*, template: bytes, purpose: Purpose, language: Language) -> str:
    """What was agreed to without anything personal: SHA-256 (hex) over page template, purpose version, language."""
    return hashlib.sha256(length_prefixed(template, canonical(purpose), language.encode())).hexdigest()
