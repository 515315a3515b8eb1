"""Why an organisation asks: a purpose, approved by the operator, versioned and never changed afterwards.

A request only names a purpose. Every sentence that a citizen reads about it stands here, in Dutch and
English, and was approved with it.
"""

from typing import Literal

import msgspec

Language = Literal["nl", "en"]
LANGUAGES: tuple[Language, ...] = ("nl", "en")

# GDPR article 6(1)(a)-(f), in that order.
LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]


REQUEST_TYPE_PATH = "/types/attributes/v1"


def request_type(issuer: str) -> str:
    """What a request for attributes is called on the wire: an address of ours, so nobody else's (RFC 9396 §2)."""
    return issuer + REQUEST_TYPE_PATH


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in both languages."""

    nl: str
    en: str

    def in_language(self, language: Language) -> str:
        return self.nl if language == "nl" else self.en


class Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A human whom a citizen can turn to. What is unknown is left out on the page, never invented."""

    name: Text
    phone: str | None = None
    hours: Text | None = None
    email: str | None = None
    url: str | None = None
    address: str | None = None


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the operator knows who this is."""

    register: str  # for example "KVK" (Chamber of Commerce) or "OIN" (government)
    number: str
    checked_on: str  # YYYY-MM-DD


class Organisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks."""

    id: str  # a slug
    name: str
    website: str
    registration: Registration
    contact: Contact


class AskedAttribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attribute of a purpose, whether it is needed, and the reason in one plain sentence."""

    name: str
    required: bool
    reason: Text


class Purpose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an organisation may ask, for what, and what the citizen is told about it."""

    id: str  # a slug
    version: int
    organisation: str
    legal_basis: LegalBasis
    allowed_by_law: bool = False  # the law allows it without asking, and the page says so
    title: Text  # "uw aanvraag voor huurtoeslag" - follows "voor" / "for"
    why: Text  # one or two sentences
    consequence_of_no: Text  # follows "Zegt u nee? Dan …"
    other_way: Text  # how to get the same without sharing here
    attributes: tuple[AskedAttribute, ...]
    because: dict[str, Text]  # template id -> sentence with {organisation}, {attributes}, {date}
    maximum_days: int  # longest life of a grant
    data_life_days: int  # how long the organisation keeps what it got
    frequency_per_day: int  # most disclosures a day under one grant
    recipients: tuple[Text, ...] = ()  # who else gets it; empty: nobody
    storage_places: tuple[str, ...] = ("NL",)  # ISO 3166-1 alpha-2
    automated_decision: bool = False  # a machine decides, GDPR article 22
    witnessed: bool = False  # values leave only once the witnesses of the log have signed the entry
    contact: Contact

    def asked(self, name: str) -> AskedAttribute | None:
        """The attribute *name* of this purpose, or None when the purpose does not have it."""
        return next((a for a in self.attributes if a.name == name), None)

    @property
    def required(self) -> frozenset[str]:
        return frozenset(a.name for a in self.attributes if a.required)

    @property
    def reference(self) -> str:
        """`id@version`, as records name a purpose."""
        return f"{self.id}@{self.version}"
