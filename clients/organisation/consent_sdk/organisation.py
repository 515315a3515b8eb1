"""The acts of an organisation: ask, receive, fetch, use, and let go.

    ask → (the citizen decides) → receive → fetch → use → amend, renew → end_grant

`fetch` hands out data only after their receipt was checked against the public log.
"""

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

import httpx
import msgspec

from .account import Account
from .answers import Arrangement, Ask, Attribute, Disclosure, Entry, GrantStatus, Use
from .batch import Batches, Fetched, Wanted
from .demands import Demands
from .errors import Declined, ProtocolError, Refused, Unreachable
from .keys import KeyMaterial, SigningKey, challenge_of
from .log import Log
from .policy import read_policy
from .secret import Secret
from .service_keys import ServiceKeys, read_signed_answer
from .signals import Signal, SignalReceiver
from .store import Store
from .tokens import Tokens
from .trust import Trust
from .wire import Wire, read_answer, refusal

Scope = Literal["all", "all_but_legal_duty"]


class _Pushed(msgspec.Struct):
    request_uri: str


class _Disclosed(msgspec.Struct):
    disclosure_id: str
    grant_id: str
    attributes: dict[str, Attribute]
    entry: Entry
    proof: str


class Organisation:
    """One organisation at one consent service. Use it for as long as the process lives, in one event loop."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        key: KeyMaterial,
        redirect_uri: str,
        store: Store,
        http: httpx.AsyncClient | None = None,
        *,
        organisation: str | None = None,
        log_keys: Sequence[str] = (),
        policy: str | None = None,
        signs_requests: bool = False,
        wants_signed_answers: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """*key*: the EC P-256 private key (PEM, JWK, object) whose public half is registered.

        *organisation* is the id under which you are registered, *log_keys* the verifier keys of the logs you
        trust; without them the first receipt decides, and the store remembers. *policy* is the text of a tlog-policy:
        keys of logs, and the witnesses that must have signed before a receipt is more than provisional.
        *signs_requests* and *wants_signed_answers*: as is registered for this client (RFC 9101, JARM); then no
        plain answer is taken.
        Raises ValueError.
        """
        self._issuer = issuer
        self._client_id = client_id
        self._redirect_uri = redirect_uri
        prefix = f"{issuer} {client_id} "  # several organisations may share a store
        self._store, self._prefix = store, prefix
        self._own_http = http is None
        self._http = http or httpx.AsyncClient(timeout=httpx.Timeout(15))
        signing = SigningKey.load(key)
        shared: dict[str, Any] = {"store": store, "prefix": prefix, "http": self._http}
        self._wire = Wire(issuer, client_id, signing, clock=clock, **shared)
        trusted = read_policy(policy) if policy is not None else None
        self._log = log = Log(issuer, keys=list(log_keys), policy=trusted, **shared)
        self._keys = ServiceKeys(self._wire)
        self._signs_requests, self._wants_signed_answers = signs_requests, wants_signed_answers
        self._tokens = Tokens(issuer, self._wire, store=store, prefix=prefix)
        self._trust = Trust(log, store=store, prefix=prefix, organisation=organisation)
        self._batches = Batches(self._wire, self._tokens, log, self._trust)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client is yours."""
        if self._own_http:
            await self._http.aclose()

    # Asking

    async def ask(
        self,
        *,
        purpose: str,
        purpose_version: int,
        attributes: Sequence[str],
        duration_days: int,
        acr_values: Sequence[str] = (),
        max_age: int | None = None,
        case: str | None = None,
    ) -> Ask:
        """Prepare a question (RFC 9126, RFC 9396), and get the address to send the citizen to.

        Only the purpose is named; the words she reads were approved with it. *acr_values* (any of them) and *max_age*
        (seconds) say how and how lately she has to have signed in (RFC 9470). *case* is your own number for it: with it
        your clerks see how it stands. It says nothing personal. Raises Refused, ProtocolError.
        """
        wanted = (purpose, purpose_version, tuple(attributes), duration_days)
        return await self._push(*wanted, grant_id=None, acr_values=acr_values, max_age=max_age, case=case)

    async def amend(
        self,
        arrangement: Arrangement,
        *,
        attributes: Sequence[str],
        duration_days: int,
        purpose_version: int | None = None,
        acr_values: Sequence[str] = (),
        max_age: int | None = None,
    ) -> Ask:
        """Prepare a question to change a running permission: *attributes* and duration are all that it would hold.

        She sees what is new, what stays and what goes. Her no leaves it as it is (`Declined`); her yes keeps the
        `grant_id`. *purpose_version*: a later one of the same purpose; *acr_values*, *max_age*: as for `ask`.
        Raises Refused (`invalid_grant_id`: it is over).
        """
        version = arrangement.purpose_version if purpose_version is None else purpose_version
        wanted = (arrangement.purpose, version, tuple(attributes), duration_days)
        return await self._push(
            *wanted, grant_id=arrangement.grant_id, acr_values=acr_values, max_age=max_age
        )

    async def renew(self, arrangement: Arrangement, *, duration_days: int) -> Ask:
        """Prepare the question whether a running permission may go on as it is, for *duration_days* from now.

        Ask before it is over: what has ended does not come back. Raises Refused (`invalid_grant_id`).
        """
        return await self.amend(arrangement, attributes=arrangement.attributes, duration_days=duration_days)

    async def _push(
        self,
        purpose: str,
        purpose_version: int,
        attributes: tuple[str, ...],
        duration_days: int,
        *,
        grant_id: str | None,
        acr_values: Sequence[str],
        max_age: int | None,
        case: str | None = None,
    ) -> Ask:
        metadata = await self._wire.metadata()
        # 256 bits each: the state ties the answer to her browser, the verifier the code to us (RFC 7636).
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        wanted = {
            "type": self._tokens.detail_type,
            "purpose": purpose,
            "purpose_version": purpose_version,
            "attributes": list(attributes),
            "duration_days": duration_days,
        }
        fields = {
            "response_type": "code",
            "redirect_uri": self._redirect_uri,
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        if grant_id is not None:
            fields |= {"grant_id": grant_id, "grant_management_action": "replace"}
        if acr_values:
            fields["acr_values"] = " ".join(acr_values)
        if max_age is not None:
            fields["max_age"] = str(max_age)
        if case is not None:
            fields["case"] = case
        if self._wants_signed_answers:
            fields["response_mode"] = "jwt"
        if self._signs_requests:  # all of it stands inside, and nothing beside it counts (RFC 9126 §3)
            fields = {"request": self._wire.request_object({**fields, "authorization_details": [wanted]})}
        else:
            fields["authorization_details"] = msgspec.json.encode([wanted]).decode()
        answer = await self._wire.form(metadata.pushed_authorization_request_endpoint, fields)
        reference = read_answer(answer, _Pushed).request_uri
        query = urlencode({"client_id": self._client_id, "request_uri": reference})
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return Ask(
            url=f"{metadata.authorization_endpoint}{joint}{query}",
            state=state,
            verifier=Secret(verifier),
            purpose=purpose,
            purpose_version=purpose_version,
            attributes=attributes,
            grant_id=grant_id,
        )

    async def receive(self, callback_url: str, ask: Ask) -> Arrangement:
        """Take the citizen's answer from the address she came back to, and exchange it.

        *ask* has to come from the session of this very browser. Raises Declined when she said no,
        ProtocolError when the address is not the answer to this question, Refused when the service says no.
        """
        answer = _single_values(urlsplit(callback_url).query)
        if "response" in answer:
            answer = await read_signed_answer(
                answer["response"],
                self._keys,
                issuer=self._issuer,
                client_id=self._client_id,
                at=self._wire.now(),
            )
        elif self._wants_signed_answers:
            raise ProtocolError("the answer is not signed")
        # Who answers comes first: a code of another server must not be sent to this one (RFC 9207 §2.4).
        if answer.get("iss") != self._issuer:
            raise ProtocolError("the answer is of another issuer")
        if not hmac.compare_digest(answer.get("state", "").encode(), ask.state.encode()):
            raise ProtocolError("the answer is not to this question")
        error = answer.get("error")
        if error == "access_denied":
            raise Declined("the citizen said no")
        if error is not None:
            known = error.isascii() and error.replace("_", "").isalnum() and len(error) <= 64
            raise Refused(error if known else "unknown_error", status=0)
        if "code" not in answer:
            raise ProtocolError("the answer holds no code")
        fields = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self._redirect_uri,
            "code_verifier": ask.verifier.reveal(),
        }
        return await self._tokens.exchange(fields, ask)

    async def arrangement(self, grant_id: str) -> Arrangement | None:
        """The arrangement that the store remembers under *grant_id*, or None."""
        return await self._tokens.remembered(grant_id)

    # Fetching

    async def fetch(
        self, arrangement: Arrangement, attributes: Sequence[str], idempotency_key: str | None = None
    ) -> Disclosure:
        """Get *attributes* now, with a receipt that was checked: no proof, no data.

        Ask each time you need them. After Unreachable, repeat with the `idempotency_key` of that error: it
        stays one disclosure. Raises Refused (`grant_not_active` once she stopped), ProofError, Forked,
        ProtocolError.
        """
        # A change may have been agreed to since the caller got hold of it.
        arrangement = await self._tokens.remembered(arrangement.grant_id) or arrangement
        asked = sorted(set(attributes))
        key = secrets.token_urlsafe(24) if idempotency_key is None else idempotency_key
        expected = await self._trust.expected(
            arrangement, asked, now=self._wire.now(), is_repeat=idempotency_key is not None
        )
        try:
            answer = await self._tokens.call(
                "POST",
                "/disclosures",
                arrangement=arrangement,
                json={"attributes": asked},
                headers={"idempotency-key": key},
            )
        except Unreachable as error:
            error.idempotency_key = key
            raise
        if not answer.is_success:
            refused = refusal(answer)
            if isinstance(refused, Refused):
                await self._trust.judge(arrangement.grant_id, expected, refused)
            if isinstance(refused, Unreachable):
                refused.idempotency_key = key
            raise refused
        got = read_answer(answer, _Disclosed)
        if got.grant_id != arrangement.grant_id:
            raise ProtocolError("the answer is about another permission")
        is_witnessed = await self._trust.accept(
            arrangement.grant_id, expected, entry=got.entry, proof=got.proof, values=got.attributes
        )
        return Disclosure(
            disclosure_id=got.disclosure_id,
            grant_id=got.grant_id,
            values=got.attributes,
            entry=got.entry,
            proof=got.proof,
            provisional=not is_witnessed,
        )

    async def fetch_many(self, wanted: Sequence[Wanted]) -> list[Fetched]:
        """Get data under up to a hundred permissions in one request; what came of each, in their order.

        The operator has to have approved `batch_disclosure` for your client (else Refused, `unauthorized_client`).
        A no to one item stands in its result. All receipts are checked before any data is handed out: what is wrong
        with one raises ProofError for all. After Unreachable repeat with `error.wanted`: each stays one disclosure.
        Raises ValueError for none or more than a hundred, Refused when all are refused (`invalid_token` …), ProofError,
        Forked, ProtocolError.
        """
        return await self._batches.fetch(wanted)

    async def upgrade(self, receipt: Mapping[str, Any]) -> dict[str, Any] | None:
        """The receipt under a checkpoint that the quorum of your policy signed; None while there is none: ask later.

        *receipt* is what `Disclosure.receipt()` gave. Keep the new one instead. Raises ProofError, or Forked: then the
        log has shown you and others two histories; keep the error's evidence.
        """
        return await self._trust.upgrade(receipt)

    async def compare(self) -> list[str]:
        """Hold what you were shown against what the witnesses of your policy saw; the names of those that agree.

        Do it now and then: a log that shows two histories is found by two who compare. Raises Forked or ProofError.
        """
        return await self._log.compare()

    # Using, and letting go

    async def use(self, *, disclosures: Sequence[str], template: str) -> Use:
        """Say that you now use what you received, and get the sentence to show beside it.

        *disclosures* are ids, *template* a sentence approved with the purpose. Raises Refused when a
        permission is over: then do not use the data.
        """
        body = {"disclosures": list(disclosures), "template": template}
        answer = await self._tokens.as_client("POST", "/uses", json=body)
        use = read_answer(answer, Use)
        # The link goes on a page, so it may only lead to the citizen's own pages.
        link = urljoin(f"{self._issuer}/", use.link)
        if not link.startswith(f"{self._issuer}/"):
            raise ProtocolError("the link leads elsewhere")
        return msgspec.structs.replace(use, link=link)

    async def grant(self, grant_id: str) -> GrantStatus:
        """How the permission *grant_id* stands. Raises Refused (404: unknown, not yours or erased)."""
        return read_answer(
            await self._tokens.as_client("GET", f"/grants/{quote(grant_id, safe='')}"), GrantStatus
        )

    async def end_grant(self, grant_id: str) -> None:
        """End the permission *grant_id*, because you need the data no longer, and forget its tokens.

        She reads that you did. A second time changes nothing. Raises Refused (404: unknown, not yours or erased).
        """
        await self._tokens.as_client("DELETE", f"/grants/{quote(grant_id, safe='')}")
        await self._tokens.drop(grant_id)

    # Looking back, and hearing

    @property
    def account(self) -> Account:
        """What this client has at the service: its permissions, its use of them, its purposes."""
        return Account(self._tokens)

    @property
    def demands(self) -> Demands:
        """What citizens ask of you, and your answers."""
        return Demands(self._tokens)

    def receiver(self, on_signal: Callable[[Signal], Awaitable[None]]) -> SignalReceiver:
        """What takes the service's signals at your registered `signals_endpoint`; see `signals`."""
        return SignalReceiver(self._issuer, self._client_id, self._wire, self._store, self._prefix, on_signal)

    async def acknowledge(self, signal_id: str) -> None:
        """Say that you heard a signal and acted on it; the citizen reads that. Twice is as good as once.

        Raises Refused (404: not a signal of yours).
        """
        await self._tokens.as_client("POST", f"/signals/{quote(signal_id, safe='')}/acknowledge")

    async def state_deletion(
        self,
        grant_id: str,
        *,
        attributes: Sequence[str] = (),
        scope: Scope = "all",
        deleted_at: int | None = None,
    ) -> None:
        """Sign that what you received under an ended permission is gone, with copies; the citizen reads that.

        *attributes*: those of an `amended` signal, which a permission that goes on no longer has; none means all.
        *scope* `all_but_legal_duty`: you keep what a law makes you keep, and use it for nothing else. *deleted_at* in
        whole seconds (now). Raises Refused (`grant_still_active`, `not_found`).
        """
        when = self._wire.now() if deleted_at is None else deleted_at
        statement = self._wire.deletion_statement(
            grant_id, scope=scope, deleted_at=when, attributes=attributes
        )
        await self._tokens.as_client(
            "POST", f"/grants/{quote(grant_id, safe='')}/deletion", json={"statement": statement}
        )

    async def revoke_tokens(self, arrangement: Arrangement) -> None:
        """Make the tokens worthless (RFC 7009) and forget them. The permission itself goes on."""
        await self._tokens.forget(arrangement)


def _single_values(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    values = dict(pairs)
    # RFC 6749 §3.1: a parameter twice could be read in two ways.
    if len(values) != len(pairs):
        raise ProtocolError("the answer names a parameter twice")
    return values
