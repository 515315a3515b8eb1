"""What a disclosure is compared with: a Litestar handler that does nothing, and one that checks one DPoP proof.

Ordinary handlers, as anybody writes them, on the same server with the same settings as `consent serve`. They answer
about as many bytes as a small disclosure has. `python anchors.py PORT` serves until it is told to stop.
"""

import sys
import time
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, get

from consent.oauth.dpop import KeyCache, check_proof


class Answer(msgspec.Struct):
    """About 600 bytes of JSON."""

    id: str
    attributes: dict[str, dict[str, str]]


_ANSWER = Answer(
    "d" * 22,
    {f"attribute_{n}": {"value": "a value", "source": "register", "salt": "s" * 44} for n in range(5)},
)


@get("/bare")
async def bare() -> Answer:
    """Nothing but an answer."""
    return _ANSWER


@get("/proof")
async def proof(request: Request[Any, Any, Any]) -> Answer:
    """One proof checked, with all its claims, then the same answer."""
    check_proof(
        [request.headers["dpop"]],
        method="GET",
        url=f"http://localhost:{request.app.state.port}/proof",
        at=time.time_ns() // 1000,
        token=request.headers["authorization"].removeprefix("DPoP "),
        cache=request.app.state.cache,
    )
    return _ANSWER


def main(port: int) -> None:
    """Serve both on loopback."""
    app = Litestar([bare, proof], openapi_config=None, logging_config=None)
    app.state.port, app.state.cache = port, KeyCache()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
