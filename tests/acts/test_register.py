"""A developer registers; an operator decides about exactly what was looked at; until then nothing asks a citizen."""

import asyncio
import secrets
from pathlib import Path
from typing import Any

import pytest
from consent_sdk.keys import SigningKey, client_assertion, dpop_proof
from msgspec.structs import replace

from consent.acts import admit
from consent.acts import register as registering
from consent.acts.authenticate import authenticate
from consent.acts.client_keys import PAUSE, ClientKeys
from consent.acts.close import close
from consent.acts.disclose import Refused
from consent.acts.operate import Operator, let_in, let_through, shut_out, with_token
from consent.acts.oversee import journal, listing, look
from consent.acts.overview import overview
from consent.acts.register import Kept
from consent.acts.suspend import Subject, restore, suspend
from consent.oauth.clients import ASSERTION_TYPE
from consent.oauth.dpop import Proof, check_proof
from consent.oauth.metadata import PAR_PATH, REGISTER_PATH
from consent.oauth.registration import ClientMetadata, check_registration
from consent.words.errors import (
    BadInput,
    ConsentError,
    Forbidden,
    InvalidClient,
    InvalidDpopProof,
    InvalidToken,
    NotFound,
    OutOfDate,
    UnauthorizedClient,
    UnknownOperator,
    WrongScope,
)
from consent.words.instants import DAY, SECOND
from tests.acts.test_client_keys import Publisher
from tests.acts.test_client_keys import document as publish
from tests.world import MUNICIPALITY, World

ANNA = Operator("anna")
CITY = "voorbeeldstad"
REDIRECT = "https://stad.example/terug"


class Developer:
    """Who registers a client, with keys of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = SigningKey.new()
        self.client = self.token = ""

    def metadata(self, *keys: SigningKey, **changed: Any) -> ClientMetadata:
        document = {
            "client_name": "Tweede loket",
            "redirect_uris": [REDIRECT],
            "jwks": {"keys": [dict(key.public_jwk) for key in keys or (self.key,)]},
        } | changed
        return check_registration(document, issuer=self.world.house.issuer)

    async def register(self, token: str | None = None) -> Kept:
        token = token or await invitation(self.world)
        kept = await registering.register(self.world.house, token=token, metadata=self.metadata())
        assert kept.token is not None
        self.client, self.token = kept.client, kept.token
        return kept

    async def read(self) -> Kept:
        return await registering.read_registration(self.world.house, client=self.client, token=self.token)

    async def update(self, metadata: ClientMetadata, *, by: SigningKey | None = None) -> Kept:
        return await registering.update_registration(
            self.world.house,
            client=self.client,
            token=self.token,
            metadata=metadata,
            proof=self.proof("PUT", by) if by is not None else None,
        )

    def proof(self, method: str, key: SigningKey, *, token: str | None = None) -> Proof:
        url = f"{self.world.house.issuer}{REGISTER_PATH}/{self.client}"
        text = dpop_proof(
            key,
            method=method,
            url=url,
            at=self.world.at // SECOND,
            jti=secrets.token_urlsafe(16),
            token=token or self.token,
            nonce=None,
        )
        return check_proof(
            [text.encode()],
            method=method,
            url=url,
            at=self.world.at,
            token=self.token,
            cache=self.world.house.proof_keys,
        )

    async def knock(self, key: SigningKey | None = None) -> None:
        """Prove who it is, as every request does that could touch a citizen."""
        house = self.world.house
        assertion = client_assertion(
            key or self.key,
            client_id=self.client,
            issuer=house.issuer,
            at=self.world.at // SECOND,
            jti=secrets.token_urlsafe(16),
        )
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        await authenticate(house, form, proofs=[], method="POST", url=house.issuer + PAR_PATH)

    async def approve(self, revision: int) -> None:
        await do(self.world, admit.approve_client(self.client, revision, by=ANNA))


async def do(world: World, deed: Any) -> Any:
    return (await world.house.scribe.do(deed)).outcome


async def invitation(world: World, *, clients: int = 1, days: int = 7, organisation: str = CITY) -> str:
    deed, token = admit.invite(
        organisation,
        clients=clients,
        expires_at=world.at + days * DAY,
        by=ANNA,
        chance=secrets.token_bytes(32),
    )
    await do(world, deed)
    return token


@pytest.fixture
async def developer(world: World) -> Developer:
    return Developer(world)


@pytest.fixture
async def approved(developer: Developer) -> Developer:
    await developer.register()
    await developer.approve(1)
    return developer


# Registering


async def test_a_registered_client_waits_and_can_do_nothing(developer: Developer) -> None:
    kept = await developer.register()
    assert (kept.registration.state, kept.holds) == ("pending", None)
    assert kept.client.startswith("client-")
    with pytest.raises(UnauthorizedClient, match="its registration says more"):
        await developer.knock()
    with pytest.raises(InvalidClient):
        await developer.knock(SigningKey.new())  # to anybody else it does not even exist
    waiting = [one.id for one in await listing(developer.world.house, "client", waiting=True)]
    assert waiting == [developer.client]


async def test_an_approved_client_comes_in(approved: Developer) -> None:
    await approved.knock()
    kept = await approved.read()
    assert (kept.registration.state, kept.waits) == ("approved", None)
    assert kept.holds == approved.metadata()


async def test_a_refused_client_reads_why_and_may_try_again(developer: Developer) -> None:
    await developer.register()
    await do(developer.world, admit.refuse_client(developer.client, 1, by=ANNA, note="name the product"))
    kept = await developer.read()
    assert (kept.registration.state, kept.registration.note) == ("refused", "name the product")
    with pytest.raises(UnauthorizedClient):
        await developer.knock()
    again = await developer.update(developer.metadata(client_name="Loket 2"))
    assert (again.registration.state, again.registration.revision, again.registration.note) == (
        "pending",
        2,
        "",
    )


async def test_an_invitation_is_for_so_many_clients_and_until_then(world: World) -> None:
    token = await invitation(world, clients=2, days=7)
    for _ in range(2):
        await Developer(world).register(token)
    with pytest.raises(InvalidToken):
        await Developer(world).register(token)
    token = await invitation(world, days=7)
    world.pass_time(7 * 86_400)
    with pytest.raises(InvalidToken):
        await Developer(world).register(token)
    assert len(await listing(world.house, "client", waiting=True)) == 2


async def test_two_registrations_at_once_with_a_token_for_one(world: World) -> None:
    token = await invitation(world, clients=1)
    both = await asyncio.gather(
        Developer(world).register(token), Developer(world).register(token), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in both) == ["InvalidToken", "Kept"]


async def test_a_guessed_token_and_a_suspended_organisation_register_nothing(world: World) -> None:
    with pytest.raises(InvalidToken):
        await Developer(world).register("A" * 43)
    token = await invitation(world)
    await do(world, suspend(Subject("organisation", CITY), by=ANNA))
    with pytest.raises(InvalidToken, match="suspended"):
        await Developer(world).register(token)
    await do(world, restore(Subject("organisation", CITY), by=ANNA))
    await Developer(world).register(token)


@pytest.mark.parametrize(("clients", "days"), [(0, 7), (21, 7), (1, 0), (1, 31), (1, -1)])
async def test_an_invitation_is_bounded(world: World, clients: int, days: int) -> None:
    with pytest.raises(BadInput):
        await invitation(world, clients=clients, days=days)


async def test_nobody_is_invited_for_an_organisation_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFound):
        await invitation(world, organisation="nobody")


# Whose registration


async def test_a_registration_opens_with_its_own_token_only(world: World) -> None:
    mine, other = Developer(world), Developer(world)
    await mine.register()
    await other.register(await invitation(world, organisation="voorbeeld-energie"))
    mine.client, own = other.client, mine.client
    for attempt in (mine.read(), mine.update(mine.metadata())):
        with pytest.raises(InvalidToken):
            await attempt
    with pytest.raises(InvalidToken):
        await registering.remove_registration(world.house, client=other.client, token=mine.token, proof=None)
    mine.client = own
    assert (await mine.read()).registration.organisation == CITY
    assert (await other.read()).registration.revision == 1


async def test_a_token_that_was_stolen_is_replaced(approved: Developer) -> None:
    deed, token = admit.renew_token(approved.client, by=ANNA, chance=secrets.token_bytes(32))
    await do(approved.world, deed)
    with pytest.raises(InvalidToken):
        await approved.read()
    approved.token = token
    assert (await approved.read()).holds == approved.metadata()


async def test_a_client_from_a_file_gets_a_registration_of_what_it_is(world: World) -> None:
    deed, token = admit.renew_token(MUNICIPALITY, by=ANNA, chance=secrets.token_bytes(32))
    await do(world, deed)
    kept = await registering.read_registration(world.house, client=MUNICIPALITY, token=token)
    assert kept.holds is not None
    assert kept.holds.jwks == (world.keys[MUNICIPALITY].public_jwk,)
    assert (kept.registration.state, kept.waits) == ("approved", None)


# Changes


async def test_a_changed_address_waits_and_the_approved_one_works_meanwhile(approved: Developer) -> None:
    kept = await approved.update(approved.metadata(redirect_uris=["https://stad.example/nieuw"]))
    assert (kept.registration.state, kept.registration.revision) == ("pending", 2)
    assert kept.holds == approved.metadata()
    await approved.knock()
    seen = await look(approved.world.house, Subject("client", approved.client))
    assert seen.changes == ("redirect_uris",)
    await approved.approve(2)
    assert (await approved.read()).holds == approved.metadata(redirect_uris=["https://stad.example/nieuw"])


async def test_a_refusal_leaves_what_was_approved(approved: Developer) -> None:
    await approved.update(approved.metadata(client_name="Bank"))
    await do(approved.world, admit.refuse_client(approved.client, 2, by=ANNA, note="not a bank"))
    kept = await approved.read()
    assert kept.holds == approved.metadata()
    assert kept.waits is not None
    assert kept.waits.client_name == "Bank"
    await approved.knock()


async def test_an_operator_approves_what_was_looked_at_and_nothing_newer(approved: Developer) -> None:
    """The swap between looking and deciding."""
    await approved.update(approved.metadata(redirect_uris=["https://stad.example/nieuw"]))
    seen = (await look(approved.world.house, Subject("client", approved.client))).revision
    await approved.update(approved.metadata(redirect_uris=["https://evil.example/"]))
    with pytest.raises(OutOfDate):
        await approved.approve(seen)
    assert (await approved.read()).holds == approved.metadata()


async def test_sending_the_same_again_changes_nothing(approved: Developer) -> None:
    await approved.update(approved.metadata(client_name="Loket 2"))
    again = await approved.update(approved.metadata(client_name="Loket 2"))
    assert again.registration.revision == 2
    await approved.approve(2)
    with pytest.raises(OutOfDate):
        await approved.approve(2)


# Keys


async def test_new_keys_with_the_proof_of_a_present_one_hold_at_once(approved: Developer) -> None:
    new = SigningKey.new()
    both = await approved.update(approved.metadata(approved.key, new), by=approved.key)
    assert both.registration.state == "approved"
    await approved.knock()
    await approved.knock(new)
    await approved.update(approved.metadata(new), by=new)
    with pytest.raises(InvalidClient):
        await approved.knock()  # the removed key, in the very next request
    await approved.knock(new)
    assert [line.act for line in await journal(approved.world.house) if line.operator == approved.client] == [
        "keys_replaced",
        "keys_replaced",
    ]


async def test_a_registration_token_alone_changes_no_key(approved: Developer) -> None:
    """The thief of a token must not become the client."""
    thief = SigningKey.new()
    for by in (None, thief):
        kept = await approved.update(approved.metadata(thief), by=by)
        assert kept.registration.state == "pending"
        with pytest.raises(InvalidClient):
            await approved.knock(thief)
        await approved.knock()


async def test_a_removed_key_proves_nothing_any_more(approved: Developer) -> None:
    old, new = approved.key, SigningKey.new()
    await approved.update(approved.metadata(new), by=old)
    kept = await approved.update(approved.metadata(old), by=old)
    assert kept.registration.state == "pending"
    with pytest.raises(InvalidClient):
        await approved.knock(old)


async def test_a_proof_of_a_key_works_once(approved: Developer) -> None:
    proof = approved.proof("PUT", approved.key)
    new = SigningKey.new()

    async def update(*keys: SigningKey) -> Kept:
        return await registering.update_registration(
            approved.world.house,
            client=approved.client,
            token=approved.token,
            metadata=approved.metadata(*keys),
            proof=proof,
        )

    await update(approved.key, new)
    with pytest.raises(InvalidDpopProof):
        await update(SigningKey.new())
    await approved.knock(new)


def test_a_proof_for_another_token_is_none(world: World) -> None:
    developer = Developer(world)
    developer.client, developer.token = "client-x", "A" * 43
    with pytest.raises(InvalidDpopProof):
        developer.proof("PUT", developer.key, token="B" * 43)


async def test_an_operator_replaces_stolen_keys_and_nothing_that_waits_brings_them_back(
    approved: Developer,
) -> None:
    new = SigningKey.new()
    await approved.update(approved.metadata(redirect_uris=["https://stad.example/nieuw"]))
    await do(approved.world, admit.replace_keys(approved.client, (dict(new.public_jwk),), by=ANNA))
    with pytest.raises(InvalidClient):
        await approved.knock()
    await approved.knock(new)
    with pytest.raises(OutOfDate):
        await approved.approve(2)
    await approved.approve(3)
    with pytest.raises(InvalidClient):
        await approved.knock()
    await approved.knock(new)


async def test_a_client_of_a_file_gets_other_keys_too(world: World) -> None:
    new = SigningKey.new()
    await do(world, admit.replace_keys(MUNICIPALITY, (dict(new.public_jwk),), by=ANNA))
    developer = Developer(world)
    developer.client = MUNICIPALITY
    with pytest.raises(InvalidClient):
        await developer.knock(world.keys[MUNICIPALITY])
    await developer.knock(new)


# The end


async def test_an_approved_client_is_removed_with_the_proof_of_a_key_only(approved: Developer) -> None:
    house = approved.world.house
    for key in (None, SigningKey.new()):
        proof = approved.proof("DELETE", key) if key else None
        with pytest.raises(Forbidden):
            await registering.remove_registration(
                house, client=approved.client, token=approved.token, proof=proof
            )
    await approved.knock()
    await registering.remove_registration(
        house, client=approved.client, token=approved.token, proof=approved.proof("DELETE", approved.key)
    )
    with pytest.raises(InvalidClient):
        await approved.knock()
    for attempt in (approved.read(), approved.update(approved.metadata(), by=approved.key)):
        with pytest.raises(InvalidToken):
            await attempt
    removed = approved.client
    for deed in (
        restore(Subject("client", removed), by=ANNA),
        admit.approve_client(removed, 1, by=ANNA),
        admit.replace_keys(removed, (dict(approved.key.public_jwk),), by=ANNA),
        admit.renew_token(removed, by=ANNA, chance=secrets.token_bytes(32))[0],
    ):
        with pytest.raises(NotFound):
            await do(approved.world, deed)
    assert removed not in [one.id for one in await listing(house, "client")]


async def test_a_client_with_keys_at_its_own_address_is_removed_with_the_proof_of_one_that_stands_there(
    developer: Developer,
) -> None:
    house = developer.world.house
    site = Publisher(developer.key)
    site.at = developer.world.at
    developer.world.house = house = replace(house, client_keys=ClientKeys(site.get, lambda: site.at))
    document = {"client_name": "Loket", "redirect_uris": [REDIRECT], "jwks_uri": "https://stad.example/keys"}
    metadata = check_registration(document, issuer=house.issuer)
    await developer.register()
    await developer.update(metadata)
    await developer.approve(2)

    async def remove(key: SigningKey, *, token: str = developer.token) -> None:
        proof = developer.proof("DELETE", key)
        await registering.remove_registration(house, client=developer.client, token=token, proof=proof)

    stranger, new = SigningKey.new(), SigningKey.new()
    with pytest.raises(InvalidToken):  # nobody is called for a guess
        await remove(developer.key, token="guess")
    assert site.calls == []
    site.is_up = False
    with pytest.raises(InvalidClient):
        await remove(developer.key)
    site.is_up, site.at = True, site.at + PAUSE
    with pytest.raises(Forbidden):
        await remove(stranger)
    await developer.knock()
    site.document, site.at = publish(new), site.at + PAUSE
    await remove(new)  # known by then: the set is asked again for a key that is not among those we have
    with pytest.raises(InvalidToken):
        await developer.read()


async def test_a_set_that_was_fetched_from_another_address_proves_nothing(developer: Developer) -> None:
    """The operator puts another address in effect while the keys of the old one are on their way."""
    house = developer.world.house
    site = Publisher(developer.key)
    site.at = developer.world.at
    developer.world.house = house = replace(house, client_keys=ClientKeys(site.get, lambda: site.at))
    document = {"client_name": "Loket", "redirect_uris": [REDIRECT], "jwks_uri": "https://stad.example/keys"}
    await developer.register()
    await developer.update(check_registration(document, issuer=house.issuer))
    await developer.approve(2)
    other = document | {"jwks_uri": "https://stad.example/other"}
    await developer.update(check_registration(other, issuer=house.issuer))
    site.gate.clear()
    proof = developer.proof("DELETE", developer.key)
    removal = asyncio.create_task(
        registering.remove_registration(house, client=developer.client, token=developer.token, proof=proof)
    )
    await site.called.wait()
    await developer.approve(3)
    site.gate.set()
    with pytest.raises(Forbidden):
        await removal


async def test_what_citizens_allowed_a_removed_client_ends_and_they_read_it(
    world: World, tmp_path: Path
) -> None:
    given = await world.given()
    deed, token = admit.renew_token(MUNICIPALITY, by=ANNA, chance=secrets.token_bytes(32))
    await do(world, deed)
    developer = Developer(world)
    developer.client, developer.token, developer.key = MUNICIPALITY, token, world.keys[MUNICIPALITY]
    assert await do(world, close()) == 0
    await registering.remove_registration(
        world.house, client=MUNICIPALITY, token=token, proof=developer.proof("DELETE", developer.key)
    )
    assert await world.disclose(given.tokens) == Refused(
        "client_suspended"
    )  # at once, before anything is swept
    assert await do(world, close()) == 1
    assert await do(world, close()) == 0
    assert await world.disclose(given.tokens) == Refused("not_active")
    seen = await overview(world.house, citizen=given.citizen, language="nl")
    assert [(one.id, one.how) for one in seen.ended] == [(given.grant, "let_go")]
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_a_client_that_waits_is_simply_taken_back(developer: Developer) -> None:
    await developer.register()
    await registering.remove_registration(
        developer.world.house, client=developer.client, token=developer.token, proof=None
    )
    with pytest.raises(InvalidClient):
        await developer.knock()
    with pytest.raises(NotFound):
        await developer.approve(1)


async def test_an_approval_does_not_restore_what_is_suspended(approved: Developer) -> None:
    await do(approved.world, suspend(Subject("client", approved.client), by=ANNA))
    await approved.update(approved.metadata(client_name="Loket 2"))
    await approved.approve(2)
    assert (await approved.read()).is_suspended


# Operators


async def token_of(world: World, *scopes: Any, days: int = 1) -> str:
    deed, token = let_in(
        "bob", scopes, by=ANNA, expires_at=world.at + days * DAY, chance=secrets.token_bytes(32)
    )
    await do(world, deed)
    return token


async def test_an_operator_does_what_the_token_is_for_and_it_is_written_down(world: World) -> None:
    token = await token_of(world, "suspend")
    about = Subject("organisation", CITY)
    await do(world, with_token(token, "suspend", lambda by: suspend(about, by=by, note="a complaint")))
    newest = [line for line in await journal(world.house) if line.operator == "bob"]
    assert [(line.act, line.subject, line.note) for line in newest] == [("suspended", CITY, "a complaint")]
    with pytest.raises(WrongScope):
        await let_through(world.house, token, "read")
    with pytest.raises(WrongScope):
        await do(world, with_token(token, "decide", lambda by: admit.approve_client("client-x", 1, by=by)))


async def test_a_token_ends_by_time_and_by_a_colleague(world: World) -> None:
    token = await token_of(world, "read")
    assert await let_through(world.house, token, "read") == Operator("bob")
    world.pass_time(86_400)
    with pytest.raises(UnknownOperator):
        await let_through(world.house, token, "read")
    token = await token_of(world, "read")
    assert await do(world, shut_out("bob", by=ANNA)) == 1
    with pytest.raises(UnknownOperator):
        await let_through(world.house, token, "read")
    with pytest.raises(UnknownOperator):
        await let_through(world.house, "A" * 43, "read")


async def test_a_token_that_is_ended_in_the_same_breath_opens_nothing(world: World) -> None:
    """Both stories are of one batch: the second one must see what the first one did."""
    token = await token_of(world, "suspend")
    about = Subject("organisation", CITY)
    house = world.house
    ended, tried = await asyncio.gather(
        house.scribe.do(shut_out("bob", by=ANNA)),
        house.scribe.do(with_token(token, "suspend", lambda by: suspend(about, by=by))),
        return_exceptions=True,
    )
    assert not isinstance(ended, BaseException)
    assert isinstance(tried, UnknownOperator)
    assert {one.status for one in await listing(house, "organisation")} == {"approved"}


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("bob", (), 1),
        ("bob", ("all",), 1),
        ("", ("read",), 1),
        ("a\nb", ("read",), 1),
        ("bob", ("read",), 91),
    ],
)
async def test_an_operators_token_is_bounded(world: World, name: str, scopes: Any, days: int) -> None:
    async def attempt() -> None:
        deed, _ = let_in(
            name, scopes, by=ANNA, expires_at=world.at + days * DAY, chance=secrets.token_bytes(32)
        )
        await do(world, deed)

    with pytest.raises(ConsentError):
        await attempt()


@pytest.mark.on_a_file
async def test_no_token_stands_in_the_database(world: World, developer: Developer) -> None:
    token = await invitation(world)
    await developer.register(token)
    operators = await token_of(world, "read")
    store = world.house.store
    octets = (store.path).read_bytes()  # type: ignore[attr-defined]
    octets += b"".join(file.read_bytes() for file in store.path.parent.glob("*-wal"))  # type: ignore[attr-defined]
    for secret in (token, developer.token, operators):
        assert secret.encode() not in octets
