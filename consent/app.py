"""The roof: the only file that knows every room. It opens a house on a data folder and builds the application."""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consent import succession
from consent.acts.approve import approve
from consent.acts.client_keys import ClientKeys
from consent.acts.close import close
from consent.acts.cosign import Cosigner
from consent.acts.erase import go_on as erase_on
from consent.acts.expire import expire
from consent.acts.hold import put_value
from consent.acts.house import House, Limits
from consent.acts.quorum import Quorum
from consent.acts.retain import go_on as retain_on
from consent.acts.scribe import Scribe
from consent.acts.sign_in import settle
from consent.acts.succeed import carry_grants, end_grants
from consent.acts.tidy import tidy
from consent.asker import asking
from consent.cosigning import keep_cosigning
from consent.grants.shown import shown_contact
from consent.keyfiles import (
    has_keys,
    make_folder,
    make_keys,
    read_issuer_keys,
    read_ring,
)
from consent.oauth.clients import Client
from consent.oauth.dpop import KeyCache
from consent.oauth.keys import ServerKeys
from consent.oauth.metadata import INTROSPECT_PATH, PAR_PATH, TOKEN_PATH, check_metadata, metadata
from consent.oauth.resource import RESOURCE_PATH
from consent.oauth.step_up import INVENTED, PHISHING_RESISTANT, StepUp
from consent.outside import Known, Network
from consent.seed import OrganisationFile, Seed, read_seed
from consent.sender import Sender
from consent.settings import Settings
from consent.storage.book import TURN, Book, Story, UnwrappedKeys
from consent.storage.holdings import gather_holdings
from consent.storage.kinds import HOLDINGS, PERSONA
from consent.storage.rows import Persona
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Store
from consent.succession import Yearly, check_no_log_is_missing, heads_of, log_name, pen_of
from consent.web import front, oauth, organisation, tokens
from consent.web.openapi import document
from consent.web.porch import canonical_host, handle, porch
from consent.web.render import template_hash
from consent.words.attributes import CATALOGUE, check_value
from consent.words.errors import Misconfigured
from consent.words.ids import id_from
from consent.words.instants import DAY, MINUTE
from consent.words.purposes import Language

DATABASE = "consent.sqlite3"
_log = structlog.get_logger()


def clock() -> int:
    """Now, in microseconds."""
    return time.time_ns() // 1000


@contextlib.contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Hold the data folder: two servers on one SQLite file would make each other wait. Raises Misconfigured."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Misconfigured("another process serves this data folder already") from None
    finally:
        os.close(handle)


async def prepare(settings: Settings) -> SqliteStore:
    """Open the data folder; make keys, database and log when there is nothing yet. Raises Misconfigured.

    A log is only begun here when neither keys nor database exist: a lost database must not fork the log.
    """
    folder = settings.folder
    database = folder / DATABASE
    if not has_keys(folder) and not database.exists():
        make_folder(folder)
        make_keys(folder)
        store = await _open(database)
        await new_log(store, settings, log_name(clock()), at=clock())
        return store
    if not has_keys(folder) or not database.exists():
        raise Misconfigured(
            "the data folder has keys or a database, but not both; restore what is missing, or begin a new log "
            "on purpose with `consent log init`"
        )
    make_folder(folder)
    return await _open(database)


async def _open(database: Path) -> SqliteStore:
    os.close(os.open(database, os.O_WRONLY | os.O_CREAT, 0o600))
    store = await SqliteStore.open(database)
    while await store.write(gather_holdings()):
        pass
    return store


async def new_log(store: SqliteStore, settings: Settings, log: str, *, at: int) -> str:
    """Begin a log, with a key of its own; returns its origin. Raises Misconfigured when either exists."""
    origin = f"{urlsplit(settings.public_issuer).netloc}/log/{log}"
    await succession.begin(store, settings.folder, log=log, origin=origin, at=at)
    return origin


async def open_house(settings: Settings, store: Store, clock: Callable[[], int] = clock) -> House:
    """Put together what the acts need, on an open store. Raises Misconfigured."""
    heads = await heads_of(store)
    head = heads[-1]
    if not head.origin.startswith(f"{urlsplit(settings.public_issuer).netloc}/"):
        raise Misconfigured(
            f"the log was begun as {head.origin}; serve it under that address, or begin another log"
        )
    check_metadata(metadata(settings.public_issuer))
    ring = read_ring(settings.folder)
    pen = pen_of(settings.folder, head)
    check_no_log_is_missing(settings.folder, heads)
    await succession.guard(store, settings.folder, head, pen)
    yearly = Yearly(store, settings.folder, clock, is_on=settings.yearly_logs)
    outside = Network(sandbox=settings.sandbox)
    scribe = Scribe(store, pen=pen, ring=ring, clock=clock, succession=yearly)
    return House(
        issuer=settings.public_issuer,
        store=store,
        scribe=scribe,
        cosigner=Cosigner(store, scribe, clock=clock),
        quorum=Quorum(settings.policy, store, seconds=settings.witness_seconds),
        to_witnesses=Known(),
        ring=ring,
        unwrapped=UnwrappedKeys(ring),
        clock=clock,
        chance=os.urandom,
        server_keys=ServerKeys(list(read_issuer_keys(settings.folder).values())),
        proof_keys=KeyCache(),
        request_template=template_hash("request.html"),
        acknowledge_within=settings.acknowledge_days * DAY,
        outside=outside,
        client_keys=ClientKeys(outside.get, clock),
        sandbox=settings.sandbox,
        limits=Limits(
            client=settings.limit_client,
            address=settings.limit_address,
            sign_in=settings.limit_sign_in,
            auditor=settings.limit_auditor,
            trusted_proxies=settings.trusted_proxies,
        ),
        step_up=StepUp(
            # An invented person has no device: in the sandbox her button is all there is.
            acr=INVENTED if settings.sandbox else PHISHING_RESISTANT,
            fresh=settings.special_sign_in * MINUTE,
            max_age=settings.special_max_age * 60 or None,
        ),
    )


async def add_organisation(house: House, file: OrganisationFile) -> None:
    """Add and approve what a file says. Raises Conflict."""
    clients = [
        Client(
            id=client.id,
            organisation=file.organisation.id,
            name=client.name,
            redirect_uris=tuple(client.redirect_uris),
            jwks=tuple(client.jwks["keys"]) if client.jwks else (),
            settings=client.settings,
        )
        for client in file.clients
    ]
    await house.scribe.do(approve(file.organisation, clients, file.purposes))


async def plant(house: House, seed: Seed) -> None:
    """Add the seed's organisations and, in the sandbox, its invented people: those who are not there yet."""
    known = {row[0] for row in await house.store.read("organisation.all")}
    for file in seed.organisations:
        if file.organisation.id not in known:
            await add_organisation(house, file)
    if not house.sandbox:
        return
    there = {PERSONA.from_row(row).id for row in await house.store.read("persona.all")}
    for persona in seed.personas:
        if persona.id in there:
            continue
        name = id_from(os.urandom(16))

        def story(book: Book, persona=persona, name=name) -> Story[None]:  # type: ignore[no-untyped-def]
            yield [HOLDINGS.one(name)]
            yield TURN
            keys = book.keys_of(settle(book, name))
            for held in persona.attributes:
                value = check_value(CATALOGUE[held.name], held.value)
                put_value(
                    book,
                    citizen=name,
                    keys=keys,
                    name=held.name,
                    value=value,
                    source=held.source,
                    as_of=held.as_of,
                )
            book.put(
                PERSONA,
                Persona(
                    id=persona.id,
                    citizen=name,
                    label=msgspec.json.encode(persona.label),
                    description=msgspec.json.encode(persona.description),
                ),
            )

        await house.scribe.do(story)


def build(settings: Settings, clock: Callable[[], int] = clock) -> Litestar:
    """The application. It opens its house when it starts and closes it when it stops."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        with only_server(_made(settings)):
            store = await prepare(settings)
            try:
                house = await open_house(settings, store, clock)
                house.scribe.start()
                if settings.seed:
                    await plant(house, read_seed(Path(settings.seed)))
                app.state.house = house
                sweeper = asyncio.create_task(_sweep(house, settings.folder), name="sweeper")
                sender = Sender(house)
                sender.start()
                cosigning = asyncio.create_task(keep_cosigning(house), name="cosigning")
                try:
                    async with asking(house):
                        yield
                finally:
                    sweeper.cancel()
                    cosigning.cancel()
                    await sender.stop()
                    await house.scribe.stop()
                    await succession.remember(store, settings.folder)
            finally:
                await store.close()

    app = routes(lifespan=[lifespan])
    app.state.product = settings.product or None
    app.state.help_of = _help(settings)
    inside = canonical_host(_past_the_router(app.asgi_handler), settings.public_issuer)
    app.asgi_handler = porch(
        inside,
        is_https=settings.public_issuer.startswith("https://"),
        about=settings.public_issuer + RESOURCE_PATH,
    )
    return app


def routes(lifespan: list[object] | None = None) -> Litestar:
    """All doors, without a house behind them: enough to describe them."""
    app = Litestar(
        route_handlers=[*front.HANDLERS],
        exception_handlers={Exception: handle},
        openapi_config=None,
        request_max_body_size=256 * 1024,
        lifespan=lifespan or [],  # type: ignore[arg-type]
        state=State({"product": None, "help_of": lambda language: None}),
        debug=False,
        logging_config=None,
    )
    app.state.openapi = document(app)
    return app


def _made(settings: Settings) -> Path:
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.folder


def _help(settings: Settings) -> object:
    def of(language: Language) -> object:
        return shown_contact(settings.help, language) if settings.help is not None else None

    return of


async def _sweep(house: House, folder: Path) -> None:
    """Every minute, what has expired is written down or goes, and a new signing key is taken up."""
    carried_into = ""
    while True:
        await asyncio.sleep(MINUTE / 1_000_000)
        look_for_keys(house, folder)
        try:
            await succession.remember(house.store, folder)
            await house.scribe.do(expire(house.clock()))
            await house.scribe.do(close())
            await house.scribe.do(tidy())
            await erase_on(house)
            if house.log != carried_into:
                into = house.log
                await carry_grants(house)
                carried_into = into
            await retain_on(house)
        except Exception as fault:
            _log.error("sweep_failed", fault=type(fault).__name__)


def look_for_keys(house: House, folder: Path) -> None:
    """Use the signing keys that are in the folder now; those we have stay when they cannot be read."""
    try:
        house.server_keys.take(list(read_issuer_keys(folder).values()))
    except Exception as fault:
        _log.error("keys_not_read", fault=type(fault).__name__)


def _past_the_router(app: ASGIApp) -> ASGIApp:
    """Lead organisations straight to the doors they knock at most: the way through the framework costs as much as some
    doors themselves."""
    straight = {
        "/disclosures": organisation.disclosures.fn,
        PAR_PATH: oauth.par.fn,
        TOKEN_PATH: tokens.token.fn,
        INTROSPECT_PATH: tokens.introspect.fn,
    }

    async def lead(scope: Scope, receive: Receive, send: Send) -> None:
        door = straight.get(scope["path"], app) if scope["type"] == ScopeType.HTTP else app
        await door(scope, receive, send)

    return lead


async def begin_on_purpose(settings: Settings, name: str | None) -> str:
    """`consent log init`: begin a log in a folder that has keys, a database or both. Returns its origin."""
    make_folder(settings.folder)
    if not has_keys(settings.folder):
        make_keys(settings.folder)
    store = await _open(settings.folder / DATABASE)
    try:
        return await new_log(store, settings, name or log_name(clock()), at=clock())
    finally:
        await store.close()


async def succeed_on_purpose(settings: Settings, name: str | None, *, carry: bool) -> str:
    """`consent log succeed`: another log takes the place of the newest, and running grants go along.

    They end instead when a frozen log lost entries, unless *carry*: among what was lost may be stops. Returns a
    sentence. Raises Misconfigured, also while the folder is served.
    """
    with only_server(settings.folder):
        store = await prepare(settings)
        try:
            new, lost = await succession.succeed(store, settings.folder, name=name, at=clock())
            house = await open_house(settings, store)
            house.scribe.start()
            ended = 0
            try:
                if lost and not carry:
                    while batch := (await house.scribe.do(end_grants(new.log))).outcome:
                        ended += batch
                carried = await carry_grants(house)
            finally:
                await house.scribe.stop()
        finally:
            await store.close()
    return (
        f"{new.origin} is written now; entries lost: {lost}, grants carried: {carried}, grants ended: {ended}"
    )
