"""The application: all doors on one house, and what runs beside them while it is open."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from consent.errands.asker import asking
from consent.errands.cosigning import keep_cosigning
from consent.errands.lookout import look_around
from consent.errands.metrics import measuring
from consent.errands.rehearsal import rehearsal
from consent.errands.sender import Sender
from consent.errands.sweeping import sweep
from consent.grants.shown import shown_contact
from consent.oauth.metadata import INTROSPECT_PATH, PAR_PATH, TOKEN_PATH
from consent.oauth.resource import RESOURCE_PATH
from consent.opening import clock, only_one, open_house, prepare, since_boot
from consent.planting import plant
from consent.seed import read_seed
from consent.settings import Settings
from consent.upkeep import succession
from consent.web import front, oauth, organisation, tokens
from consent.web.look import Look, read_look
from consent.web.meter import metered
from consent.web.openapi import document
from consent.web.porch import canonical_host, handle, porch
from consent.words.purposes import Language

_log = structlog.get_logger()
_STRAIGHT = {
    "/disclosures": organisation.disclosures,
    PAR_PATH: oauth.par,
    TOKEN_PATH: tokens.token,
    INTROSPECT_PATH: tokens.introspect,
}


def build(
    settings: Settings,
    clock: Callable[[], int] = clock,
    steady: Callable[[], int] = since_boot,
    metrics: socket.socket | None = None,
) -> Litestar:
    """The application. It opens its house when it starts and closes it when it stops; *steady* watches the clock.

    *metrics*: where somebody may ask for numbers; None: nothing is counted at the doors.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        try:
            async with opened(app):
                yield
        except Exception as fault:
            _log.error("house_failed", fault=type(fault).__name__)
            raise

    @contextlib.asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        _made(settings)
        with only_one(settings):
            store = await prepare(settings)
            try:
                house = await open_house(settings, store, clock, steady)
                await look_around(house, settings.folder, demand=settings.demand_witnesses)
                house.scribe.start()
                if settings.seed:
                    await plant(house, read_seed(Path(settings.seed)))
                app.state.house = house
                sweeper = asyncio.create_task(
                    sweep(house, settings.folder, keep=settings.retain, product=settings.product or None),
                    name="sweeper",
                )
                sender = Sender(house)
                sender.start()
                cosigning = asyncio.create_task(keep_cosigning(house), name="cosigning")
                try:
                    async with asking(house, settings.folder), measuring(house, metrics):
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
    app.state.look = read_look(settings.look)
    app.state.people_of = _people(settings)
    app.state.away = settings.quick_exit or None
    app.state.rehearse = rehearsal(app) if settings.sandbox else None
    inside = canonical_host(_past_the_router(app.asgi_handler), settings.public_issuer)
    if metrics is not None:
        inside = metered(inside, app.state, _STRAIGHT)
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
        state=State(
            {
                "product": None,
                "away": None,
                "rehearse": None,
                "look": Look(),
                "people_of": lambda language: {},
            }
        ),
        debug=False,
        logging_config=None,
    )
    app.state.openapi = document(app)
    return app


def _made(settings: Settings) -> Path:
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.folder


def _people(settings: Settings) -> Callable[[Language], dict[str, object]]:
    def of(language: Language) -> dict[str, object]:
        return {
            "help": settings.help and shown_contact(settings.help, language),
            "library": settings.library and shown_contact(settings.library, language),
            "call_back": settings.call_back,
            "authority": shown_contact(settings.authority, language),
        }

    return of


def _past_the_router(app: ASGIApp) -> ASGIApp:
    """Lead organisations straight to the doors they knock at most: the way through the framework costs as much as some
    doors themselves."""
    straight = {path: handler.fn for path, handler in _STRAIGHT.items()}

    async def lead(scope: Scope, receive: Receive, send: Send) -> None:
        door = straight.get(scope["path"], app) if scope["type"] == ScopeType.HTTP else app
        await door(scope, receive, send)

    return lead
