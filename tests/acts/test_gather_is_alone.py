"""A batch answers exactly what the same items would be answered one by one, and leaves exactly the same in the log.

Twins hold the same and said the same: one of each pair is asked about in a batch, the other alone. Whatever happens to
one grant in between happens to its twin.
"""

import random
from collections.abc import Callable

import msgspec
import pytest

from consent.acts import erase as erasing
from consent.acts import hold as holding
from consent.acts.disclose import Given as Alone
from consent.acts.disclose import Refused as RefusedAlone
from consent.acts.gather import Given, Refused
from consent.acts.withdraw import withdraw
from consent.vault.seal import OpenedValue, SealedValue
from consent.words.errors import ConsentError
from tests.gathering import allow_batches, batch_token, gather, item, someone
from tests.world import ASKED, World
from tests.world import Given as Said

Answer = tuple[object, ...]
Pair = tuple[Said, Said]
NAMES = (*ASKED, "shoe_size")


async def stop(world: World, said: Said) -> None:
    await withdraw(world.house, citizen=said.citizen, grant=said.grant)


async def let_go(world: World, said: Said) -> None:
    await world.let_go(said.grant)


async def change(world: World, said: Said) -> None:
    await holding.keep(world.house, citizen=said.citizen, name="household_size", text="7")


async def take_away(world: World, said: Said) -> None:
    await holding.remove(world.house, citizen=said.citizen, name="household_size")


async def leave(world: World, said: Said) -> None:
    await erasing.leave(world.house, citizen=said.citizen)


HAPPENS = (stop, let_go, change, take_away, leave)


async def twins(world: World, chance: random.Random) -> list[Pair]:
    pairs = []
    for _ in range(5):
        chosen = frozenset({"income_below_threshold", "household_size"}) | {
            name for name in ASKED if chance.random() < 0.5
        }
        one, other = [await world.given(citizen=await someone(world), chosen=chosen) for _ in range(2)]
        pairs.append((one, other))
    return pairs


def of_values(values: tuple[tuple[SealedValue, OpenedValue], ...]) -> Answer:
    return tuple((sealed.name, sealed.version, opened.value) for sealed, opened in values)


async def alone(
    world: World, said: Said, names: frozenset[str], key: str, seen: Callable[[str], int]
) -> Answer:
    try:
        got = await world.disclose(said.tokens, *names, key=key)
    except ConsentError as fault:
        return type(fault).__name__, str(fault)
    if isinstance(got, RefusedAlone):
        return got.reason, got.opening and (got.opening.record[:0], got.opening.detail)
    assert isinstance(got, Alone)
    return seen(got.disclosure), of_values(got.values), got.given_by


def in_a_batch(got: Given | Refused | Exception, seen: Callable[[str], int]) -> Answer:
    if isinstance(got, Exception):
        return type(got).__name__, str(got)
    if isinstance(got, Refused):
        return got.reason, got.entry and (got.entry.opening.record[:0], got.entry.opening.detail)
    return seen(got.disclosure), of_values(got.values), got.given_by


def numbered() -> Callable[[str], int]:
    """Which disclosure it is, counted by when it was first seen: the ids of twins differ."""
    known: dict[str, int] = {}
    return lambda name: known.setdefault(name, len(known))


async def written(world: World) -> dict[int, list[tuple[object, ...]]]:
    """What the log says about each grant, by the place of its first entry: in order, without places and times."""
    found: dict[int, list[tuple[object, ...]]] = {}
    async for line in world.openings():
        record = msgspec.json.decode(msgspec.json.decode(line)["A"])
        said = tuple(record.get(name) for name in ("ev", "attributes", "by", "reason", "n"))
        said = tuple(tuple(one) if isinstance(one, list) else one for one in said)
        found.setdefault(record.get("c", -1), []).append(said)
    return found


async def place_of(world: World, said: Said) -> int:
    return (await world.house.store.read("grant.get", said.grant))[0][14]  # type: ignore[no-any-return]


@pytest.mark.parametrize("number", range(2))
async def test_a_batch_is_its_items_one_by_one(world: World, number: int) -> None:
    chance = random.Random(number)
    await allow_batches(world)
    pairs = await twins(world, chance)
    together, by_itself = numbered(), numbered()
    seen = set()
    asked: list[tuple[Pair, frozenset[str], str]] = []
    for _ in range(3):
        wanted = []
        for _ in range(14):
            names = frozenset(chance.sample(NAMES, chance.choice((1, 1, 2, 3))))
            one_of = chance.choice(asked) if asked else None
            if one_of is not None and chance.random() < 0.4:  # a retry
                wanted.append(one_of)
            elif one_of is not None and chance.random() < 0.3:  # its key for something else
                wanted.append((chance.choice(pairs), names, one_of[2]))
            else:
                wanted.append((chance.choice(pairs), names, f"key {len(asked)}"))
            asked.append(wanted[-1])
        got = await gather(
            world,
            await batch_token(world),
            *[item(one.grant, *names, key=f"{key} of one") for (one, _), names, key in wanted],
        )
        answers = [in_a_batch(result, together) for result in got.results]
        expected = [
            await alone(world, other, names, f"{key} of the other", by_itself)
            for (_, other), names, key in wanted
        ]
        assert answers == expected
        seen |= {answer[0] if isinstance(answer[0], str) else "given" for answer in answers}
        for happens in chance.sample(HAPPENS, 2):
            one, other = chance.choice(pairs)
            for said in (one, other):
                try:
                    await happens(world, said)
                except ConsentError:
                    break  # it happened before: to both or to none
    assert {"given", "not_active", "beyond_grant", "BadInput", "Conflict"} <= seen
    log = await written(world)
    for one, other in pairs:
        about = log[await place_of(world, one)]
        assert about == log[await place_of(world, other)]
        assert about[0][0] == "granted"
