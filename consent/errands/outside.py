"""The way out: the only file that opens connections to other people's machines.

An organisation tells us an address (its keys, where it wants to hear news), so whoever writes that address could make
us knock anywhere, also where only we can come: our own network, the machine's own services, a cloud's metadata. So a
name is resolved once, each of its addresses is looked at, and the connection goes to one of those very addresses: a
name that answers differently the second time (DNS rebinding) gains nothing. What comes back is bounded in size and
time, and is never followed elsewhere.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cached_property
from urllib.parse import urlsplit

import httpx

from consent.acts.house import Reply
from consent.words.errors import NotReached

MOST_OCTETS = 64 * 1024  # of one answer
TIME = 5.0  # seconds for everything: resolving, connecting, sending, reading
CONNECTING = 2.0  # seconds for one address; then the next one is tried
MOST_ADDRESSES = 3
MOST_AT_ONCE = 32
MOST_AT_ONE_HOST = 2  # a slow host makes its own callers wait, and nobody else's

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 §2.1: the last 32 bits are an IPv4 address
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215 §2

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Network:
    """Goes outside over https, to public addresses only; in the sandbox also to this machine, over http as well."""

    def __init__(
        self,
        *,
        sandbox: bool,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        time: float = TIME,
    ) -> None:
        """*resolve*: names to addresses; *tls*: whom to trust (else the usual authorities); *time*: in seconds."""
        self._sandbox = sandbox
        self._resolve = resolve or _resolve
        self._tls = tls
        self._time = time
        self._under_way: Counter[str] = Counter()

    async def get(self, url: str) -> bytes:
        """What stands at *url*. Raises NotReached, also for an answer other than 200."""
        reply = await self._send("GET", url, b"", {"accept": "application/json"})
        if reply.status != 200:
            raise NotReached("the address does not answer with 200")
        return reply.body

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send *body* to *url*, once. Raises NotReached when nothing came back; it may have arrived all the same."""
        return await self._send("POST", url, body, headers)

    async def _send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        host, port, is_plain = self._place(url)
        with self._turn(host):
            try:
                async with asyncio.timeout(self._time):
                    addresses = [self._checked(a, is_plain) for a in await self._resolve(host, port)]
                    return await self._try(addresses[:MOST_ADDRESSES], method, url, host, body, headers)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError):
                # Whatever the library says may hold the address or a piece of the answer.
                raise NotReached("the address does not answer in time, or not as it should") from None

    def _place(self, url: str) -> tuple[str, int, bool]:
        """Host, port, and whether it goes without TLS."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise NotReached("this is not an address") from None
        is_plain = parts.scheme == "http"
        if not host or "@" in parts.netloc or not (parts.scheme == "https" or (is_plain and self._sandbox)):
            raise NotReached("only https addresses are called")
        return host, port or (80 if is_plain else 443), is_plain

    @contextlib.contextmanager
    def _turn(self, host: str) -> Iterator[None]:
        if self._under_way.total() >= MOST_AT_ONCE or self._under_way[host] >= MOST_AT_ONE_HOST:
            raise NotReached("too many calls are under way; try again later")
        self._under_way[host] += 1
        try:
            yield
        finally:
            self._under_way[host] -= 1
            if not self._under_way[host]:
                del self._under_way[host]

    def _checked(self, address: str, is_plain: bool) -> str:
        """*address* when we may go there. One wrong address is enough: then the name is not to be trusted."""
        found = ipaddress.ip_address(address)
        if self._sandbox and found.is_loopback:
            return address
        if is_plain or not is_public(found):
            raise NotReached("the address is not a public one")
        return address

    async def _try(
        self,
        addresses: Sequence[str],
        method: str,
        url: str,
        host: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Reply:
        for address in addresses:
            request = httpx.Request(
                method,
                httpx.URL(url).copy_with(host=address),
                content=body or None,
                headers={
                    **headers,
                    "host": urlsplit(url).netloc,
                    "accept-encoding": "identity",  # a small answer must not become a large one here
                    "user-agent": "consent",
                },
                extensions={
                    # The certificate must be the name's, although we connect to its address.
                    "sni_hostname": host,
                    "timeout": {"connect": CONNECTING, "read": TIME, "write": TIME, "pool": TIME},
                },
            )
            try:
                response = await self._transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent yet
            try:
                return Reply(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await _read(response),
                )
            finally:
                await response.aclose()
        raise NotReached("no connection could be made")

    @cached_property
    def _transport(self) -> httpx.AsyncHTTPTransport:
        # A bare transport: it follows no redirect, keeps no cookie and knows no proxy. No connection is kept either:
        # one that was opened for a name must not serve another name at the same address.
        return httpx.AsyncHTTPTransport(
            verify=self._tls or httpx.create_ssl_context(),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )


class Known:
    """Goes to addresses that the operator wrote down himself, also in his own network, and keeps the connections.

    Bounded in size and time, and never led elsewhere, as everything outside.
    """

    def __init__(self, *, time: float = TIME) -> None:
        self._time = time

    async def send(self, method: str, url: str, body: bytes) -> Reply:
        """Send one request. Raises NotReached when nothing usable came back; it may have arrived all the same."""
        request = httpx.Request(
            method,
            url,
            content=body or None,
            headers={"accept-encoding": "identity", "user-agent": "consent"},
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._time)},
        )
        try:
            async with asyncio.timeout(self._time):
                response = await self._transport.handle_async_request(request)
                try:
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return Reply(status=response.status_code, headers=headers, body=await _read(response))
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError):
            raise NotReached("the address does not answer in time, or not as it should") from None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._transport.aclose()

    @cached_property
    def _transport(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=httpx.create_ssl_context(), trust_env=False)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Answer whether *address* is on the open internet, also when it holds an IPv4 address inside."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(inside)
        if address.is_site_local or address.teredo is not None or address in _NAT64_LOCAL:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


async def _read(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotReached("the answer is packed")
    body = b""
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MOST_OCTETS:
            raise NotReached("the answer is too large")
    return body
