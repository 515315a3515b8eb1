"""A citizen signs in: with her device (WebAuthn), or as an invented persona in the sandbox. No passwords.

A session's id is new at each sign-in and only its hash is kept, so nobody can choose one for somebody else.
"""

import hashlib
import hmac
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import webauthn
from msgspec.structs import replace
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from consent.oauth.step_up import SignIn, acr_of
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CEREMONY, CITIZEN, KEYS, PASSKEY, PERSONA, SESSION
from consent.storage.rows import Ceremony, Citizen, Passkey, Session
from consent.vault.keys import WrappedKeys
from consent.words.errors import BadInput, Forbidden, NotFound, NotSignedIn
from consent.words.ids import id_from
from consent.words.instants import HOUR, MINUTE

from .house import House

SESSION_LIFE = 12 * HOUR
IDLE_LIFE = HOUR
CEREMONY_LIFE = 5 * MINUTE
_TOUCH_AFTER = 5 * MINUTE


class Visitor(msgspec.Struct, frozen=True):
    """Whose browser this is, and how and when she signed in there."""

    citizen: str
    sign_in: SignIn


async def who(house: House, cookie: str | None) -> Visitor | None:
    """Who is signed in here, or None. A session that was used lately stays open; an idle one ends by itself."""
    if not cookie:
        return None
    rows = await house.store.read(SESSION.get, handle_hash(cookie))
    if not rows:
        return None
    session = SESSION.from_row(rows[0])
    at = house.clock()
    if session.ended_at is not None or at >= session.expires_at or at >= session.seen_at + IDLE_LIFE:
        return None
    if at >= session.seen_at + _TOUCH_AFTER:
        await _touch(house, session.hash)
    return Visitor(session.citizen, SignIn(acr_of(session.method), session.created_at))


async def _touch(house: House, session_hash: bytes) -> None:
    def story(book: Book) -> Story[None]:
        yield [SESSION.one(session_hash)]
        yield TURN
        session = book.get(SESSION, session_hash)
        if session is not None and session.ended_at is None:
            book.put(SESSION, replace(session, seen_at=book.at))

    await house.scribe.do(story)


def form_key(cookie: str) -> str:
    """What every form of a signed-in page carries (CSRF): derived from the session's secret, so nothing is stored."""
    return hmac.digest(cookie.encode(), b"form/v1", "sha256").hex()


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
        yield [PERSONA.one(persona), *_old(before)]
        yield TURN
        row = book.get(PERSONA, persona)
        if row is None:
            raise NotFound("there is no such person")
        _open_session(book, cookie, row.citizen, "persona", before)

    await house.scribe.do(story)
    return cookie


async def sign_out(house: House, cookie: str) -> None:
    """End this browser's session."""

    def story(book: Book) -> Story[None]:
        yield _old(cookie)
        yield TURN
        _close_session(book, cookie)

    await house.scribe.do(story)


class Challenge(msgspec.Struct, frozen=True):
    """What the browser gets to begin with: options for its authenticator, and a cookie for this ceremony alone."""

    options: bytes  # JSON, WebAuthn Level 3 §5.4 and §5.5
    cookie: str


async def begin(house: House, kind: Literal["sign_in", "sign_up"], *, name: str) -> Challenge:
    """Begin a passkey ceremony. *name* is what the device shows in its list of keys; we ask no name of anybody."""
    cookie, challenge, user = handle_from(house.chance(32)), house.chance(32), house.chance(16)
    domain = urlsplit(house.issuer).hostname or ""
    if kind == "sign_up":
        options: Any = webauthn.generate_registration_options(
            rp_id=domain,
            rp_name=name,
            user_id=user,
            user_name=name,
            challenge=challenge,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
    else:
        options = webauthn.generate_authentication_options(
            rp_id=domain, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )

    def story(book: Book) -> Story[None]:
        yield TURN
        book.put(
            CEREMONY,
            Ceremony(
                hash=handle_hash(cookie),
                kind=kind,
                challenge=challenge,
                user=user,
                expires_at=book.at + CEREMONY_LIFE,
            ),
        )

    await house.scribe.do(story)
    return Challenge(webauthn.options_to_json(options).encode(), cookie)


async def sign_up(house: House, *, ceremony: str, credential: dict[str, Any], before: str | None) -> str:
    """Make an account with a new passkey; returns the session's cookie. No name, no e-mail. Raises NotSignedIn."""
    started = await _ceremony(house, ceremony, "sign_up")
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
    citizen = id_from(started.user)
    cookie = handle_from(house.chance(32))

    def story(book: Book) -> Story[None]:
        yield [
            CEREMONY.one(started.hash),
            PASSKEY.one(made.credential_id),
            CITIZEN.one(citizen),
            *_old(before),
        ]
        yield TURN
        _finish(book, started)
        if book.get(PASSKEY, made.credential_id) is not None or book.get(CITIZEN, citizen) is not None:
            raise NotSignedIn("this device key is known already; sign in with it")
        settle(book, citizen)
        book.put(
            PASSKEY,
            Passkey(
                credential=made.credential_id,
                citizen=citizen,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                created_at=book.at,
            ),
        )
        _open_session(book, cookie, citizen, "passkey", before)

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
        yield [CEREMONY.one(started.hash), PASSKEY.one(key_id), *_old(before)]
        yield TURN
        _finish(book, started)
        passkey = book.get(PASSKEY, key_id)
        if passkey is None:
            raise NotSignedIn("the device's answer could not be checked")
        book.put(PASSKEY, replace(passkey, sign_count=checked.new_sign_count))
        _open_session(book, cookie, passkey.citizen, "passkey", before)

    await house.scribe.do(story)
    return cookie


def settle(book: Book, citizen: str) -> WrappedKeys:
    """Give a new citizen her two keys, and return them wrapped."""
    book.put(CITIZEN, Citizen(id=citizen, status="active", created_at=book.at))
    wrapped = book.ring.wrap(
        citizen=citizen,
        data=book.chance(32),
        subject=book.chance(32),
        nonces=(book.chance(12), book.chance(12)),
    )
    book.put(KEYS, wrapped)
    return wrapped


async def _ceremony(house: House, cookie: str, kind: str) -> Ceremony:
    rows = await house.store.read(CEREMONY.get, hashlib.sha256(cookie.encode()).digest())
    started = CEREMONY.from_row(rows[0]) if rows else None
    if started is None or started.kind != kind:
        raise BadInput("begin again: this sign-in was not started here")
    return started


def _finish(book: Book, started: Ceremony) -> None:
    """A challenge works once, and for five minutes (WebAuthn Level 3 §13.4.3)."""
    row = book.get(CEREMONY, started.hash)
    if row is None or row.used_at is not None or row.expires_at <= book.at:
        raise NotSignedIn("this took too long; begin again")
    book.put(CEREMONY, replace(row, used_at=book.at))


def _old(cookie: str | None) -> list[Any]:
    return [SESSION.one(handle_hash(cookie))] if cookie else []


def _open_session(
    book: Book, cookie: str, citizen: str, method: Literal["passkey", "persona"], before: str | None
) -> None:
    if before:
        _close_session(book, before)
    book.put(
        SESSION,
        Session(
            hash=handle_hash(cookie),
            citizen=citizen,
            method=method,
            created_at=book.at,
            seen_at=book.at,
            expires_at=book.at + SESSION_LIFE,
        ),
    )


def _close_session(book: Book, cookie: str) -> None:
    old = book.get(SESSION, handle_hash(cookie))
    if old is not None and old.ended_at is None:
        book.put(SESSION, replace(old, ended_at=book.at))
