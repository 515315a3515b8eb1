"""Paths and bundles: one spelling each way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.ledger.errors import LedgerError
from consent.ledger.paths import TilePath, encode_bundle, format_tile_path, parse_bundle, parse_tile_path


def test_paths_as_in_the_specification() -> None:
    assert format_tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert format_tile_path(None, 273, 112) == "tile/entries/273.p/112"
    assert format_tile_path(2, 0, 1) == "tile/2/000.p/1"


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**12), st.integers(1, 256))
def test_a_path_reads_back_as_it_was_written(level: int | None, n: int, width: int) -> None:
    assert parse_tile_path(format_tile_path(level, n, width)) == TilePath(level, n, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/8/0/000",
        "tile/data/000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/entries/000.p/999",
        "tile/0/٠٠٠",
        "tile/0/" + "x001/" * 40 + "001",
    ],
)
def test_any_other_spelling_is_refused(path: str) -> None:
    with pytest.raises(LedgerError):
        parse_tile_path(path)


@pytest.mark.parametrize(
    ("level", "n", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_no_tile_has_such_a_place(level: int, n: int, width: int) -> None:
    with pytest.raises(LedgerError):
        format_tile_path(level, n, width)


@given(st.lists(st.binary(max_size=400), max_size=256))
def test_a_bundle_reads_back_as_it_was_written(leaves: list[bytes]) -> None:
    assert parse_bundle(encode_bundle(leaves)) == leaves


@pytest.mark.parametrize("bundle", [b"\0", b"\0\5abcd", b"\0\1a\0", b"\0\0" * 257])
def test_a_bundle_that_is_cut_off_or_too_long_is_refused(bundle: bytes) -> None:
    with pytest.raises(LedgerError):
        parse_bundle(bundle)


def test_a_full_bundle_of_events_has_the_size_that_anyone_can_predict() -> None:
    assert len(encode_bundle([bytes(152)] * 256)) == 39_424
    with pytest.raises(LedgerError):
        encode_bundle([b""] * 257)
    with pytest.raises(LedgerError):
        encode_bundle([bytes(65_536)])
