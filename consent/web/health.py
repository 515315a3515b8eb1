"""For whatever watches over the service: does this process live, and can it do its work?

Both say no more than that. What is wrong in detail, `consent doctor` says to whoever may read the data folder.
"""

from typing import Any

import msgspec
from litestar import Request, Response, get

from consent.acts.ready import readiness

from .doors import Answer, Door, declared


class LiveAnswer(msgspec.Struct, frozen=True):
    """It answers."""

    live: bool


class ReadyAnswer(msgspec.Struct, frozen=True):
    """Whether visitors may be sent here, and which check says no."""

    ready: bool
    checks: dict[str, bool]


@get(
    "/livez",
    opt=declared(
        Door(
            id="isLive",
            tag="operator",
            summary="Does the process answer?",
            description="It looks at nothing: a process that answers here is not helped by a new start.",
            answers={200: Answer(description="It does", body=LiveAnswer)},
        )
    ),
)
async def live() -> Response[bytes]:
    """Answer."""
    return _said(200, LiveAnswer(live=True))


@get(
    "/readyz",
    opt=declared(
        Door(
            id="isReady",
            tag="operator",
            summary="Can it do its work now?",
            description="The database answers and has the tables of this version, the log takes entries, the clock is "
            "believed, the key files can be read, and a deed is carried through.",
            answers={
                200: Answer(description="It can", body=ReadyAnswer),
                503: Answer(description="It cannot; `checks` says which part", body=ReadyAnswer),
            },
        )
    ),
)
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Look, and answer."""
    checks = await readiness(request.app.state.house)
    is_ready = all(checks.values())
    return _said(200 if is_ready else 503, ReadyAnswer(ready=is_ready, checks=checks))


def _said(status: int, body: msgspec.Struct) -> Response[bytes]:
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")


HANDLERS = (live, ready)
