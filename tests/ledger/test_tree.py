"""The tree against the definition, against known roots, and against proofs that are nearly right."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.ledger.errors import LedgerError
from consent.ledger.tiles import Growth, consistency_proof_from, inclusion_proof_from
from consent.ledger.tree import (
    check_consistency,
    check_inclusion,
    empty_root,
    leaf_hash,
    node_hash,
)

# Leaves and roots of the Certificate Transparency reference tests (transparency-dev/merkle, Apache-2.0).
KNOWN_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
    )
]  # fmt: skip
KNOWN_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


# Proofs over the same leaves, from the same reference tests (merkle_tree_test.cc, later testonly/tree.go). Inclusion:
# index, size, hashes; consistency: old size, size, hashes. Each hash is named by its first four bytes in ALL_HASHES.
ALL_HASHES = {
    one[:8]: bytes.fromhex(one)
    for one in (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        *KNOWN_ROOTS,
    )
}
KNOWN_INCLUSION = [
    (0, 1, []),
    (0, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
    (5, 8, ["bc1a0643", "ca854ea1", "d37ee418"]),
    (2, 3, ["fac54203"]),
    (1, 5, ["6e340b9c", "5f083f0a", "bc1a0643"]),
]
KNOWN_CONSISTENCY = [
    (1, 1, []),
    (1, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
    (6, 8, ["0ebc5d34", "ca854ea1", "d37ee418"]),
    (2, 5, ["5f083f0a", "bc1a0643"]),
]


def by_definition(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, written down as it stands there."""
    if len(hashes) < 2:
        return hashes[0] if hashes else empty_root()
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(by_definition(hashes[:split]), by_definition(hashes[split:]))


def grown(hashes: Sequence[bytes]) -> tuple[Growth, dict[tuple[int, int], bytes]]:
    growth = Growth()
    for one in hashes:
        growth.append(one)
    return growth, {(level, n): row for level, n, row in growth.dirty()}


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert empty_root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Growth().root() == empty_root()


def test_known_roots_of_rfc_6962() -> None:
    hashes = [leaf_hash(leaf) for leaf in KNOWN_LEAVES]
    for size, known in enumerate(KNOWN_ROOTS, 1):
        assert grown(hashes[:size])[0].root().hex() == known
        assert by_definition(hashes[:size]).hex() == known


@pytest.mark.parametrize(("index", "size", "names"), KNOWN_INCLUSION)
def test_known_inclusion_proofs_of_rfc_6962(index: int, size: int, names: list[str]) -> None:
    hashes, proof = [leaf_hash(leaf) for leaf in KNOWN_LEAVES[:size]], [ALL_HASHES[name] for name in names]
    growth, tiles = grown(hashes)
    assert growth.inclusion_proof(index) == inclusion_proof_from(index, size, tiles) == proof
    check_inclusion(hashes[index], index, size, proof, bytes.fromhex(KNOWN_ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "size", "names"), KNOWN_CONSISTENCY)
def test_known_consistency_proofs_of_rfc_6962(old: int, size: int, names: list[str]) -> None:
    proof = [ALL_HASHES[name] for name in names]
    assert consistency_proof_from(old, size, grown([leaf_hash(leaf) for leaf in KNOWN_LEAVES])[1]) == proof
    old_root, root = (bytes.fromhex(KNOWN_ROOTS[count - 1]) for count in (old, size))
    check_consistency(old, old_root, size, root, proof)


def test_a_leaf_that_looks_like_a_node_hashes_differently() -> None:
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    assert leaf_hash(left + right) != node_hash(left, right)


@given(size=st.integers(1, 700), data=st.data())
def test_any_entry_of_any_tree_proves_itself_and_no_other_place(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(k.to_bytes(4, "big")) for k in range(size)]
    index = data.draw(st.integers(0, size - 1))
    growth, tiles = grown(hashes)
    root = by_definition(hashes)
    assert growth.root() == root
    proof = growth.inclusion_proof(index)
    assert inclusion_proof_from(index, size, tiles) == proof
    check_inclusion(hashes[index], index, size, proof, root)
    elsewhere = data.draw(st.integers(0, size - 1))
    if elsewhere != index:
        with pytest.raises(LedgerError):
            check_inclusion(hashes[index], elsewhere, size, proof, root)
    for wrong in ([*proof, root], proof[:-1] if proof else [root], [bytes(32), *proof[1:]]):
        with pytest.raises(LedgerError):
            check_inclusion(hashes[index], index, size, wrong, root)


@given(size=st.integers(0, 700), data=st.data())
def test_any_older_tree_is_the_beginning_of_the_newer(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(k.to_bytes(4, "big")) for k in range(size)]
    old = data.draw(st.integers(0, size))
    old_root, root = by_definition(hashes[:old]), by_definition(hashes)
    proof = consistency_proof_from(old, size, grown(hashes)[1])
    check_consistency(old, old_root, size, root, proof)
    with pytest.raises(LedgerError):
        check_consistency(old, leaf_hash(b"another"), size, root, proof)
    with pytest.raises(LedgerError):
        check_consistency(old, old_root, size, leaf_hash(b"another"), proof) if old else check_consistency(
            0, old_root, size, root, [root]
        )
    with pytest.raises(LedgerError):
        check_consistency(old, old_root, size, root, [*proof, root])
    if proof:
        with pytest.raises(LedgerError):
            check_consistency(old, old_root, size, root, proof[:-1])


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_an_index_outside_the_tree_proves_nothing(index: int) -> None:
    hashes = [leaf_hash(bytes([k])) for k in range(3)]
    with pytest.raises(LedgerError):
        check_inclusion(hashes[0], index, 3, [hashes[1], hashes[2]], by_definition(hashes))


def test_a_hash_of_another_length_is_refused_even_where_the_bytes_would_fit() -> None:
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    root = node_hash(left, right)
    # The concatenation is the same; only the border between the two hashes moved.
    with pytest.raises(LedgerError):
        check_inclusion((left + right)[:31], 0, 2, [(left + right)[31:]], root)
    with pytest.raises(LedgerError):
        check_inclusion(b"", 0, 1, [], b"")
    with pytest.raises(LedgerError):
        check_consistency(1, left[:31], 2, root, [right])


def test_a_proof_for_another_size_of_tree_is_refused_although_it_leads_to_the_root() -> None:
    left, right, third, fourth = (leaf_hash(bytes([k])) for k in range(4))
    pair = node_hash(left, right)
    # Each of these roots comes out; only the number of hashes does not fit the sizes that are claimed.
    with pytest.raises(LedgerError, match="too short"):
        check_inclusion(left, 0, 3, [right], pair)
    with pytest.raises(LedgerError, match="too long"):
        check_inclusion(left, 0, 1, [right], node_hash(right, left))
    of_three, of_four = node_hash(pair, third), node_hash(pair, node_hash(third, fourth))
    proof = [third, fourth, pair]
    check_consistency(3, of_three, 4, of_four, proof)
    with pytest.raises(LedgerError, match="too short"):
        check_consistency(3, of_three, 8, of_four, proof)
    with pytest.raises(LedgerError, match="too long"):
        check_consistency(3, node_hash(left, of_three), 4, node_hash(left, of_four), [*proof, left])


def test_roots_agree_with_pymerkle() -> None:
    pymerkle = pytest.importorskip("pymerkle")
    for size in (1, 2, 255, 256, 257, 777):
        oracle = pymerkle.InmemoryTree(algorithm="sha256")
        for k in range(size):
            oracle.append_entry(k.to_bytes(4, "big"))
        root = oracle.get_root() if hasattr(oracle, "get_root") else oracle.get_state()
        assert root == by_definition([leaf_hash(k.to_bytes(4, "big")) for k in range(size)])
