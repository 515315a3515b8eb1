"""Whose address counts. Whoever could choose it would have as many allowances as there are addresses."""

from typing import Any, cast

import pytest
from litestar.types import Scope

from consent.web.arrival import address_of


def scope(peer: str | None, *forwarded: str) -> Scope:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    return cast("Scope", cast("Any", {"client": (peer, 40000) if peer else None, "headers": headers}))


@pytest.mark.parametrize("peer", ["203.0.113.7", "::ffff:203.0.113.7"])
def test_without_proxies_the_header_counts_for_nothing(peer: str) -> None:
    assert address_of(scope(peer, "198.51.100.1"), trusted_proxies=0) == "203.0.113.7/32"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", None])
def test_this_machine_itself_is_not_counted_as_long_as_nothing_is_said_about_proxies(
    peer: str | None,
) -> None:
    assert address_of(scope(peer, "198.51.100.1"), trusted_proxies=0) is None


@pytest.mark.parametrize(
    ("proxies", "forwarded"),
    [
        (1, ["203.0.113.7"]),
        (1, ["198.51.100.1, 203.0.113.7"]),
        (1, ["198.51.100.1", "203.0.113.7"]),
        (1, ["not an address,,,203.0.113.7:5123"]),
        (2, ["198.51.100.1, 203.0.113.7, 10.0.0.2"]),
        (2, ["203.0.113.7, nonsense"]),
    ],
)
def test_behind_proxies_it_is_what_the_outermost_of_ours_wrote(proxies: int, forwarded: list[str]) -> None:
    assert address_of(scope("127.0.0.1", *forwarded), trusted_proxies=proxies) == "203.0.113.7/32"


@pytest.mark.parametrize("forwarded", [[], ["198.51.100.1"], ["nonsense, 10.0.0.2"], [""]])
def test_who_comes_past_the_proxies_is_counted_by_the_address_that_we_see(forwarded: list[str]) -> None:
    assert address_of(scope("192.0.2.9", *forwarded), trusted_proxies=2) == "192.0.2.9/32"


@pytest.mark.parametrize(
    "text", ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "[2001:db8:1:2::1]:443", "2001:DB8:1:2::1%eth0"]
)
def test_a_household_has_many_ipv6_addresses_and_one_allowance(text: str) -> None:
    assert address_of(scope("127.0.0.1", text), trusted_proxies=1) == "2001:db8:1:2::/64"
