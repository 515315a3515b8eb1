"""Many permissions in one request, with the SDK at the real service: all receipts are right, or nothing comes out."""

import copy
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from consent_sdk import (
    Arrangement,
    MemoryStore,
    Organisation,
    ProofError,
    ProtocolError,
    Refused,
    Unreachable,
    Wanted,
)
from consent_sdk.merkle import is_included, leaf_hash, shared_paths
from hypothesis import given as example
from hypothesis import strategies as st

from consent.demo import Stage
from consent.ledger.checkpoint import ED25519, parse_vkey
from consent.ledger.proof import check_proof
from tests.sdk.log_world import audit_path, tree_hash
from tests.web.office import ASKED, REDIRECT, Office, office_of

FAMILY, CHILDREN = ASKED
Change = Callable[[dict[str, Any]], None]


class Meddler(httpx.AsyncBaseTransport):
    """Sits between the SDK and the service, and may change the answer to a batch, or lose it."""

    def __init__(self) -> None:
        self.real = httpx.AsyncHTTPTransport()
        self.change: Change | None = None
        self.loses = False
        self.bytes = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.real.handle_async_request(request)
        if request.url.path != "/disclosures/batch":
            return answer
        body = await answer.aread()
        await answer.aclose()
        self.bytes = len(body)
        if self.loses:
            raise httpx.ReadError("lost")
        if self.change is not None:
            said = json.loads(body)
            self.change(said)
            body = json.dumps(said).encode()
        return httpx.Response(answer.status_code, headers={"content-type": "application/json"}, content=body)

    async def aclose(self) -> None:
        await self.real.aclose()


@pytest.fixture(scope="module")
def desk(served: Stage) -> Office:
    return office_of(served, "stapel", batch_disclosure=True)


@pytest.fixture
async def meddler() -> AsyncIterator[Meddler]:
    one = Meddler()
    yield one
    await one.aclose()


@pytest.fixture
async def org(desk: Office, meddler: Meddler) -> AsyncIterator[Organisation]:
    async with organisation(desk, meddler) as made:
        yield made


def organisation(desk: Office, meddler: Meddler) -> Organisation:
    http = httpx.AsyncClient(transport=meddler, timeout=15)
    return Organisation(
        desk.stage.issuer, desk.client_id, desk.key.pem(), REDIRECT, MemoryStore(), http,
        organisation=desk.organisation,
    )  # fmt: skip


def log_keys(stage: Stage) -> list[str]:
    """The first keys of the log that is written now; the second ones sign a moment later."""
    log = httpx.get(f"{stage.issuer}/log").text.split()[-1]
    policy = httpx.get(f"{stage.issuer}/log/{log}/policy").text
    keys = [line.split()[1] for line in policy.splitlines() if line.startswith("log ")]
    return [key for key in keys if parse_vkey(key).algorithm == ED25519]


async def arranged(desk: Office, org: Organisation, persona: str) -> Arrangement:
    ask = await org.ask(purpose=desk.purpose, purpose_version=1, attributes=ASKED, duration_days=30)
    back = desk.answered(ask.url.removeprefix(desk.stage.issuer), persona=persona)
    return await org.receive(
        f"{REDIRECT}&{httpx.QueryParams({n: v for n, v in back.items() if n != 'keep'})}", ask
    )


async def test_each_item_has_its_data_and_a_receipt_that_stands_alone(
    desk: Office, org: Organisation
) -> None:
    sanne, riet = await arranged(desk, org, "sanne"), await arranged(desk, org, "riet")
    mine, hers, again, no = await org.fetch_many(
        [
            Wanted(arrangement=sanne, attributes=(FAMILY,)),
            Wanted(arrangement=riet, attributes=(FAMILY,)),
            Wanted(arrangement=sanne, attributes=(FAMILY, CHILDREN)),
            Wanted(arrangement=sanne, attributes=("shoe_size",)),
        ]
    )
    assert mine.disclosure is not None
    assert hers.disclosure is not None
    assert again.disclosure is not None
    assert mine.disclosure.values[FAMILY].value == 3
    assert set(again.disclosure.values) == {FAMILY, CHILDREN}
    assert mine.refused is None
    assert no.disclosure is None
    assert no.refused is not None
    assert (no.refused.reason, no.refused.status) == ("bad_input", 400)
    # As if fetched alone: whoever checks a proof checks this one.
    check_proof(mine.disclosure.proof, b64decode(mine.disclosure.entry.leaf), log_keys(desk.stage))
    alone = await org.fetch(sanne, [FAMILY], idempotency_key=mine.idempotency_key)
    assert alone.disclosure_id == mine.disclosure.disclosure_id
    assert alone.entry == mine.disclosure.entry


async def test_after_silence_the_same_items_are_the_same_disclosures(
    desk: Office, org: Organisation, meddler: Meddler
) -> None:
    sanne = await arranged(desk, org, "sanne")
    meddler.loses = True
    with pytest.raises(Unreachable) as silence:
        await org.fetch_many([Wanted(arrangement=sanne, attributes=(FAMILY,))] * 2)
    meddler.loses = False
    one, two = await org.fetch_many(silence.value.wanted)
    again, _ = await org.fetch_many(silence.value.wanted)
    assert one.disclosure is not None
    assert two.disclosure is not None
    assert again.disclosure is not None
    assert one.disclosure.disclosure_id == again.disclosure.disclosure_id != two.disclosure.disclosure_id


async def test_a_no_to_a_repeated_item_brings_its_old_entry_checked(
    desk: Office, org: Organisation, meddler: Meddler
) -> None:
    riet = await arranged(desk, org, "riet")
    (first,) = await org.fetch_many([Wanted(arrangement=riet, attributes=(FAMILY,))])
    await org.end_grant(riet.grant_id)
    repeated = Wanted(arrangement=riet, attributes=(FAMILY,), idempotency_key=first.idempotency_key)
    (no,) = await org.fetch_many([repeated])
    assert no.refused is not None
    assert no.refused.reason == "grant_not_active"
    assert no.refused.is_checked
    assert first.disclosure is not None
    assert no.refused.entry is not None
    assert no.refused.entry["leaf"] == first.disclosure.entry.leaf
    # Also where no data hangs on it, an entry that is not in the log is said to be none.
    meddler.change = lambda said: said["results"][0]["problem"]["entry"].update(leaf="A" * 200 + "AAA=")
    with pytest.raises(ProofError, match="inclusion"):
        await org.fetch_many([repeated])


def _swap(said: dict[str, Any]) -> None:
    one, other = (result["disclosure"] for result in said["results"])
    one["attributes"], other["attributes"] = other["attributes"], one["attributes"]


def _swap_all(said: dict[str, Any]) -> None:
    said["results"].reverse()


def _same_place(said: dict[str, Any]) -> None:
    one, other = (result["disclosure"]["entry"]["opening"] for result in said["results"])
    one["i"] = other["i"]


def _twice(said: dict[str, Any]) -> None:
    said["results"][1]["disclosure"]["entry"] = copy.deepcopy(said["results"][0]["disclosure"]["entry"])


def _both(said: dict[str, Any]) -> None:
    said["results"][1]["problem"] = {"status": 403, "code": "beyond_grant"}


def _value(said: dict[str, Any]) -> None:
    said["results"][1]["disclosure"]["attributes"][FAMILY]["value"] = 9


def _hash(said: dict[str, Any]) -> None:
    hashes = said["proofs"][0]["hashes"]
    hashes[0] = hashes[-1] if hashes[0] != hashes[-1] else "A" * 43 + "="


def _forged_no(said: dict[str, Any]) -> None:
    entry = said["results"][1].pop("disclosure")["entry"]
    entry["leaf"] = "A" * 200 + "AAA="
    said["results"][1]["problem"] = {"status": 401, "code": "grant_not_active", "entry": entry, "proof": 0}


@pytest.mark.parametrize(
    "change",
    [
        _swap, _swap_all, _same_place, _twice, _both, _value, _hash, _forged_no,
        lambda said: said["results"].pop(),
        lambda said: said["proofs"][0]["hashes"].pop(),
        lambda said: said["proofs"][0]["hashes"].append("A" * 43 + "="),
        lambda said: said["proofs"][0]["hashes"].reverse() or said["proofs"][0]["hashes"].insert(0, "x"),
        lambda said: said["proofs"].clear(),
        lambda said: said["results"][1]["disclosure"].update(proof=1),
        lambda said: said["results"][1]["disclosure"].update(proof=-1),
        lambda said: said["results"][1]["disclosure"].update(grant_id="0" * 32),
        lambda said: said["results"][1]["disclosure"]["entry"]["opening"].update(i=1 << 70),
        lambda said: said["results"][1]["disclosure"]["entry"]["opening"].update(kc="A" * 43 + "="),
        lambda said: said["proofs"][0].update(checkpoint=said["proofs"][0]["checkpoint"].replace("\n", "\n1", 1)),
        lambda said: said["results"].__setitem__(1, {"problem": {"status": 403, "code": "a word\nand a line"}}),
    ],
)  # fmt: skip
async def test_one_thing_wrong_and_no_data_of_anybody_comes_out(
    two_of_them: tuple[Organisation, Meddler, list[Wanted]], change: Change
) -> None:
    org, meddler, wanted = two_of_them
    meddler.change = change
    with pytest.raises((ProofError, ProtocolError)) as wrong:
        await org.fetch_many(wanted)
    assert not isinstance(wrong.value, Unreachable)
    meddler.change = None
    assert all(one.disclosure is not None for one in await org.fetch_many(wanted))


@pytest.fixture
async def two_of_them(
    desk: Office, org: Organisation, meddler: Meddler, kept: dict[str, Arrangement]
) -> tuple[Organisation, Meddler, list[Wanted]]:
    for persona in ("sanne", "riet"):
        if persona not in kept:
            kept[persona] = await arranged(desk, org, persona)
    return org, meddler, [Wanted(arrangement=one, attributes=(FAMILY,)) for one in kept.values()]


@pytest.fixture(scope="module")
def kept() -> dict[str, Arrangement]:
    """What two citizens agreed to, once for all that may go wrong."""
    return {}


async def test_without_the_operators_yes_there_is_no_token(served: Stage, meddler: Meddler) -> None:
    plain = office_of(served)
    async with organisation(plain, meddler) as org:
        sanne = await arranged(plain, org, "sanne")
        with pytest.raises(Refused) as no:
            await org.fetch_many([Wanted(arrangement=sanne, attributes=(FAMILY,))])
    assert no.value.reason == "unauthorized_client"


async def test_none_and_too_many_are_not_sent(desk: Office, org: Organisation) -> None:
    sanne = await arranged(desk, org, "sanne")
    for count in (0, 101):
        with pytest.raises(ValueError, match="1 to 100"):
            await org.fetch_many([Wanted(arrangement=sanne, attributes=(FAMILY,))] * count)


@example(st.data(), st.integers(1, 70))
def test_shared_paths_are_those_of_the_definition(data: st.DataObject, size: int) -> None:
    leaves = [bytes([n]) for n in range(size)]
    chosen = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    left = _without(leaves, chosen, 0, size)
    root, paths = shared_paths({n: leaves[n] for n in chosen}, size, left)
    assert root == tree_hash(leaves)
    for index in chosen:
        assert list(paths[index]) == audit_path(index, leaves)
        assert is_included(leaves[index], index, size, paths[index], root)
    for wrong in (left[:-1], [*left, leaf_hash(b"")]) if left else ([leaf_hash(b"")],):
        with pytest.raises(ValueError, match="a hash"):
            shared_paths({n: leaves[n] for n in chosen}, size, wrong)
    with pytest.raises(ValueError, match="index"):
        shared_paths({size: b""}, size, left)


def _without(leaves: list[bytes], chosen: list[int], start: int, end: int) -> list[bytes]:
    """The roots of what has none of *chosen*, word for word as RFC 6962 §2.1 cuts."""
    if not any(start <= index < end for index in chosen):
        return [tree_hash(leaves[start:end])]
    if end - start == 1:
        return []
    split = 1
    while split * 2 < end - start:
        split *= 2
    return _without(leaves, chosen, start, start + split) + _without(leaves, chosen, start + split, end)
