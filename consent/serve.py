"""`consent serve`: uvicorn around the application, and what it says when it starts. No access log: a URL can hold a code."""

import contextlib
import logging
import sys

import structlog
import uvicorn

from consent.app import build, prepare
from consent.settings import Settings

# Only these may stand in a line of the log; whatever else is passed is dropped. A list of what is forbidden leaks.
_ALLOWED = frozenset({"event", "level", "timestamp", "fault", "address", "log", "size", "count"})


def quiet_logs() -> None:
    """Lines of JSON on standard error, with allowed fields only; libraries that print tokens are silenced."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lambda _, __, line: {key: value for key, value in line.items() if key in _ALLOWED},
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Authlib's debug lines hold whole tokens; aiosqlite's hold parameters.
    for name in ("authlib", "aiosqlite", "httpx", "httpcore", "asyncio"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())


def serve(settings: Settings) -> int:
    """Serve until told to stop; returns the exit code. Raises Misconfigured before anything listens."""
    import asyncio

    quiet_logs()

    async def check() -> None:
        await (await prepare(settings)).close()

    # Before anything listens: an operator reads one plain line, not a traceback of the server.
    asyncio.run(check())
    server = uvicorn.Server(
        uvicorn.Config(
            build(settings),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_graceful_shutdown=10,
            h11_max_incomplete_event_size=64 * 1024,
        )
    )
    print(f"Serving {settings.public_issuer} from {settings.folder}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1
