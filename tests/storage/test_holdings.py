"""A database of before holdings were one row gets them from its values when it is opened."""

from pathlib import Path

from consent.storage.holdings import gather_holdings
from consent.storage.kinds import CITIZEN, HOLDINGS, VALUE
from consent.storage.rows import Citizen
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Statement
from consent.vault.seal import SealedValue

PEOPLE = [f"{n:032x}" for n in range(203)]  # more than one batch takes


def value(citizen: str, name: str, version: int, *, removed: bool = False) -> SealedValue:
    return SealedValue(
        citizen=citizen, name=name, version=version, key_version=1, sealed=b"\x01", commitment=b"\x02",
        source="self", as_of="2030-01-01", created_at=version, removed=removed,
    )  # fmt: skip


def older_database() -> Batch[None]:
    yield Statement(
        CITIZEN.put,
        [CITIZEN.to_row(Citizen(id=name, status="active", created_at=1)) for name in [*PEOPLE, "nothing"]],
    )
    kept = [
        value(name, *of)
        for name in PEOPLE
        for of in (("household_size", 1), ("energy_supplier", 1), ("household_size", 2))
    ]
    yield Statement(
        VALUE.put,
        [VALUE.to_row(one) for one in [*kept, value(PEOPLE[0], "energy_supplier", 2, removed=True)]],
    )


async def test_older_values_are_gathered_once_each_at_its_newest_version(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "consent.sqlite3")
    try:
        await store.write(older_database())
        gathered = [await store.write(gather_holdings()) for _ in range(4)]
        assert gathered == [100, 100, 3, 0]
        held = {name: await store.read(HOLDINGS.get, name) for name in [PEOPLE[0], PEOPLE[-1], "nothing"]}
    finally:
        await store.close()
    assert held["nothing"] == []
    ((*last,),) = held[PEOPLE[-1]]
    assert [(v.name, v.version) for v in HOLDINGS.from_row(last).kept] == [
        ("energy_supplier", 1),
        ("household_size", 2),
    ]
    ((*first,),) = held[PEOPLE[0]]
    assert HOLDINGS.from_row(first).get("energy_supplier") is None
    assert HOLDINGS.from_row(first).newest("energy_supplier") == value(
        PEOPLE[0], "energy_supplier", 2, removed=True
    )
