"""A grant as a record that others can read: the fields of ISO/IEC TS 27560:2023, in the JSON-LD words of DPV 2.2.

The receipt is the person's own copy. Sources: W3C DPVCG, "Guide for consent records and receipts using DPV and
ISO/IEC TS 27560" (2026-02-15); schema `dpv-27560`, profiles `record-eu-gdpr` and `receipt-eu-gdpr`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from consent.words.attributes import CATALOGUE
from consent.words.instants import SECOND, seconds
from consent.words.purposes import Language, Organisation, Purpose

from .grant import Grant, Version

_CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "schema": "https://schema.org/",
}
_SCHEMA = "https://w3id.org/dpv/schema/dpv-27560"
_BASIS = {
    "consent": "eu-gdpr:A6-1-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal_obligation": "eu-gdpr:A6-1-c",
    "vital_interests": "eu-gdpr:A6-1-d",
    "public_task": "eu-gdpr:A6-1-e",
    "legitimate_interests": "eu-gdpr:A6-1-f",
}
_STATUS = {
    "live": "dpv:ConsentGiven",
    "withdrawn": "dpv:ConsentWithdrawn",
    "revoked": "dpv:ConsentRevoked",
    "expired": "dpv:ConsentExpired",
    "frozen": "dpv:ConsentInvalidated",
}


def receipt(
    grant: Grant,
    *,
    purpose: Purpose,
    organisation: Organisation,
    subject: str,
    issuer: str,
    origin: str,
    at: int,
    versions: Sequence[Version],
) -> dict[str, Any]:
    """The receipt of a grant at instant *at*: whom, for what, which attributes, until when, how to stop, where it
    stands in the log. *subject* is her pairwise id at the organisation; *versions* say, the oldest first, what held
    from when on and who agreed to it. It holds no value of any attribute."""
    language: Language = "nl" if grant.language == "nl" else "en"
    status = grant.how_ended(at=at) or "live"
    return {
        "@context": _CONTEXT,
        "@type": "dpv:ConsentReceipt",
        "@id": f"{issuer}/my/grants/{grant.id}/receipt.json",
        "dct:identifier": f"receipt-{grant.id}",
        "dct:conformsTo": f"{_SCHEMA}#receipt-eu-gdpr",
        "dct:created": _iso(at),
        "dct:publisher": issuer,
        "dpv:hasRecordOfActivity": {
            "@type": "dpv:ConsentRecord",
            "dct:identifier": grant.id,
            "dct:conformsTo": f"{_SCHEMA}#record-eu-gdpr",
            "dpv:hasDataSubject": {"@id": subject},
            "dpv:hasDataController": {
                "schema:identifier": f"{organisation.registration.register} {organisation.registration.number}",
                "schema:name": organisation.name,
                "schema:url": organisation.website,
                "dpv:hasContact": _contact(purpose, language),
            },
            "dpv:hasJurisdiction": "loc:NL",
            "dpv:hasLegalBasis": _BASIS[purpose.legal_basis],
            "dpv:hasProcess": [
                {
                    "@type": "dpv:Process",
                    "dpv:hasPurpose": {
                        "dct:identifier": purpose.reference,
                        "dct:title": purpose.title.in_language(language),
                        "dct:description": purpose.why.in_language(language),
                    },
                    "dpv:hasPersonalData": [
                        {
                            "dct:identifier": name,
                            "dct:title": CATALOGUE[name].label.in_language(language),
                            "dpv:hasNecessity": "dpv:Required"
                            if name in purpose.required
                            else "dpv:Optional",
                            "dpv:isSensitive": CATALOGUE[name].special,
                        }
                        for name in grant.attributes
                    ],
                    "dpv:hasRecipient": [r.in_language(language) for r in purpose.recipients],
                    "dpv:hasStorageCondition": [
                        {
                            "@type": "dpv:StorageLocation",
                            "dpv:hasLocation": [f"loc:{place}" for place in purpose.storage_places],
                        },
                        {"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{purpose.data_life_days}D"},
                    ],
                    "dpv:hasAutomatedDecision": purpose.automated_decision,
                }
            ],
            "dpv:hasNotice": {
                "@type": "dpv:ConsentNotice",
                "dct:language": grant.language,
                "dct:date": _iso(versions[-1].from_at),
                "dct:identifier": f"sha256:{grant.terms}",
            },
            "dpv:hasConsentControl": {
                "@type": "dpv:WithdrawConsent",
                "dpv:isExercisedAt": f"{issuer}/my/grants/{grant.id}",
            },
            "dpv:hasConsentStatus": [
                *[_given(version) for version in versions],
                *([_ended(grant, status)] if status != "live" else []),
            ],
            "dct:hasVersion": [_version(version, purpose) for version in versions],
        },
        "log": {"origin": origin, "index": grant.index, "last": grant.last},
    }


def _given(version: Version) -> dict[str, Any]:
    """A yes: the first gave the grant, each later one gave it anew in another form."""
    return {
        "@type": [
            "dpv:ConsentGiven" if version.number == 1 else "dpv:RenewedConsentGiven",
            "dpv:ExplicitlyExpressedConsent",
        ],
        "dpv:isIndicatedBy": _who(version),
        "dpv:isIndicatedAtTime": _iso(version.from_at),
        "dpv:hasDuration": f"PT{seconds(version.expires_at) - seconds(version.from_at)}S",
    }


def _who(version: Version) -> str | dict[str, Any]:
    """Who said yes. Only her own record says which helper it was."""
    if version.given_by == "self":
        return "dpv:DataSubject"
    return {
        "@type": "dpv:GuardianOfDataSubject" if version.given_by == "guardian" else "schema:Person",
        "dct:identifier": version.helper,
        "schema:roleName": version.given_by,
    }


def _version(version: Version, purpose: Purpose) -> dict[str, Any]:
    """What held from one instant on, and which entry of the log began it."""
    return {
        "dct:identifier": f"{version.grant}/{version.number}",
        "dct:issued": _iso(version.from_at),
        "dct:valid": _iso(version.expires_at),
        "dpv:hasPurpose": f"{purpose.id}@{version.purpose_version}",
        "dpv:hasPersonalData": list(version.attributes),
        "dpv:hasNotice": f"sha256:{version.terms}",
        "log": {"name": version.log, "index": version.index},
    }


def _ended(grant: Grant, status: str) -> dict[str, Any]:
    return {
        "@type": [_STATUS[status]],
        "dpv:isIndicatedAtTime": _iso(grant.ended_at if grant.ended_at is not None else grant.expires_at),
    }


def _contact(purpose: Purpose, language: Language) -> dict[str, str]:
    contact = purpose.contact
    found = {
        "schema:name": contact.name.in_language(language),
        "schema:telephone": contact.phone,
        "schema:email": contact.email,
        "schema:url": contact.url,
        "schema:address": contact.address,
    }
    return {key: value for key, value in found.items() if value is not None}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).isoformat().replace("+00:00", "Z")
