"""Counts each answer by the name of its door. It stands around all doors, and only where somebody wants the numbers."""

import time
from collections.abc import Mapping
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from consent.acts.house import House

NO_DOOR = "none"  # an address that leads nowhere: what stood there is a visitor's own text


def metered(app: ASGIApp, state: Any, straight: Mapping[str, Any]) -> ASGIApp:
    """Wrap *app*, whose *state* has the house once it is open; *straight*: what is led past the router, by path."""
    past = {path: handler.opt["door"].id for path, handler in straight.items()}

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        path, status, began = scope["path"], 500, time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, note)
        finally:
            house: House = state.house
            door = past.get(path) or _door_of(scope)
            house.door_meter.answered(door, status, time.perf_counter() - began)

    return count


def _door_of(scope: Any) -> str:
    """The name of the door that the router found, from the list of all doors."""
    handler = scope.get("route_handler")
    door = handler.opt.get("door") if handler is not None else None
    return door.id if door is not None else NO_DOOR
