"""What a caller brings along, read carefully: headers, a token with its proof, a body of bounded size."""

import ipaddress
from contextvars import ContextVar

from litestar.types import Receive, Scope

from consent.acts.house import House
from consent.oauth.dpop import Proof, check_proof
from consent.oauth.nonce import check_nonce, next_nonce
from consent.oauth.token import handle_hash, needs_nonce
from consent.words.errors import BadInput, InvalidDpopProof, NoToken, TooLarge

# Set by whoever checks a proof, read by the porch when the answer goes out: all within one request, which is one task.
NEXT_NONCE: ContextVar[str | None] = ContextVar("next_nonce", default=None)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def headers_of(scope: Scope) -> tuple[dict[bytes, bytes], list[bytes]]:
    """The headers of a request by name, and all its DPoP headers (there must be exactly one)."""
    headers: dict[bytes, bytes] = {}
    proofs = []
    for name, value in scope["headers"]:
        if name == b"dpop":
            proofs.append(value)
        elif name in headers and name in (b"authorization", b"idempotency-key"):
            raise BadInput("a header is there twice")
        else:
            headers[name] = value
    return headers, proofs


def is_json(headers: dict[bytes, bytes]) -> bool:
    """Answer whether a body is said to be JSON, with or without parameters (RFC 9110 §8.3)."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"application/json"


def dpop_token(
    house: House, headers: dict[bytes, bytes], proofs: list[bytes], *, method: str, path: str
) -> tuple[bytes, Proof]:
    """The hash of the access token and the checked proof that it came with (RFC 9449 §7.1).

    Raises NoToken for anything but a token in the Authorization header (FAPI 2.0 §5.3.4-1), InvalidDpopProof, and
    UseDpopNonce when the token's client wants its proofs to hold a nonce (§9).
    """
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"dpop" or not token or len(token) > 512:
        raise NoToken("send the access token as `Authorization: DPoP …`")
    text = token.decode("latin-1")
    if not proofs:
        raise InvalidDpopProof("a request carries exactly one proof")
    proof = check_proof(
        proofs, method=method, url=house.issuer + path, at=house.clock(), token=text, cache=house.proof_keys
    )
    if needs_nonce(text):
        at = house.clock()
        check_nonce(proof.nonce, house.server_keys.nonce_keys(at), at=at)
        renew_nonce(house, proof)
    return handle_hash(text), proof


def renew_nonce(house: House, proof: Proof) -> None:
    """Let the answer to this request bring a new nonce when that of its checked proof gets old."""
    if proof.nonce is not None:
        at = house.clock()
        NEXT_NONCE.set(next_nonce(proof.nonce, house.server_keys.nonce_keys(at), at=at))


def address_of(scope: Scope, *, trusted_proxies: int) -> str | None:
    """Whose network a request comes from, to count by: an IPv4 address, or the /64 that one household has.

    Each of our own proxies adds, at the right of X-Forwarded-For, whom it heard the request from. So the address is
    that many places from the right; what stands further left is a visitor's own claim. None for this very machine
    when nothing is said about proxies: whatever is behind it would be counted as one.
    """
    peer = scope.get("client")
    network = _network(peer[0]) if peer is not None else None
    if trusted_proxies == 0:
        return None if network is None or network.is_loopback else str(network)
    said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").split(b",")
    if len(said) >= trusted_proxies:
        forwarded = _network(said[-trusted_proxies].decode("latin-1").strip())
        network = forwarded if forwarded is not None else network
    return str(network) if network is not None else None


def _network(text: str) -> _Network | None:
    """An address, with the port that some proxies write behind it, as what is counted."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:  # ::1 as well, whose /64 is none
        address = ipaddress.IPv4Address("127.0.0.1")
    return ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False)


async def read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The body, at most *limit* bytes. Raises TooLarge, also when the length lies, and BadInput."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit():  # `int` alone would read " 1_0" as ten, and raise on the rest
        raise BadInput("the Content-Length is not a number")
    if len(length) > 18 or int(length) > limit:
        raise TooLarge("the body is too large")
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadInput("the body is incomplete")
        body += message.get("body", b"")  # type: ignore[operator]
        if len(body) > limit:
            raise TooLarge("the body is too large")
        if not message.get("more_body", False):
            return body
