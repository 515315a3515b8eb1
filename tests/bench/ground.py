"""What is measured on: a real data folder with citizens, grants and tokens, and requests that were signed beforehand.

The grants come about as everywhere: asked, looked at, answered, exchanged. Only the purpose is unusual: it allows as
many disclosures a day as a benchmark needs.
"""

import base64
import hashlib
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from consent.acts import ask as asking
from consent.acts import grant as granting
from consent.acts import lead_back as leading
from consent.acts import redeem as redeeming
from consent.acts.approve import approve
from consent.acts.authenticate import authenticate
from consent.acts.hold import put_value
from consent.acts.house import House
from consent.acts.sign_in import settle
from consent.oauth.batches import MOST_ITEMS, batch_details
from consent.oauth.clients import ASSERTION_TYPE, Client, ClientSettings
from consent.oauth.metadata import PAR_PATH, TOKEN_PATH
from consent.oauth.par import check_pushed_request
from consent.oauth.token import ClientCredentials, CodeExchange
from consent.opening import open_house, prepare
from consent.seed import read_seed
from consent.settings import Settings
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HOLDINGS
from consent.words.attributes import CATALOGUE, check_value
from consent.words.ids import id_from
from consent.words.purposes import AskedAttribute, Purpose, Text, request_type

VALUES = {
    "income_below_threshold": True,
    "household_size": 3,
    "number_of_children": 1,
    "energy_supplier": "Voorbeeldstroom",
    "preferred_language": "nl",
}
ATTRIBUTES = tuple(sorted(VALUES))
BODY = json.dumps({"attributes": ATTRIBUTES}, separators=(",", ":")).encode()
CLIENTS = 8
REDIRECT = "http://127.0.0.1:9/callback"
_VERIFIER = "v" * 43
_ECDSA = ec.ECDSA(hashes.SHA256())


class Key:
    """A client's key (ES256, or Ed25519), and the first segment of every proof it signs."""

    def __init__(self, *, ed25519: bool = False) -> None:
        self._private = Ed25519PrivateKey.generate() if ed25519 else ec.generate_private_key(ec.SECP256R1())
        if isinstance(self._private, Ed25519PrivateKey):
            octets = self._private.public_key().public_bytes_raw()
            self.jwk = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(octets).decode()}
        else:
            numbers = self._private.public_key().public_numbers()
            self.jwk = {"crv": "P-256", "kty": "EC", "x": _octets(numbers.x), "y": _octets(numbers.y)}
        self._algorithm = "Ed25519" if ed25519 else "ES256"
        self._proof_header = _segment({"alg": self._algorithm, "typ": "dpop+jwt", "jwk": self.jwk})

    def proof(self, method: str, url: str, *, ath: str | None = None) -> str:
        """A fresh DPoP proof, now (RFC 9449 §4.2)."""
        claims = {"jti": os.urandom(12).hex(), "htm": method, "htu": url, "iat": int(time.time())}
        return self._sign(self._proof_header, claims | ({"ath": ath} if ath else {}))

    def assertion(self, client: str, issuer: str) -> str:
        """A fresh client assertion, now (RFC 7523 §3)."""
        now = int(time.time())
        about = {"iss": client, "sub": client, "aud": issuer, "iat": now, "exp": now + 60}
        return self._sign(
            _segment({"alg": self._algorithm, "typ": "JWT"}), about | {"jti": os.urandom(12).hex()}
        )

    def _sign(self, header: bytes, claims: dict[str, object]) -> str:
        signed = header + b"." + _segment(claims)
        if isinstance(self._private, Ed25519PrivateKey):
            signature = self._private.sign(signed)
        else:
            r, s = decode_dss_signature(self._private.sign(signed, _ECDSA))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{signed.decode()}.{_base64url(signature).decode()}"


class Access(NamedTuple):
    """A token that opens one citizen's grant to one client, with the key it is bound to."""

    token: str
    ath: str
    key: Key
    grant: str = ""


class Batches(NamedTuple):
    """A client's token for batches, and the grants that it may ask under."""

    access: Access
    grants: list[str]


class Ground(NamedTuple):
    """A data folder that is ready to be served, and who may ask there."""

    folder: Path
    port: int
    issuer: str
    vkey: str
    log: str
    accesses: list[Access]
    batches: list[Batches]

    def batch(self, number: int) -> bytes:
        """A whole request for a hundred disclosures under the grants of one client, each with a key of its own."""
        (token, ath, key, _), grants = self.batches[number % len(self.batches)]
        items = [
            {
                "grant_id": grants[n % len(grants)],
                "attributes": ATTRIBUTES,
                "idempotency_key": os.urandom(8).hex(),
            }
            for n in range(MOST_ITEMS)
        ]
        body = msgspec.json.encode({"items": items})
        proof = key.proof("POST", f"{self.issuer}/disclosures/batch", ath=ath)
        return (
            f"POST /disclosures/batch HTTP/1.1\r\nHost: localhost:{self.port}\r\nAuthorization: DPoP {token}\r\n"
            f"DPoP: {proof}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def disclosure(self, number: int) -> bytes:
        """A whole disclosure request with a fresh proof; *number* chooses whose grant."""
        access = self.accesses[number % len(self.accesses)]
        proof = access.key.proof("POST", f"{self.issuer}/disclosures", ath=access.ath)
        return (
            f"POST /disclosures HTTP/1.1\r\nHost: localhost:{self.port}\r\nAuthorization: DPoP {access.token}\r\n"
            f"DPoP: {proof}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        ).encode() + BODY

    def proof_only(self, number: int, port: int) -> bytes:
        """A request whose proof is all there is to check; the same keys and tokens."""
        access = self.accesses[number % len(self.accesses)]
        proof = access.key.proof("GET", f"http://localhost:{port}/proof", ath=access.ath)
        return (
            f"GET /proof HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: DPoP {access.token}\r\n"
            f"DPoP: {proof}\r\n\r\n"
        ).encode()


def bare(port: int) -> bytes:
    """A request with nothing to check."""
    return f"GET /bare HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()


async def prepare_ground(folder: Path, port: int, citizens: int) -> Ground:
    """Make a data folder with *citizens* people who each said yes to five attributes for one purpose."""
    settings = Settings(data=str(folder), port=port)
    store = await prepare(settings)
    try:
        house = await open_house(settings, store)
        house.scribe.start()
        keys = {f"client-{n}": Key() for n in range(CLIENTS)}
        purpose = (await approve_clients(house, keys)).id
        accesses = []
        grants: dict[str, list[str]] = {}
        for number in range(citizens):
            client = f"client-{number % CLIENTS}"
            citizen = await _settle(house)
            token, grant = await _say_yes(house, citizen, client, keys[client], purpose)
            accesses.append(access_of(token, keys[client]))
            grants.setdefault(client, []).append(grant)
        batches = [
            Batches(access_of(await _for_batches(house, client, keys[client]), keys[client]), found)
            for client, found in grants.items()
        ]
        await house.scribe.stop()
        return Ground(folder, port, house.issuer, house.vkey, house.log, accesses, batches)
    finally:
        await store.close()


async def approve_clients(house: House, keys: dict[str, Key]) -> Purpose:
    """Add clients with these keys, and the purpose that allows as many disclosures as there is time for."""
    file = read_seed().organisations[0]
    reason = Text(nl="Voor de meting.", en="For the measurement.")
    purpose = msgspec.structs.replace(
        file.purposes[0],
        attributes=tuple(AskedAttribute(name=name, required=True, reason=reason) for name in ATTRIBUTES),
        frequency_per_day=1_000_000_000,
    )
    clients = [
        Client(
            id=name,
            organisation=file.organisation.id,
            name=name,
            redirect_uris=(REDIRECT,),
            jwks=(dict(key.jwk),),
            settings=ClientSettings(batch_disclosure=True),
        )
        for name, key in keys.items()
    ]
    await house.scribe.do(approve(file.organisation, clients, [purpose]))
    return purpose


async def _settle(house: House) -> str:
    name = id_from(os.urandom(16))

    def story(book: Book) -> Story[None]:
        yield [HOLDINGS.one(name)]
        yield TURN
        keys = book.keys_of(settle(book, name))
        for attribute, value in VALUES.items():
            good = check_value(CATALOGUE[attribute], value)
            put_value(
                book, citizen=name, keys=keys, name=attribute, value=good, source="self", as_of="2026-01-01"
            )

    await house.scribe.do(story)
    return name


async def _say_yes(house: House, citizen: str, client: str, key: Key, purpose: str) -> tuple[str, str]:
    details = {
        "type": request_type(house.issuer),
        "purpose": purpose,
        "purpose_version": 1,
        "attributes": ATTRIBUTES,
        "duration_days": 90,
    }
    form = {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "code_challenge": _base64url(hashlib.sha256(_VERIFIER.encode()).digest()).decode(),
        "code_challenge_method": "S256",
        "state": "s",
        "authorization_details": json.dumps([details]),
    }
    known, caller = await _call(house, client, key, form, PAR_PATH)
    jkt = caller.proof.jkt if caller.proof else None
    pushed = await asking.push(house, caller, check_pushed_request(form, client=known, proof_jkt=jkt))
    request = (await asking.find(house, client=client, reference=pushed.reference)).id
    page = await asking.look(house, citizen=citizen, request=request, language="nl")
    answered = await granting.answer(
        house,
        citizen=citizen,
        request=request,
        language="nl",
        decision="yes",
        chosen=frozenset(ATTRIBUTES),
        seal=page.seal,
    )
    assert isinstance(answered, granting.Answered)
    back = await leading.lead_back(house, citizen=citizen, request=request)
    code = back.split("code=")[1].split("&")[0]
    _, caller = await _call(house, client, key, {}, TOKEN_PATH)
    exchange = CodeExchange(code=code, redirect_uri=None, verifier=_VERIFIER)
    given = await redeeming.redeem(house, caller, exchange)
    assert given.grant is not None
    return given.access_token, given.grant.id


async def _for_batches(house: House, client: str, key: Key) -> str:
    _, caller = await _call(house, client, key, {}, TOKEN_PATH)
    details = json.dumps(batch_details(house.issuer))
    return (await redeeming.redeem(house, caller, ClientCredentials(details=details))).access_token


def access_of(token: str, key: Key, grant: str = "") -> Access:
    """What opens with *token*, with what a proof says of it (RFC 9449 §4.2)."""
    return Access(token, _base64url(hashlib.sha256(token.encode()).digest()).decode(), key, grant)


async def _call(house: House, client: str, key: Key, form: dict[str, str], path: str):  # type: ignore[no-untyped-def]
    form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": key.assertion(client, house.issuer)}
    url = house.issuer + path
    return await authenticate(house, form, proofs=[key.proof("POST", url).encode()], method="POST", url=url)


def _segment(claims: dict[str, object]) -> bytes:
    return _base64url(msgspec.json.encode(claims))


def _octets(number: int) -> str:
    return _base64url(number.to_bytes(32, "big")).decode()


def _base64url(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
