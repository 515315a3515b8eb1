"""The way out leads to public addresses only, and whoever answers there gets little room and little time."""

import asyncio
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consent.errands import outside
from consent.errands.outside import MOST_OCTETS, Network, is_public
from consent.words.errors import NotReached

Speak = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Neighbour:
    """A small server on loopback that says what a test wants, and remembers what it heard."""

    def __init__(self, speak: Speak) -> None:
        self.heard: list[bytes] = []
        self.port = 0
        self._speak = speak

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line[15:])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            self.heard.append(head + await reader.readexactly(length))
            await self._speak(head, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def neighbour(speak: Speak, tls: ssl.SSLContext | None = None) -> AsyncIterator[Neighbour]:
    one = Neighbour(speak)
    server = await asyncio.start_server(one.meet, "127.0.0.1", 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()


def says(body: bytes, status: str = "200 OK", *headers: str) -> Speak:
    async def speak(head: bytes, writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{line}\r\n" for line in headers)
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body)
        await writer.drain()

    return speak


async def must_refuse(network: Network, url: str) -> str:
    with pytest.raises(NotReached) as refused:
        await network.get(url)
    for piece in ("127.0.0.1", "localhost", "secret"):
        assert piece not in str(refused.value)
    return str(refused.value)


# Where it goes


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::",
        "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:db8::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
async def test_nobody_can_make_us_knock_inside(address: str) -> None:
    """Our own machine, our own network, a cloud's metadata, everybody at once; also written as an IPv6 address."""
    assert not is_public(ipaddress.ip_address(address))

    async def resolve(host: str, port: int) -> list[str]:
        return [address]

    network = Network(sandbox=False, resolve=resolve)
    assert await must_refuse(network, "https://keys.example/") == "the address is not a public one"


@pytest.mark.parametrize(
    "address", ["9.9.9.9", "145.100.0.1", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"]
)
def test_the_open_internet_is_open(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/", "http://127.0.0.1/", "ftp://keys.example/", "file:///etc/passwd", "https://",
        "keys.example", "https://me@keys.example/", "https://keys.example:port/", "https://[::1", "gopher://x/", "",
    ],
)  # fmt: skip
async def test_only_https_is_spoken(url: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("asked for the address of something that is none")

    await must_refuse(Network(sandbox=False, resolve=resolve), url)


@pytest.mark.parametrize(
    "written", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::ffff:7f00:1]"]
)
async def test_another_spelling_of_this_machine_is_still_this_machine(written: str) -> None:
    async with neighbour(says(b"secret")) as here:
        await must_refuse(Network(sandbox=False), f"https://{written}:{here.port}/")
        assert here.heard == []


async def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["9.9.9.9", "10.0.0.1"]

    assert "not a public" in await must_refuse(
        Network(sandbox=False, resolve=resolve), "https://keys.example/"
    )


async def test_a_name_is_resolved_once_and_the_connection_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when it is checked, this machine when it is called."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["9.9.9.9"] if len(asked) == 1 else ["127.0.0.1"]

    called: list[str] = []

    class Transport:
        async def handle_async_request(self, request: object) -> object:
            called.append(str(request.url.host))  # type: ignore[attr-defined]
            raise outside.httpx.ConnectError("no")

    network = Network(sandbox=False, resolve=resolve)
    monkeypatch.setattr(network, "_transport", Transport(), raising=False)
    await must_refuse(network, "https://keys.example/")
    assert (asked, called) == (["keys.example"], ["9.9.9.9"])


async def test_in_the_sandbox_this_machine_is_reached_and_no_other_inner_address() -> None:
    async with neighbour(says(b"{}")) as here:
        assert await Network(sandbox=True).get(f"http://127.0.0.1:{here.port}/keys?a=b") == b"{}"
        assert here.heard[0].startswith(b"GET /keys?a=b HTTP/1.1\r\n")
        assert b"host: 127.0.0.1:%d" % here.port in here.heard[0].lower()
        await must_refuse(Network(sandbox=False), f"http://127.0.0.1:{here.port}/")
    for inner in ("10.0.0.1", "9.9.9.9"):  # plain http to somebody else is refused also here

        async def resolve(host: str, port: int, inner: str = inner) -> list[str]:
            return [inner]

        await must_refuse(Network(sandbox=True, resolve=resolve), "http://keys.example/")


async def test_an_address_that_is_closed_is_passed_over() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with neighbour(says(b"there")) as here:
        assert (
            await Network(sandbox=True, resolve=resolve).get(f"http://keys.example:{here.port}/") == b"there"
        )
        assert b"host: keys.example:%d" % here.port in here.heard[0].lower()


# What comes back


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "307 Elsewhere", "404 Gone", "500 Oh", "204 Nothing"]
)
async def test_a_redirect_is_not_followed_and_another_answer_than_200_is_none(status: str) -> None:
    async with neighbour(says(b"secret")) as inner:
        where = f"location: http://127.0.0.1:{inner.port}/"
        async with neighbour(says(b"", status, where)) as here:
            await must_refuse(Network(sandbox=True), f"http://127.0.0.1:{here.port}/")
        assert inner.heard == []


async def test_an_answer_has_a_largest_size_also_when_its_length_lies() -> None:
    url = "http://127.0.0.1:{}/"
    async with neighbour(says(b"x" * MOST_OCTETS)) as here:
        assert len(await Network(sandbox=True).get(url.format(here.port))) == MOST_OCTETS
    sent = 0

    async def endless(head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while sent < 200 * MOST_OCTETS:
            writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
            await writer.drain()
            sent += 0x1000

    async with neighbour(endless) as here:
        assert await must_refuse(Network(sandbox=True), url.format(here.port)) == "the answer is too large"
    assert sent < 200 * MOST_OCTETS
    async with neighbour(says(b"packed", "200 OK", "content-encoding: gzip")) as here:
        await must_refuse(Network(sandbox=True), url.format(here.port))
        assert b"accept-encoding: identity" in here.heard[0].lower()


@pytest.mark.parametrize("where", ["before", "within"])
async def test_an_answer_that_drips_is_cut_off_by_the_whole_time(where: str) -> None:
    """Each piece comes soon enough; all of them together never end."""
    stop = asyncio.Event()

    async def drip(head: bytes, writer: asyncio.StreamWriter) -> None:
        start = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n" + (b"\r\n" if where == "within" else b"x-a: ")
        writer.write(start)
        while not stop.is_set():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with neighbour(drip) as here:
        begin = time.monotonic()
        await must_refuse(Network(sandbox=True, time=0.3), f"http://127.0.0.1:{here.port}/")
        assert time.monotonic() - begin < 2
        stop.set()


async def test_a_slow_host_makes_only_its_own_callers_wait() -> None:
    stop, met = asyncio.Event(), asyncio.Semaphore(0)

    async def silent(head: bytes, writer: asyncio.StreamWriter) -> None:
        met.release()
        await stop.wait()

    async with neighbour(silent) as slow, neighbour(says(b"quick")) as quick:
        network = Network(sandbox=True, time=3)
        waiting = [
            asyncio.create_task(network.get(f"http://localhost:{slow.port}/"))
            for _ in range(outside.MOST_AT_ONE_HOST)
        ]
        for _ in waiting:
            await met.acquire()
        assert "too many" in await must_refuse(network, f"http://localhost:{slow.port}/")
        assert await network.get(f"http://127.0.0.1:{quick.port}/") == b"quick"
        stop.set()
        assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [
            NotReached
        ] * 2
        assert network._under_way.total() == 0


async def test_no_proxy_and_no_cookie_comes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        neighbour(says(b"proxy")) as proxy,
        neighbour(says(b"1", "200 OK", "set-cookie: a=secret")) as here,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        network = Network(sandbox=True)
        for _ in range(2):
            assert await network.get(f"http://127.0.0.1:{here.port}/") == b"1"
        assert proxy.heard == []
        assert all(b"cookie" not in one for one in here.heard)


async def test_a_post_is_sent_once_with_its_headers() -> None:
    async with neighbour(says(b'{"err":"x"}', "400 Bad", "Content-Type: application/json")) as here:
        reply = await Network(sandbox=True).post(
            f"http://127.0.0.1:{here.port}/in", b"signed", {"content-type": "t/t"}
        )
        assert (reply.status, reply.body, reply.headers["content-type"]) == (
            400,
            b'{"err":"x"}',
            "application/json",
        )
        (heard,) = here.heard
        assert heard.startswith(b"POST /in ")
        assert heard.endswith(b"\r\n\r\nsigned")
        assert b"content-type: t/t" in heard


# To whom


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server that is *name*, and a client that trusts whoever signed that."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(key.private_bytes(*form) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(
    ("name", "is_right"), [("keys.example", True), ("other.example", False), ("localhost", False)]
)
async def test_the_certificate_is_that_of_the_name_although_we_call_an_address(
    tmp_path: Path, name: str, is_right: bool
) -> None:
    server, client = certificate(tmp_path, name)

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with neighbour(says(b"keys"), server) as here:
        url = f"https://keys.example:{here.port}/"
        trusting = Network(sandbox=True, resolve=resolve, tls=client)
        if is_right:
            assert await trusting.get(url) == b"keys"
            await must_refuse(Network(sandbox=True, resolve=resolve), url)  # signed by nobody whom we know
        else:
            await must_refuse(trusting, url)
            assert here.heard == []
