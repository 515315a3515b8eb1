"""A client proves who it is (private_key_jwt) and which key it holds (DPoP), before anything else happens."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from consent.oauth.clients import Client, check_client_assertion, unverified_client_id
from consent.oauth.dpop import check_proof
from consent.oauth.keys import public_jwks
from consent.oauth.nonce import check_nonce
from consent.storage.kinds import CLIENT, REGISTRATION
from consent.words.errors import InvalidClient, UnauthorizedClient

from .approve import client_from
from .house import House
from .once import Caller
from .register import metadata_from


async def authenticate(
    house: House, form: Mapping[str, str], *, proofs: Sequence[bytes], method: str, url: str
) -> tuple[Client, Caller]:
    """Check who sent *form*; *proofs* are its DPoP headers, perhaps none.

    What it returns is not spent yet: the act that follows does that in its own transaction, and asks there whether
    the operator's approval still holds. Raises InvalidClient, InvalidDpopProof, UseDpopNonce, and UnauthorizedClient
    for a client that waits for its approval.
    """
    name = unverified_client_id(form)
    rows = await house.store.read(CLIENT.get, name)
    waiting = None if rows else await _waiting(house, name)
    client = client_from(CLIENT.from_row(rows[0])) if rows else waiting or _nobody(house, name)
    if client.settings.jwks_uri is not None:
        signed = (form.get("client_assertion", ""), form.get("request", ""))
        client = replace(client, jwks=await house.client_keys.of(client.settings.jwks_uri, *signed))
    at = house.clock()  # after waiting for somebody else's machine
    assertion = check_client_assertion(form, client=client, issuer=house.issuer, at=at)
    if waiting is not None:  # who it is it proved, and so may hear what nobody else does
        raise UnauthorizedClient("the operator has not approved this client yet; its registration says more")
    if not rows:  # our own key signs no assertions; should one ever look so, it still speaks for nobody
        raise InvalidClient(
            "no registered key of the client verifies the signature; register the public half of yours"
        )
    proof, needs_nonce = None, client.settings.dpop_nonce_required
    if proofs:
        proof = check_proof(proofs, method=method, url=url, at=at, token=None, cache=house.proof_keys)
        if needs_nonce:
            check_nonce(proof.nonce, house.server_keys.nonce_keys(at), at=at)
    return client, Caller(client=client.id, proof=proof, assertion=assertion, needs_nonce=needs_nonce)


async def _waiting(house: House, name: str) -> Client | None:
    """A client that was registered and not approved yet: it can prove who it is, and do nothing more.

    The keys of an address (`jwks_uri`) are not fetched for it: we call no address that nobody has looked at.
    """
    rows = await house.store.read(REGISTRATION.get, name)
    row = REGISTRATION.from_row(rows[0]) if rows else None
    if row is None or row.state == "removed":
        return None
    submitted = metadata_from(row.submitted)
    if not submitted.jwks:
        return None
    return Client(
        id=name,
        organisation=row.organisation,
        name=submitted.client_name,
        jwks=submitted.jwks,
        redirect_uris=submitted.redirect_uris,
    )


def _nobody(house: House, name: str) -> Client:
    """Checked like any other client, against a key whose private half never leaves this house: neither the words of
    the refusal nor its time tell which clients exist."""
    jwks = tuple(dict(jwk) for jwk in public_jwks([house.server_key])["keys"])
    return Client(id=name, organisation="", name="", jwks=jwks, redirect_uris=())
