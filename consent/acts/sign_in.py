"""A citizen signs in: with her device (WebAuthn), or as an invented persona in the sandbox. No passwords."""

from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import webauthn
from msgspec.structs import replace
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CEREMONY, CITIZEN, KEYS, PASSKEY, PERSONA
from consent.storage.rows import Ceremony, Citizen, Passkey
from consent.vault.keys import WrappedKeys
from consent.words.errors import BadInput, Forbidden, NotFound, NotSignedIn
from consent.words.ids import id_from
from consent.words.instants import MINUTE

from .house import House
from .session import open_session, the_old
from .spread import place_of

CEREMONY_LIFE = 5 * MINUTE
CeremonyKind = Literal["sign_in", "sign_up", "add", "broker"]


class PersonaChoice(msgspec.Struct, frozen=True):
    """An invented person on the sandbox's sign-in page, in both languages."""

    id: str
    label: dict[str, str]
    description: dict[str, str]


async def personas(house: House) -> list[PersonaChoice]:
    """The invented people of the seed; none outside the sandbox."""
    if not house.sandbox:
        return []
    rows = [PERSONA.from_row(row) for row in await house.store.read("persona.all")]
    return [
        PersonaChoice(row.id, msgspec.json.decode(row.label), msgspec.json.decode(row.description))
        for row in rows
    ]


async def as_persona(house: House, persona: str, *, before: str | None) -> str:
    """Sign in as an invented person; returns the new cookie. *before* is the browser's old cookie, which ends.

    Raises Forbidden outside the sandbox and NotFound for an unknown persona.
    """
    if not house.sandbox:
        raise Forbidden("invented people exist only in the sandbox")
    cookie = handle_from(house.chance(32))

    def story(book: Book) -> Story[None]:
        yield [PERSONA.one(persona), *the_old(before)]
        yield TURN
        row = book.get(PERSONA, persona)
        if row is None:
            raise NotFound("there is no such person")
        open_session(book, cookie, row.citizen, "persona", before)

    await house.scribe.do(story)
    return cookie


class Challenge(msgspec.Struct, frozen=True):
    """What the browser gets to begin with: options for its authenticator, and a cookie for this ceremony alone."""

    options: bytes  # JSON, WebAuthn Level 3 §5.4 and §5.5
    cookie: str


async def begin(
    house: House, kind: Literal["sign_in", "sign_up", "add"], *, name: str, citizen: str | None = None
) -> Challenge:
    """Begin a passkey ceremony. *name* is what the device shows in its list of keys; we ask no name of anybody.

    *citizen* is whose account a key is added to.
    """
    cookie, challenge = handle_from(house.chance(32)), house.chance(32)
    user = house.chance(16) if citizen is None else bytes.fromhex(citizen)
    domain = urlsplit(house.issuer).hostname or ""
    if kind != "sign_in":
        known = await house.store.read("passkey.of_citizen", citizen) if citizen is not None else []
        options: Any = webauthn.generate_registration_options(
            rp_id=domain,
            rp_name=name,
            user_id=user,
            user_name=name,
            challenge=challenge,
            attestation=AttestationConveyancePreference.NONE,
            # A device that has a key here already says so, and makes no second one.
            exclude_credentials=[
                PublicKeyCredentialDescriptor(PASSKEY.from_row(row).credential) for row in known
            ],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
    else:
        options = webauthn.generate_authentication_options(
            rp_id=domain, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
    await keep_ceremony(house, cookie, kind=kind, challenge=challenge, user=user, life=CEREMONY_LIFE)
    return Challenge(webauthn.options_to_json(options).encode(), cookie)


async def sign_up(house: House, *, ceremony: str, credential: dict[str, Any], before: str | None) -> str:
    """Make an account with a new passkey; returns the session's cookie. No name, no e-mail. Raises NotSignedIn."""
    started, made = await check_made(house, ceremony=ceremony, kind="sign_up", credential=credential)
    citizen = id_from(started.user)
    cookie = handle_from(house.chance(32))

    def story(book: Book) -> Story[None]:
        yield [
            CEREMONY.one(started.hash),
            PASSKEY.one(made.credential_id),
            CITIZEN.one(citizen),
            *the_old(before),
        ]
        yield TURN
        spend(book, started)
        if book.get(PASSKEY, made.credential_id) is not None or book.get(CITIZEN, citizen) is not None:
            raise NotSignedIn("this device key is known already; sign in with it")
        settle(book, citizen)
        book.put(PASSKEY, new_passkey(book, citizen, made))
        open_session(book, cookie, citizen, "passkey", before)

    await house.scribe.do(story)
    return cookie


async def with_passkey(house: House, *, ceremony: str, credential: dict[str, Any], before: str | None) -> str:
    """Sign in with a passkey; returns the session's cookie. One error for everything that is wrong: NotSignedIn."""
    started = await _ceremony(house, ceremony, "sign_in")
    try:
        key_id = webauthn.base64url_to_bytes(str(credential.get("rawId", "")))
    except ValueError:
        raise NotSignedIn("the device's answer could not be checked") from None
    rows = await house.store.read(PASSKEY.get, key_id)
    if not rows:
        raise NotSignedIn("the device's answer could not be checked")
    known = PASSKEY.from_row(rows[0])
    try:
        checked = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=started.challenge,
            expected_rp_id=urlsplit(house.issuer).hostname or "",
            expected_origin=house.issuer,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise NotSignedIn("the device's answer could not be checked") from None
    cookie = handle_from(house.chance(32))

    def story(book: Book) -> Story[None]:
        yield [CEREMONY.one(started.hash), PASSKEY.one(key_id), *the_old(before)]
        yield TURN
        spend(book, started)
        passkey = book.get(PASSKEY, key_id)
        if passkey is None:
            raise NotSignedIn("the device's answer could not be checked")
        book.put(PASSKEY, replace(passkey, sign_count=checked.new_sign_count, used_at=book.at))
        open_session(book, cookie, passkey.citizen, "passkey", before)

    await house.scribe.do(story)
    return cookie


async def check_made(
    house: House, *, ceremony: str, kind: Literal["sign_up", "add"], credential: dict[str, Any]
) -> tuple[Ceremony, VerifiedRegistration]:
    """Check a new key that a device made in a ceremony (WebAuthn Level 3 §7.1). Raises BadInput, NotSignedIn."""
    started = await _ceremony(house, ceremony, kind)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=started.challenge,
            expected_rp_id=urlsplit(house.issuer).hostname or "",
            expected_origin=house.issuer,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise NotSignedIn("the device's answer could not be checked") from None
    return started, made


def new_passkey(book: Book, citizen: str, made: VerifiedRegistration) -> Passkey:
    """The row of a key that a device made."""
    return Passkey(
        credential=made.credential_id,
        citizen=citizen,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        created_at=book.at,
    )


def settle(book: Book, citizen: str) -> WrappedKeys:
    """Give a new citizen her two keys, and return them wrapped."""
    book.put(CITIZEN, Citizen(id=citizen, status="active", created_at=book.at))
    wrapped = book.ring.wrap(
        citizen=citizen,
        data=book.chance(32),
        subject=book.chance(32),
        nonces=(book.chance(12), book.chance(12)),
    )
    wrapped = replace(wrapped, bucket=place_of(citizen, book.logs))
    book.put(KEYS, wrapped)
    return wrapped


async def keep_ceremony(
    house: House, cookie: str, *, kind: CeremonyKind, challenge: bytes, user: bytes, life: int
) -> None:
    """Remember for *life* (us) what was begun in the browser that has *cookie*."""

    def story(book: Book) -> Story[None]:
        yield TURN
        book.put(
            CEREMONY,
            Ceremony(
                hash=handle_hash(cookie),
                kind=kind,
                challenge=challenge,
                user=user,
                expires_at=book.at + life,
            ),
        )

    await house.scribe.do(story)


async def ceremony_of(house: House, cookie: str, kind: str) -> Ceremony | None:
    """What was begun in the browser that has *cookie*; `spend` looks whether it still counts."""
    rows = await house.store.read(CEREMONY.get, handle_hash(cookie))
    started = CEREMONY.from_row(rows[0]) if rows else None
    return started if started is not None and started.kind == kind else None


async def _ceremony(house: House, cookie: str, kind: str) -> Ceremony:
    started = await ceremony_of(house, cookie, kind)
    if started is None:
        raise BadInput("begin again: this sign-in was not started here")
    return started


def spend(book: Book, started: Ceremony) -> None:
    """A challenge works once, and for five minutes (WebAuthn Level 3 §13.4.3)."""
    row = book.get(CEREMONY, started.hash)
    if row is None or row.used_at is not None or row.expires_at <= book.at:
        raise NotSignedIn("this took too long; begin again")
    book.put(CEREMONY, replace(row, used_at=book.at))
