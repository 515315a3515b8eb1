"""Two implementations, one format: what the service's own rooms make, the organisation's package accepts."""

import os

import httpx
import msgspec
import pytest
from consent_sdk import MemoryStore, ProofError
from consent_sdk.answers import Attribute, Entry, Opening
from consent_sdk.keys import SigningKey, challenge_of, client_assertion, dpop_proof
from consent_sdk.log import Log
from consent_sdk.note import check_checkpoint, read_log_key, read_proof
from consent_sdk.receipt import Expected, check_entry, check_values
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.ledger import checkpoint as notes
from consent.ledger import entry as entries
from consent.ledger.paths import parse_tile_path
from consent.ledger.proof import format_proof
from consent.ledger.record import AuditRecord, encode
from consent.ledger.tiles import Growth
from consent.ledger.tree import leaf_hash
from consent.oauth.clients import Client, check_client_assertion
from consent.oauth.dpop import KeyCache, check_proof
from consent.oauth.pkce import check_verifier
from consent.words.canonical import canonical

from .log_world import b64

ISSUER = "https://consent.example"
ORIGIN = "consent.example/log/2030"
NOW = 1_900_000_000
VALUE = ("Bo", "Éva")


class ServiceLog:
    """A log made by consent.ledger, its tiles kept as the service keeps them: one growing row each."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.growth = Growth()
        self.rows: dict[tuple[int, int], bytes] = {}

    def append(self, *leaves: bytes) -> int:
        index = [self.growth.append(leaf_hash(leaf)) for leaf in leaves][-1]
        self.rows |= {(level, n): row for level, n, row in self.growth.dirty()}
        return index

    def note(self) -> str:
        return notes.sign(notes.body(ORIGIN, self.growth.size, self.growth.root()), ORIGIN, self.key)

    def proof(self, index: int) -> str:
        return format_proof(index, self.growth.inclusion_proof(index), self.note())

    def http(self) -> httpx.AsyncClient:
        def handle(request: httpx.Request) -> httpx.Response:
            path = request.url.path.removeprefix("/log/2030/")
            if path == "policy":
                return httpx.Response(200, text=f"log {notes.vkey_of(ORIGIN, self.key)}\nquorum none\n")
            tile = parse_tile_path(path)
            assert tile.level is not None
            row = self.rows.get((tile.level, tile.n), b"")[: tile.width * 32]
            return httpx.Response(200 if len(row) == tile.width * 32 else 404, content=row)

        return httpx.AsyncClient(transport=httpx.MockTransport(handle))


def _disclosed(log: ServiceLog) -> tuple[Entry, str, dict[str, Attribute]]:
    keys, grant_nonce, nonce, salt = (
        entries.subject_keys(os.urandom(32), ORIGIN),
        os.urandom(16),
        os.urandom(16),
        os.urandom(32),
    )
    index = log.growth.size
    record = AuditRecord(
        o=ORIGIN, i=index, ev="disclosed", c=0, n=1, prev=0, org="housing", purpose="benefit@1",
        attributes=("children",), nbf=NOW - 9, exp=NOW + 9, t=NOW, by="organisation",
    )  # fmt: skip
    commitment = entries.value_commitment(salt=salt, name="children", version=3, value=canonical(VALUE))
    detail_key = entries.detail_key(keys, nonce)
    row = ["children", 3, b64(*entries.disclosed_commitments(detail_key, [commitment]))]
    made = entries.event_entry(
        keys=keys,
        nonce=nonce,
        grant_nonce=grant_nonce,
        audit_key=os.urandom(32),
        record=encode(record),
        detail_key=detail_key,
        detail=canonical({"sub": "sub-1", "values": [row]}),
    )
    log.append(made.leaf)
    line = entries.opening_json(
        entries.Opening(index, made.consent_key, made.audit_key, made.record, made.detail_key, made.detail),
        with_detail=True,
    )
    entry = Entry(leaf=b64(made.leaf), opening=msgspec.convert(line, Opening))
    values = {"children": Attribute(value=list(VALUE), source="brp", salt=b64(salt))}
    return entry, log.proof(index), values


def test_a_receipt_of_the_service_is_accepted_and_a_changed_one_is_not() -> None:
    log = ServiceLog()
    log.append(*(os.urandom(152) for _ in range(300)))
    entry, text, values = _disclosed(log)
    proof = read_proof(text)
    checkpoint = check_checkpoint(proof.note, [read_log_key(notes.vkey_of(ORIGIN, log.key))])
    expected = Expected(
        purpose="benefit@1", attributes=frozenset({"children"}), sub="sub-1", now=NOW, asked_at=NOW
    )
    opened = check_entry(entry, proof, checkpoint, expected)
    assert opened.organisation == "housing"
    check_values(entry, values, opened, sub="sub-1")
    with pytest.raises(ProofError):
        check_values(entry, values, opened, sub="sub-2")


async def test_the_published_tiles_of_the_service_show_one_story() -> None:
    log = ServiceLog()
    async with log.http() as http:
        memory = Log(ISSUER, keys=[], store=MemoryStore(), prefix="", http=http)
        for more in (1, 1, 5, 248, 1, 1, 255, 3, 700):
            log.append(*(os.urandom(152) for _ in range(more)))
            assert (await memory.accept(log.note())).size == log.growth.size


def test_what_the_package_signs_the_service_accepts() -> None:
    key = SigningKey.new()
    client = Client(
        id="web", organisation="housing", jwks=(dict(key.public_jwk),), redirect_uris=(), name="Web"
    )
    assertion = client_assertion(key, client_id="web", issuer=ISSUER, at=NOW, jti="j" * 22)
    form = {
        "client_id": "web",
        "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    check_client_assertion(form, client=client, issuer=ISSUER, at=NOW * 1_000_000)

    url = f"{ISSUER}/disclosures"
    text = dpop_proof(key, method="POST", url=url, at=NOW, jti="p" * 22, token="t", nonce=None)
    proof = check_proof([text], method="POST", url=url, at=NOW * 1_000_000, token="t", cache=KeyCache())
    assert proof.jkt == key.thumbprint()

    verifier = "v" * 43
    check_verifier(verifier, challenge_of(verifier))
