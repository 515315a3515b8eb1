"""Tiles: rows that grow, an edge in memory that can go back, and proofs from what was stored."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.ledger.errors import LedgerError
from consent.ledger.tiles import (
    Growth,
    consistency_needs,
    consistency_proof_from,
    inclusion_proof_from,
    needed,
    proof_needs,
    root_from,
    tile_width,
)
from consent.ledger.tree import check_consistency, check_inclusion, leaf_hash
from tests.ledger.test_tree import by_definition as root_of

HASHES = [leaf_hash(k.to_bytes(4, "big")) for k in range(1600)]


class Ledger:
    """A growth with a store behind it, as the scribe uses both."""

    def __init__(self) -> None:
        self.growth = Growth()
        self.stored: dict[tuple[int, int], bytes] = {}

    def append(self, count: int) -> None:
        start = self.growth.size
        for one in HASHES[start : start + count]:
            self.growth.append(one)

    def commit(self) -> None:
        self.stored |= {(level, n): row for level, n, row in self.growth.dirty()}


def full(size: int) -> Ledger:
    ledger = Ledger()
    ledger.append(size)
    ledger.commit()
    return ledger


steps = st.lists(
    st.tuples(st.sampled_from(["commit", "fail", "fail unwritten", "forget", "reload"]), st.integers(1, 300)),
    max_size=8,
)


@settings(max_examples=60)
@given(steps=steps)
def test_whatever_happens_the_store_holds_the_tree_and_new_entries_can_be_proved(
    steps: list[tuple[str, int]],
) -> None:
    ledger = Ledger()
    for what, count in steps:
        mark = ledger.growth.snapshot()
        count = min(count, len(HASHES) - mark)
        if what.startswith("fail"):
            for _ in range(count):
                ledger.growth.append(leaf_hash(b"never committed"))
            ledger.growth.root()
            if what == "fail":
                ledger.growth.dirty()
            ledger.growth.restore(mark)
            assert ledger.growth.root() == root_of(HASHES[:mark])
            continue
        ledger.append(count)
        ledger.commit()
        size = ledger.growth.size
        root = root_of(HASHES[:size])
        assert ledger.growth.root() == root
        assert root_from(size, ledger.stored) == root
        for index in {mark, size - 1, (mark + size) // 2} & set(range(mark, size)):
            check_inclusion(HASHES[index], index, size, ledger.growth.inclusion_proof(index), root)
        if what == "forget":
            ledger.growth.forget()
        if what == "reload":
            ledger.growth = Growth.load(size, {at: ledger.stored[at] for at in needed(size)})
            assert ledger.growth.root() == root


def test_after_a_failed_transaction_the_next_one_writes_the_rows_again() -> None:
    ledger = full(10)
    mark = ledger.growth.snapshot()
    ledger.append(5)
    written = ledger.growth.dirty()
    ledger.growth.restore(mark)
    assert ledger.growth.dirty() == []
    ledger.append(5)
    assert ledger.growth.dirty() == written


def test_a_mark_is_worth_nothing_after_forgetting() -> None:
    ledger = full(200)
    mark = ledger.growth.snapshot()
    ledger.append(100)
    ledger.commit()
    ledger.growth.forget()
    with pytest.raises(LedgerError):
        ledger.growth.restore(mark)


def test_what_is_not_written_cannot_be_forgotten() -> None:
    ledger = full(3)
    ledger.append(1)
    with pytest.raises(LedgerError):
        ledger.growth.forget()


def test_memory_stays_bounded() -> None:
    ledger = Ledger()
    for _ in range(16):
        ledger.append(100)
        ledger.commit()
        ledger.growth.forget()
    held = sum(len(row) for row in ledger.growth._rows)
    assert held < 2 * 256 * 2


def test_a_forgotten_entry_names_the_tile_that_is_missing_and_is_proved_from_it() -> None:
    ledger = full(600)
    ledger.growth.forget()
    with pytest.raises(KeyError) as missing:
        ledger.growth.inclusion_proof(5)
    assert missing.value.args == ((0, 0),)
    needs = {at: ledger.stored[at] for at in proof_needs(5, 600)}
    check_inclusion(HASHES[5], 5, 600, inclusion_proof_from(5, 600, needs), ledger.growth.root())


def test_a_proof_in_an_older_tree_comes_from_rows_that_have_grown_since() -> None:
    stored = full(1600).stored
    for old, size in ((1, 300), (255, 256), (256, 513), (300, 1024), (700, 701)):
        root = root_of(HASHES[:size])
        tiles = {at: stored[at] for at in {*proof_needs(old - 1, size), *consistency_needs(old, size)}}
        check_inclusion(HASHES[old - 1], old - 1, size, inclusion_proof_from(old - 1, size, tiles), root)
        check_consistency(old, root_of(HASHES[:old]), size, root, consistency_proof_from(old, size, tiles))


def test_a_tree_of_256_has_one_full_tile_and_a_partial_one_above_it() -> None:
    stored = full(256).stored
    assert {at: len(row) // 32 for at, row in stored.items()} == {(0, 0): 256 + 16, (1, 0): 1}
    assert stored[1, 0] == root_of(HASHES[:256])


def test_behind_its_hashes_a_full_row_has_the_sixteen_four_heights_above_them() -> None:
    ledger = Ledger()
    for count in (100, 300, 200):  # a row that filled up in the middle of a batch, and two in one
        ledger.append(count)
        ledger.commit()
        ledger.growth.forget()
    for n in (0, 1):
        first = n * 256
        row = ledger.stored[0, n]
        assert row[: 256 * 32] == b"".join(HASHES[first : first + 256])
        assert row[256 * 32 :] == b"".join(root_of(HASHES[k : k + 16]) for k in range(first, first + 256, 16))
    assert len(ledger.stored[0, 2]) == (600 - 512) * 32


def test_a_row_from_before_without_them_proves_the_same() -> None:
    stored = full(1600).stored
    before = {at: row[: 256 * 32] for at, row in stored.items()}
    for index, size in ((0, 1600), (300, 1600), (700, 1024), (1599, 1600)):
        proof = inclusion_proof_from(index, size, stored)
        assert proof == inclusion_proof_from(index, size, before)
        check_inclusion(HASHES[index], index, size, proof, root_of(HASHES[:size]))
        assert consistency_proof_from(index, size, stored) == consistency_proof_from(index, size, before)


def test_a_check_of_the_rows_does_not_believe_what_stands_behind_them() -> None:
    stored = full(600).stored
    damaged = bytes(256 * 32) + stored[0, 0][256 * 32 :]
    # The tree of 255 needs the row that is full by now.
    assert root_from(255, stored) == root_of(HASHES[:255]) != root_from(255, stored | {(0, 0): damaged})


def test_the_widths_of_the_example_in_the_specification() -> None:
    # tlog-tiles, "Partial Tiles": a tree of 70,000 entries.
    assert [tile_width(0, n, 70_000) for n in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tile_width(1, n, 70_000) for n in (0, 1, 2)] == [256, 17, 0]
    assert [tile_width(2, n, 70_000) for n in (0, 1)] == [1, 0]
    assert needed(70_000) == [(0, 273), (1, 1), (2, 0)]
    assert needed(256) == [(1, 0)]
    assert needed(0) == []


def test_a_row_that_is_cut_off_is_refused() -> None:
    stored = full(300).stored
    for wrong in (stored[0, 1][:-32], stored[0, 1][:-1], bytes(257 * 32), bytes(273 * 32)):
        with pytest.raises(LedgerError):
            Growth.load(300, stored | {(0, 1): wrong})
    with pytest.raises(KeyError):
        Growth.load(300, {})


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_there_is_no_proof_for_an_entry_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(LedgerError):
        proof_needs(index, size)
    with pytest.raises(LedgerError):
        consistency_needs(size + 1, size)
