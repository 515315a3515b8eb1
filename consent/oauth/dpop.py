"""Proof that a request comes from whoever holds the key a token is bound to (RFC 9449).

This runs at every request of the API, so it does without a JOSE library: it decodes into fixed structures,
keeps the keys that it has seen, and calls the signature check directly. The tests compare it with joserfc.
"""

import hashlib
import hmac
import math
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from consent.oauth import base64url, jose
from consent.words.errors import BadInput, InvalidDpopProof
from consent.words.instants import SECOND

# A proof is accepted while iat - AHEAD <= now < iat + LIFE (RFC 9449 §11.1, FAPI 2.0 §5.3.2.1-13).
LIFE = 60 * SECOND
AHEAD = 30 * SECOND

_PROOF_LIMIT = 8 * 1024  # characters
_CACHED_HEADER_LIMIT = 2 * 1024  # characters; longer ones are checked and not kept
_JTI_LIMIT = 1024  # characters

_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_URL = re.compile(r"[!-~]{1,2048}")
_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof says once it has been checked."""

    jkt: str  # thumbprint of its key
    jti_hash: bytes  # its end (8 bytes) and SHA-256 over key and jti: a second one of these is a replay
    expires_at: int  # microseconds; from then on the proof fails by its age and may be forgotten
    nonce: str | None = None  # unchecked: `nonce` judges it, where one is asked for


class _Header(msgspec.Struct):
    typ: str
    alg: str
    jwk: dict[str, Any]
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class _Claims(msgspec.Struct):
    jti: str
    htm: str
    htu: str
    iat: int | float
    ath: str | None = None
    nonce: str | None = None


_HEADER = msgspec.json.Decoder(_Header)
_CLAIMS = msgspec.json.Decoder(_Claims)


class KeyCache:
    """Keys of proofs seen lately, by the exact header they came in; the one unused longest goes first.

    Only headers of proofs with a valid signature get in, so nobody can fill it without signing. It decides
    nothing: with an empty cache every answer is the same.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._capacity = capacity
        self._keys: OrderedDict[bytes, tuple[jose.Verifier, str, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, header: bytes) -> tuple[jose.Verifier, str, str] | None:
        """The key, its thumbprint and the algorithm of *header*, or None."""
        known = self._keys.get(header)
        if known is not None:
            self._keys.move_to_end(header)
        return known

    def keep(self, header: bytes, known: tuple[jose.Verifier, str, str]) -> None:
        """Remember *known* for *header*."""
        if len(header) > _CACHED_HEADER_LIMIT:
            return
        self._keys[header] = known
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)


def check_proof(
    headers: Sequence[bytes | str], *, method: str, url: str, at: int, token: str | None, cache: KeyCache
) -> Proof:
    """Check the DPoP proof of a request (RFC 9449 §4.3).

    *headers*: every DPoP header of the request; *method* and *url*: what was asked, the URL made from our own
    address and never from the Host header; *token*: the access token that came along, if any.
    The caller refuses a `jti_hash` that it has seen before. Raises InvalidDpopProof.
    """
    if len(headers) != 1:
        raise InvalidDpopProof("a request carries exactly one proof")  # §4.3-1
    header, payload, signature, signed = _segments(headers[0])
    known = cache.find(header)
    key, jkt, algorithm = known or _read_header(header)
    try:
        jose.check_signature(key, signature, signed)  # §4.3-6; `_read_header` matched key and algorithm
    except BadInput:
        raise InvalidDpopProof("the signature of the proof is wrong") from None
    if known is None:
        cache.keep(header, (key, jkt, algorithm))
    try:
        claims = _CLAIMS.decode(base64url.decode(payload))
    except (msgspec.DecodeError, ValueError, RecursionError):
        # msgspec's own words can quote the input.
        raise InvalidDpopProof("the claims of the proof are missing or malformed") from None
    if claims.htm != method:  # §4.3-8
        raise InvalidDpopProof("the proof is for another method; htm is that of this request")
    if not _is_same_url(claims.htu, url):  # §4.3-9
        raise InvalidDpopProof(
            "the proof is for another address; htu is that of this request, without its query"
        )
    issued_at = claims.iat * SECOND
    if issued_at > at + AHEAD or at >= issued_at + LIFE:  # §4.3-11
        raise InvalidDpopProof(
            "the proof is too old or from the future; make it when you send it, and set your clock"
        )
    if not 0 < len(claims.jti) <= _JTI_LIMIT:  # §4.3-3
        raise InvalidDpopProof("the jti of the proof is malformed")
    if token is not None and not _is_hash_of(claims.ath, token):  # §4.3-12
        raise InvalidDpopProof(
            "the proof is for another token; ath is the SHA-256 of the one you send, in base64url"
        )
    expires_at = math.ceil(issued_at + LIFE)
    return Proof(
        jkt=jkt,
        # What is kept of thousands of proofs lies in the order of time. jkt always has 43 characters, so no two pairs
        # give the same text.
        jti_hash=expires_at.to_bytes(8, "big") + hashlib.sha256((jkt + claims.jti).encode("utf-8")).digest(),
        expires_at=expires_at,
        nonce=claims.nonce,
    )


def normal_url(url: str) -> str | None:
    """*url* without query and fragment, in the form that equal addresses share; None if it is no address.

    RFC 9449 §4.3-9 with RFC 3986 §6.2.2 and §6.2.3: case of scheme and host, default port, percent-codes,
    dots.
    """
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    default = _PORTS.get(parts.scheme)
    if default is None or not host or "@" in parts.netloc:
        return None
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != default:
        place += f":{port}"
    return f"{parts.scheme}://{place}{_without_dots(_PERCENT.sub(_plain, parts.path)) or '/'}"


def _segments(proof: bytes | str) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, payload and signature as they came, and the bytes that were signed."""
    if isinstance(proof, str):
        if not proof.isascii():
            raise InvalidDpopProof("the proof is malformed")
        proof = proof.encode("ascii")
    segments = proof.split(b".", 3)
    if len(proof) > _PROOF_LIMIT or len(segments) != 3:
        raise InvalidDpopProof("the proof is malformed")
    return segments[0], segments[1], segments[2], proof[: -len(segments[2]) - 1]


def _read_header(segment: bytes) -> tuple[jose.Verifier, str, str]:
    try:
        header = _HEADER.decode(base64url.decode(segment))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise InvalidDpopProof("the header of the proof is missing or malformed") from None
    if header.typ != "dpop+jwt":  # §4.3-4
        raise InvalidDpopProof("the proof is of another type")
    if header.alg not in jose.ALGORITHMS:  # §4.3-5: the list decides, "none" and HS256 are not on it
        raise InvalidDpopProof("the algorithm of the proof is not accepted")
    if header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
        raise InvalidDpopProof("the proof demands an extension")  # RFC 7515 §4.1.11
    jwk: Mapping[str, Any] = header.jwk
    try:
        key = jose.import_public_jwk(jwk)  # §4.3-7: no private key
        jkt = jose.thumbprint(jwk)
    except BadInput as broken:
        raise InvalidDpopProof(str(broken)) from None
    if not jose.is_usable(jwk, header.alg):
        raise InvalidDpopProof("the key of the proof does not fit its algorithm")
    public = key.public_key
    assert isinstance(public, jose.Verifier)
    return public, jkt, header.alg


def _is_same_url(claimed: str, url: str) -> bool:
    # Nearly every client writes it as we do; the rest is compared in normal form.
    if claimed == url and "?" not in url and "#" not in url:
        return True
    normal = normal_url(claimed)
    return normal is not None and normal == normal_url(url)


def _is_hash_of(claimed: str | None, token: str) -> bool:
    if claimed is None:
        return False
    expected = base64url.encode(hashlib.sha256(token.encode("utf-8")).digest())
    return hmac.compare_digest(claimed.encode("utf-8"), expected.encode("ascii"))


def _plain(code: re.Match[str]) -> str:
    character = chr(int(code[1], 16))
    return character if character in _UNRESERVED else code[0].upper()


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    steps = path.split("/")[1:]
    for step in steps:
        if step == "..":
            if kept:
                kept.pop()
        elif step != ".":
            kept.append(step)
    if steps[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
