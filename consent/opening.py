"""A house opened on a data folder: its keys, database and log are made when there is nothing yet."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from consent.acts.client_keys import ClientKeys
from consent.acts.cosign import Cosigner
from consent.acts.house import House, Limits
from consent.acts.quorum import Quorum
from consent.acts.scribe import Scribe
from consent.acts.spread import spread
from consent.acts.succeed import carry_grants, end_grants
from consent.acts.timekeeper import Timekeeper
from consent.acts.witness import is_known
from consent.errands.broker import broker_of
from consent.errands.lookout import look_around
from consent.errands.mailer import mailer_of
from consent.errands.outside import Known, Network
from consent.keyfiles import (
    check_keys,
    check_owner,
    has_keys,
    logs_with_keys,
    make_folder,
    make_keys,
    read_issuer_keys,
    read_names_key,
    read_ring,
)
from consent.oauth.dpop import KeyCache
from consent.oauth.keys import ServerKeys
from consent.oauth.metadata import check_metadata, metadata
from consent.oauth.step_up import INVENTED, PHISHING_RESISTANT, StepUp
from consent.settings import Settings
from consent.storage.book import UnwrappedKeys
from consent.storage.holdings import gather_holdings
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Store
from consent.upkeep import succession
from consent.upkeep.erased import keep_erased, settle_erasures
from consent.upkeep.succession import Yearly, check_no_log_is_missing, log_name, newest_heads, pens_of
from consent.web.render import template_hash
from consent.words.errors import Misconfigured
from consent.words.instants import DAY, MINUTE

DATABASE = "consent.sqlite3"


def clock() -> int:
    """Now, in microseconds."""
    return time.time_ns() // 1000


def only_one(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Hold the data folder when its database is a file in it; on PostgreSQL the head row orders all processes.

    Raises Misconfigured when the folder is somebody else's: with a lock that root made there nobody could serve it.
    """
    check_owner(settings.folder)
    return contextlib.nullcontext() if settings.database else only_server(settings.folder)


@contextlib.contextmanager
def only_server(
    folder: Path, busy: str = "another process serves this data folder already"
) -> Iterator[None]:
    """Hold the data folder: two servers on one SQLite file would make each other wait. Raises Misconfigured."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Misconfigured(busy) from None
    finally:
        os.close(handle)


async def prepare(settings: Settings, *, migrate: bool = False) -> Store:
    """Open the data folder; make keys, database and log when there is nothing yet. Raises Misconfigured.

    A log is only begun here when neither keys nor database exist: a lost database must not fork the log.
    *migrate* brings a PostgreSQL database of an older version up to date; a file of ours always is.
    """
    folder = settings.folder
    check_owner(folder)
    has_file = (folder / DATABASE).exists()
    if has_keys(folder) and not (has_file or settings.database):
        raise Misconfigured(_HALF)  # before a file is made that nobody asked for
    make_folder(folder)
    store = await _open(settings, migrate=migrate)
    try:
        if await store.read("head.all") and not has_keys(folder):
            raise Misconfigured(_HALF)
        if has_keys(folder):
            await settle_erasures(store, folder)
        else:
            make_keys(folder)
            keep_erased(folder, [])
            await new_log(store, settings, log_name(clock()), at=clock())
    except BaseException:
        await store.close()
        raise
    return store


_HALF = (
    "the data folder has keys or a database, but not both; restore what is missing, or begin a new log on purpose with "
    "`consent log init`"
)


async def _open(settings: Settings, *, migrate: bool = False) -> Store:
    store: Store
    if settings.database:
        try:
            from consent.storage.postgres import PostgresStore
        except ImportError:
            raise Misconfigured(
                "PostgreSQL takes one more package: pip install 'consent[postgres]'"
            ) from None
        store = await PostgresStore.open(settings.database, migrate=migrate)
    else:
        database = settings.folder / DATABASE
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT, 0o600))
        store = await SqliteStore.open(database)
    while await store.write(gather_holdings()):
        pass
    return store


async def new_log(store: Store, settings: Settings, log: str, *, at: int) -> str:
    """Begin a log, with a key of its own; returns its origin. Raises Misconfigured when either exists."""
    origin = f"{urlsplit(settings.public_issuer).netloc}/log/{log}"
    await succession.begin(store, settings.folder, log=log, origin=origin, at=at)
    return origin


def since_boot() -> int:
    """Microseconds since the machine began, also while it slept: nobody can set that."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


async def open_house(
    settings: Settings,
    store: Store,
    clock: Callable[[], int] = clock,
    steady: Callable[[], int] | None = None,
) -> House:
    """Put together what the acts need, on an open store; *steady* watches over the clock. Raises Misconfigured."""
    names = logs_with_keys(settings.folder)  # before the heads: another process may begin a log right now
    heads = await newest_heads(store)
    if not heads[0].origin.startswith(f"{urlsplit(settings.public_issuer).netloc}/"):
        raise Misconfigured(
            f"the log was begun as {heads[0].origin}; serve it under that address, or begin another log"
        )
    check_metadata(metadata(settings.public_issuer))
    ring = read_ring(settings.folder, at=clock())
    pens = await pens_of(store, settings.folder, heads)
    check_no_log_is_missing(names, heads)
    for head, pen in zip(heads, pens, strict=True):
        await succession.guard(store, settings.folder, head, pen)
    timekeeper = Timekeeper(clock, steady, needed=settings.policy.needed)
    yearly = Yearly(store, settings.folder, timekeeper.now, is_on=settings.yearly_logs)
    outside = Network(sandbox=settings.sandbox)
    scribe = Scribe(store, pens=pens, ring=ring, clock=timekeeper.now, succession=yearly)
    return House(
        issuer=settings.public_issuer,
        store=store,
        scribe=scribe,
        cosigner=Cosigner(store, scribe, clock=timekeeper.now),
        quorum=Quorum(settings.policy, store, seconds=settings.witness_seconds),
        to_witnesses=Known(),
        ring=ring,
        unwrapped=UnwrappedKeys(ring),
        clock=clock,
        timekeeper=timekeeper,
        chance=os.urandom,
        server_keys=ServerKeys(list(read_issuer_keys(settings.folder).values())),
        proof_keys=KeyCache(),
        request_template=template_hash("request.html"),
        acknowledge_within=settings.acknowledge_days * DAY,
        outside=outside,
        client_keys=ClientKeys(outside.get, clock),
        keep_erased=lambda erased: keep_erased(settings.folder, erased),
        check_keys=lambda log: check_keys(settings.folder, log),
        sandbox=settings.sandbox,
        names_key=read_names_key(settings.folder, is_needed=bool(await store.read("name.any"))),
        mailer=mailer_of(settings),
        broker=broker_of(settings),
        limits=Limits(
            client=settings.limit_client,
            address=settings.limit_address,
            sign_in=settings.limit_sign_in,
            auditor=settings.limit_auditor,
            case=settings.limit_case,
            stop_code=settings.limit_stop_code,
            stop_codes=settings.limit_stop_codes,
            trusted_proxies=settings.trusted_proxies,
        ),
        sources=settings.sources,
        step_up=StepUp(
            # An invented person has no device: in the sandbox her button is all there is.
            acr=INVENTED if settings.sandbox else PHISHING_RESISTANT,
            fresh=settings.special_sign_in * MINUTE,
            max_age=settings.special_max_age * 60 or None,
        ),
    )


async def look_unless_served(house: House, settings: Settings) -> None:
    """Ask the witnesses before a command writes, as a start does: the folder may hold an older copy of the database.

    While it is served that was asked already, and a command must not wait for witnesses that are away. Raises
    Misconfigured.
    """
    try:
        with only_one(settings):
            pass
    except Misconfigured:
        return
    await look_around(house, settings.folder, demand=settings.demand_witnesses)


async def begin_on_purpose(settings: Settings, name: str | None) -> str:
    """`consent log init`: begin a log in a folder that has keys, a database or both. Returns its origin."""
    make_folder(settings.folder)
    if not has_keys(settings.folder):
        make_keys(settings.folder)
    store = await _open(settings)
    try:
        return await new_log(store, settings, name or log_name(clock()), at=clock())
    finally:
        await store.close()


async def add_on_purpose(settings: Settings) -> str:
    """`consent log add`: put another log beside those that are written, and move to it whose place is there.

    A service on PostgreSQL goes on meanwhile. Returns a sentence. Raises Misconfigured, also while a folder is served
    that has its database in it.
    """
    if not settings.folder.exists():
        raise Misconfigured("there is no such data folder; say with --data where it is")
    with only_one(settings):
        store = await prepare(settings)
        try:
            await succession.freeze_older(store, settings.folder)
            house = await open_house(settings, store)
            await look_around(house, settings.folder, demand=settings.demand_witnesses)
            new = await succession.add_log(store, settings.folder, at=clock())
            house = await open_house(settings, store)
            house.scribe.start()
            try:
                moved = await spread(house)
            finally:
                await house.scribe.stop()
        finally:
            await store.close()
    return f"{new.origin} is written too now; citizens moved: {moved}"


async def succeed_on_purpose(settings: Settings, name: str | None, *, carry: bool) -> str:
    """`consent log succeed`: another log takes the place of the newest, and running grants go along.

    They end instead when that one was frozen, unless *carry*: it lost entries, and among those may be stops. Returns a
    sentence. Raises Misconfigured, also while the folder is served.
    """
    if not settings.folder.exists():
        raise Misconfigured("there is no such data folder; say with --data where it is")
    with only_one(settings):
        store = await prepare(settings)
        try:
            # First, what lies beside the keys and what the witnesses saw: an older copy is frozen, and its lost
            # entries are counted.
            await succession.freeze_older(store, settings.folder)
            house = await open_house(settings, store)
            await look_around(house, settings.folder, demand=settings.demand_witnesses)
            name = name or await succession.free_name(
                store, settings.folder, at=clock(), is_known=lambda origin: is_known(house, origin)
            )
            new, lost = await succession.succeed(store, settings.folder, name=name, at=clock())
            house = await open_house(settings, store)
            house.scribe.start()
            ended = 0
            try:
                if lost is not None and not carry:
                    while batch := (await house.scribe.do(end_grants())).outcome:
                        ended += batch
                carried = await carry_grants(house)
            finally:
                await house.scribe.stop()
        finally:
            await store.close()
    return f"{new.origin} is written now; entries lost: {lost or 0}, grants carried: {carried}, grants ended: {ended}"
