"""The copy that she takes with her: complete, and enough to prove every entry with the auditor's verifier alone."""

from base64 import b64decode
from typing import Any

import consent_verify
import msgspec
import pytest

from consent.acts import erase as erasing
from consent.acts.disclose import Given
from consent.acts.export import export, readable
from consent.acts.hold import keep
from consent.words.errors import NotFound
from tests.world import World


async def copy_of(world: World, citizen: str) -> dict[str, Any]:
    """The file as a reader gets it."""
    found: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(await export(world.house, citizen=citizen))
    )
    return found


async def test_it_has_every_value_with_its_history_every_grant_and_every_entry(world: World) -> None:
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, Given)
    await world.use(given.tokens, disclosed.disclosure)
    await world.stop(given.grant)
    for text in ("a@example.org", "b@example.org"):
        await keep(world.house, citizen=given.citizen, name="email", text=text)
    kept = await copy_of(world, given.citizen)
    assert [one["value"] for one in kept["data"] if one["name"] == "email"][-2:] == [
        "a@example.org",
        "b@example.org",
    ]
    (grant,) = kept["grants"]
    assert [one["id"] for one in grant["disclosures"]] == [disclosed.disclosure]
    assert grant["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert [one["grant"] for one in kept["uses"]] == [given.grant]
    events = [msgspec.json.decode(one["opening"]["A"])["ev"] for one in kept["entries"]]
    assert events == ["granted", "disclosed", "used", "withdrawn"]
    page = await readable(world.house, citizen=given.citizen, language="en")
    assert (page.lines, len(page.grants)) == (4, 1)
    assert {item.name for item in page.holding.items} == {
        one["name"] for one in kept["data"] if one["value"] is not None
    }


async def test_each_entry_is_proven_also_after_she_was_erased(world: World) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    kept = await copy_of(world, given.citizen)
    await erasing.leave(world.house, citizen=given.citizen)
    for _ in range(15):
        world.pass_time(24 * 3600)
        await erasing.go_on(world.house)
    key = consent_verify.read_key(world.house.vkey)
    for entry in kept["entries"]:
        leaf = b64decode(entry["leaf"])
        index, checkpoint = consent_verify.check_proof(entry["proof"], leaf, [key])
        opened = consent_verify.read_opening(msgspec.json.encode(entry["opening"]), "the file")
        consent_verify.check_opened(opened, leaf, checkpoint.origin)
        assert opened.index == index
    with pytest.raises(NotFound):
        await copy_of(world, given.citizen)


async def test_it_has_nothing_of_anybody_else(world: World) -> None:
    hers = await world.given()
    other = await world.given(citizen=world.citizen("riet"))
    text = msgspec.json.encode(await export(world.house, citizen=hers.citizen)).decode()
    assert hers.grant in text
    assert other.grant not in text
    assert world.citizen("riet") not in text
