"""What leaves to a program: JSON that nobody on the way keeps."""

from typing import Any

import msgspec
from litestar import Response
from litestar.types import Send

_ENCODER = msgspec.json.Encoder()


def as_json(answer: Any, *, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    """An answer in JSON: status, headers and body."""
    return (
        status,
        {"content-type": "application/json", "cache-control": "no-store"},
        _ENCODER.encode(answer),
    )


def respond(status: int, headers: dict[str, str], body: bytes) -> Response[bytes]:
    """The same as the framework sends it."""
    return Response(body, status_code=status, headers=headers, media_type=headers["content-type"])


async def reply(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a whole answer, without the framework's response object."""
    if status != 204:  # RFC 9110 §8.6
        headers["content-length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
