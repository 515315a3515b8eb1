"""What an organisation does in the state machine: ask, exchange, refresh, fetch, use, and replay."""

import hashlib
import secrets
from collections.abc import Awaitable
from typing import Any, NamedTuple

import consent_verify
import msgspec
from consent_sdk.keys import dpop_proof

from consent.acts import disclose as disclosing
from consent.acts import redeem as redeeming
from consent.acts import revoke as revoking
from consent.acts import use as using
from consent.grants.grant import Grant as GrantRow
from consent.ledger.entry import opening_json
from consent.oauth.dpop import check_proof
from consent.oauth.metadata import TOKEN_PATH
from consent.oauth.token import CodeExchange, Refresh, handle_hash
from consent.words.attributes import CATALOGUE, label_in_sentence, value_bytes
from consent.words.errors import InvalidGrantId, UnauthorizedClient
from consent.words.instants import DAY, SECOND
from tests.world import VERIFIER

from .hands import Hands, Step
from .model import REQUEST_LIFE
from .things import Code, Delivery, Grant, Request, Token, Use

CLIENTS = {"energietoeslag": "voorbeeldstad-loket", "besparen": "voorbeeld-energie-app"}


async def _nothing() -> None:
    return None


class ProofText(NamedTuple):
    """A DPoP proof as it travels, so that it can be sent a second time."""

    text: str
    client: str
    path: str
    token: str
    at: int  # its iat, in microseconds


class OrganisationHands(Hands):
    """Everything that comes in through the organisation's door."""

    def __init__(self) -> None:
        super().__init__()
        self.proofs: list[tuple[ProofText, Token, frozenset[str]]] = []

    def ask(
        self,
        purpose: str,
        attributes: tuple[str, ...],
        days: int,
        *,
        amends: Grant | None = None,
        how: str = "replace",
    ) -> Request | None:
        client = CLIENTS[purpose]
        at = self.model.at
        push = self.world.ask(
            client=client, purpose=purpose, attributes=attributes, days=days,
            amends=amends.id if amends is not None else None, how=how,
        )  # fmt: skip
        try:
            name, no = self.home.run(push), None
        except (UnauthorizedClient, InvalidGrantId) as said:
            name, no = None, type(said)
        if self.model.is_suspended(client):
            assert no is UnauthorizedClient
        elif amends is not None and not self.model.is_live(amends):
            assert no is InvalidGrantId
        else:
            assert no is None
        if name is None:
            return None
        until = (at + days * DAY) // SECOND * SECOND
        names = {*attributes, *(amends.attributes if amends is not None and how != "replace" else ())}
        request = Request(name, client, purpose, tuple(sorted(names)), at, until, at + REQUEST_LIFE)
        request.amends, request.pinned = amends, amends.version if amends is not None else 0
        self.model.requests.append(request)
        return request

    def let_go(self, grant: Grant, client: str) -> Step:
        """An organisation ends a grant, perhaps somebody else's."""
        token = self.home.run(self._own_token(client))
        name = grant.id or "0" * 32
        if token is None:  # suspended: it gets no token, and so ends nothing
            return Step(_nothing, lambda: None, lambda got, expected: None)
        proof = self.world.proof(client, "DELETE", f"/grants/{name}", token)

        def compare(got: Any, expected: Any) -> None:
            if expected == "let go":
                assert isinstance(got, GrantRow), got
                assert (got.id, got.state) == (grant.id, grant.state)
            else:
                assert type(got).__name__ == expected, (got, expected)

        return Step(
            lambda: revoking.revoke(self.world.house, token_hash=handle_hash(token), proof=proof, grant=name),
            lambda: self.model.let_go(grant, client),
            compare,
        )

    async def _own_token(self, client: str) -> str | None:
        try:
            return await self.world.own_token(client)
        except UnauthorizedClient:
            assert self.model.is_suspended(client)
            return None

    def exchange(self, code: Code, client: str, *, knows_verifier: bool) -> Step:
        form = CodeExchange(
            code=code.handle or "", redirect_uri=None, verifier=VERIFIER if knows_verifier else "w" * 43
        )
        _, caller = self.home.run(self.world.caller(client, {}, TOKEN_PATH))

        def compare(got: Any, expected: Any) -> None:
            if isinstance(expected, str):
                assert type(got).__name__ == expected, (got, expected)
                return
            access, refresh = expected
            assert isinstance(got, redeeming.Tokens), got
            access.handle, refresh.handle = got.access_token, got.refresh_token
            self._same_grant(got, access.grant)

        return Step(
            lambda: redeeming.redeem(self.world.house, caller, form),
            lambda: self.model.exchange(code, client, knows_verifier=knows_verifier),
            compare,
        )

    def refresh(self, token: Token, client: str) -> Step:
        _, caller = self.home.run(self.world.caller(client, {}, TOKEN_PATH))

        def compare(got: Any, expected: Any) -> None:
            if isinstance(expected, str):
                assert type(got).__name__ == expected, (got, expected)
                return
            assert isinstance(got, redeeming.Tokens), got
            assert got.refresh_token is None  # not rotated
            expected.handle = got.access_token
            self._same_grant(got, expected.grant)

        form = Refresh(refresh_token=token.handle or "")
        return Step(
            lambda: redeeming.redeem(self.world.house, caller, form),
            lambda: self.model.refresh(token, client),
            compare,
        )

    def _same_grant(self, got: redeeming.Tokens, grant: Grant) -> None:
        assert got.grant is not None
        assert (got.grant.id, got.grant.attributes) == (grant.id, grant.attributes)
        assert (got.grant.purpose, got.grant.expires_at) == (grant.purpose, grant.expires_at)
        assert 1 <= got.expires_in <= 600

    def proof(self, client: str, path: str, token: str) -> ProofText:
        text = dpop_proof(
            self.world.keys[client], method="POST", url=self.world.house.issuer + path,
            at=self.world.at // SECOND, jti=secrets.token_urlsafe(16), token=token, nonce=None,
        )  # fmt: skip
        return ProofText(text, client, path, token, self.world.at // SECOND * SECOND)

    def disclose(
        self,
        token: Token,
        client: str,
        asked: frozenset[str],
        key: str | None,
        proof: ProofText | None = None,
    ) -> Step:
        handle = token.handle or "lost"
        sent = proof or self.proof(client, "/disclosures", handle)
        if proof is None:
            self.proofs.append((sent, token, asked))

        async def ask() -> Any:
            house = self.world.house
            checked = check_proof(
                [sent.text], method="POST", url=house.issuer + "/disclosures", at=self.world.at,
                token=handle, cache=house.proof_keys,
            )  # fmt: skip
            return await disclosing.disclose(
                house,
                token_hash=handle_hash(handle),
                proof=checked,
                attributes=asked,
                key=hashlib.sha256(key.encode()).digest() if key is not None else None,
                body=hashlib.sha256("|".join(sorted(asked)).encode()).digest(),
            )

        def compare(got: Any, expected: Any) -> None:
            if isinstance(expected, Delivery):
                assert isinstance(got, disclosing.Given), (got, expected.items)
                self._right_values(got, expected)
                return
            assert not isinstance(got, disclosing.Given), f"values left although: {expected}"
            if isinstance(got, disclosing.Refused):
                assert got.reason == expected
                if got.leaf is not None:
                    assert got.opening is not None and got.opening.detail is None  # noqa: PT018
                    self.sent += [got.leaf, got.opening.record, (got.proof or "").encode()]
            else:
                assert type(got).__name__ == expected, (got, expected)

        return Step(ask, lambda: self.model.disclose(token, client, asked, key, sent.text), compare)

    def _right_values(self, got: disclosing.Given, expected: Delivery) -> None:
        """What she has now, of what she granted, under an entry that says the same and a proof that holds."""
        values = {sealed.name: (sealed.version, opened.value) for sealed, opened in got.values}
        assert values == {n: (v, value_bytes(value)) for n, v, value in expected.items}  # type: ignore[arg-type]
        assert (got.grant, got.opening.index) == (expected.grant.id, expected.index)
        assert expected.id in (None, got.disclosure)
        expected.id = got.disclosure
        key = consent_verify.read_key(self.world.house.vkey)
        index, checkpoint = consent_verify.check_proof(got.proof, got.leaf, [key])
        assert (index, checkpoint.origin) == (expected.index, self.world.house.vkey.partition("+")[0])
        line = msgspec.json.encode(opening_json(got.opening, with_detail=True))
        consent_verify.check_opened(consent_verify.read_opening(line, "it"), got.leaf, checkpoint.origin)
        record = msgspec.json.decode(got.opening.record)
        assert (record["ev"], record["c"]) == ("disclosed", expected.grant.index)
        assert record["attributes"] == sorted(values)
        self.sent += [got.leaf, line, got.proof.encode()]  # the entry and its proof hold no value either

    def use(self, token: Token, client: str, given: tuple[Delivery, ...], template: str) -> Step:
        names = tuple(one.id or "0" * 32 for one in given)
        proof = self.world.proof(client, "POST", "/uses", token.handle or "lost")

        def compare(got: Any, expected: Any) -> None:
            if isinstance(expected, Use):
                assert isinstance(got, using.Registered), (got, expected)
                assert expected.id in (None, got.use)
                expected.id = got.use
                told = got.because.en.partition(": ")[2].rstrip(".").replace(" and ", ", ").split(", ")
                assert told == [label_in_sentence(CATALOGUE[name], "en") for name in expected.attributes]
                self.sent.append(msgspec.json.encode(got))
            elif isinstance(got, using.Refused):
                assert got.reason == expected
            else:
                assert type(got).__name__ == expected, (got, expected)

        def ask() -> Awaitable[Any]:
            return using.use(
                self.world.house, token_hash=handle_hash(token.handle or "lost"), proof=proof,
                disclosures=names, template=template,
            )  # fmt: skip

        return Step(ask, lambda: self.model.use(token, client, given, template, str(proof.jti_hash)), compare)
