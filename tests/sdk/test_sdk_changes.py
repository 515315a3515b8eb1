"""Changing, renewing and ending a permission with the SDK."""

import pytest
from consent_sdk import Arrangement, Ask, Declined, Organisation, ProofError, ProtocolError, Refused

from .world import World


async def kept(org: Organisation, arrangement: Arrangement) -> str | None:
    """What the store remembers; secrets only compare as text."""
    found = await org.arrangement(arrangement.grant_id)
    return found.text() if found is not None else None


async def test_a_change_asks_for_all_that_the_permission_would_hold_and_keeps_its_id(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    ask = await org.amend(arrangement, attributes=["name", "city"], duration_days=30, purpose_version=4)
    assert Ask.read(ask.text()).text() == ask.text()
    assert Ask.read(ask.text()).grant_id == arrangement.grant_id
    changed = await org.receive(world.citizen_agrees_to_a_change(ask.url, ["city", "name"]), ask)
    assert changed.grant_id == arrangement.grant_id
    assert (changed.attributes, changed.purpose_version) == (("city", "name"), 4)
    assert await kept(org, arrangement) == changed.text()
    # Also whoever still holds the arrangement of before gets what she allows now.
    disclosure = await org.fetch(arrangement, ["city"])
    assert set(disclosure.values) == {"city"}


async def test_a_renewal_asks_for_the_same_and_another_end(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    ask = await org.renew(arrangement, duration_days=60)
    assert ask.grant_id == arrangement.grant_id
    assert (ask.attributes, ask.purpose_version) == (arrangement.attributes, arrangement.purpose_version)
    (form,) = [one for one in world.pushed.values() if "grant_id" in one]
    assert form["grant_id"] == arrangement.grant_id


async def test_a_no_leaves_the_permission_as_it_was(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    ask = await org.renew(arrangement, duration_days=60)
    with pytest.raises(Declined):
        await org.receive(world.citizen_says_no(ask.url), ask)
    assert await kept(org, arrangement) == arrangement.text()
    assert (await org.fetch(arrangement, ["name"])).grant_id == arrangement.grant_id


async def test_a_token_of_another_permission_than_the_one_to_be_changed_is_refused(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    ask = await org.renew(arrangement, duration_days=60)
    with pytest.raises(ProtocolError, match="another permission"):
        await org.receive(world.citizen_says_yes(ask.url, ["name"]), ask)


async def test_a_repeat_may_bring_the_entry_of_before_a_change_and_a_new_fetch_may_not(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    first = await org.fetch(arrangement, ["name"], "a-key-of-its-own")
    ask = await org.amend(arrangement, attributes=["name"], duration_days=30, purpose_version=4)
    changed = await org.receive(world.citizen_agrees_to_a_change(ask.url, ["name"]), ask)
    again = await org.fetch(changed, ["name"], "a-key-of-its-own")
    assert again.entry == first.entry
    for wrong in ("housing-benefit@3", "housing-benefit@5", "marketing@3", "housing-benefit@x"):
        world.before_commit = lambda audit, detail, wrong=wrong: audit.update(purpose=wrong)  # type: ignore[misc]
        with pytest.raises(ProofError, match="another purpose"):
            await org.fetch(changed, ["name"])
    for wrong in ("housing-benefit@5", "marketing@3", "housing-benefit@x", "housing-benefit@²"):
        world.before_commit = lambda audit, detail, wrong=wrong: audit.update(purpose=wrong)  # type: ignore[misc]
        with pytest.raises(ProofError, match="another purpose"):
            await org.fetch(changed, ["name"], f"key for {len(wrong)} {hash(wrong)}")


async def test_who_ends_a_permission_keeps_no_tokens_of_it(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.end_grant(arrangement.grant_id)
    assert await org.arrangement(arrangement.grant_id) is None
    assert (await org.grant(arrangement.grant_id)).is_active is False
    with pytest.raises(Refused):
        await org.fetch(arrangement, ["name"])


async def test_what_is_not_known_there_is_not_forgotten_here(
    org: Organisation, arrangement: Arrangement
) -> None:
    with pytest.raises(Refused):
        await org.end_grant("0" * 32)
    assert await kept(org, arrangement) == arrangement.text()


async def test_the_status_says_when_and_by_which_kind_of_person(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    status = await org.grant(arrangement.grant_id)
    assert (status.updated_at, status.given_by) == (world.now - 50, "helper")
