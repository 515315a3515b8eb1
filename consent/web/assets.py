"""Style sheets, the one script and small pictures: the same for everybody, so browsers may keep them."""

from litestar import Request, Response, get

from .render import STATIC

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
# Read once: a file that appears later is not ours.
_FILES = {
    file.name: (file.read_bytes(), _TYPES[file.suffix]) for file in STATIC.iterdir() if file.suffix in _TYPES
}


@get("/static/{name:str}", opt={"door": None})
async def static(request: Request, name: str) -> Response[bytes]:  # type: ignore[type-arg]
    """One file by its name; the address carries a hash of its content, so it never changes."""
    from litestar.exceptions import NotFoundException

    if name not in _FILES:
        raise NotFoundException
    body, media = _FILES[name]
    headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
    return Response(body, media_type=media, headers=headers)


HANDLERS = (static,)
