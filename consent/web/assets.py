"""What is the same for everybody: style sheets, the one script, small pictures, and the description of the API.

Only this is compressed, once, when the service starts. An answer that holds a secret beside something that a visitor
chose (a page with a form's key and a reflected address) would show by its length what it holds (BREACH), and the
log's hashes do not get smaller.
"""

import gzip
import re
from typing import Any

import msgspec
from litestar import Request, Response, get

from consent.words.errors import NotFound

from .doors import Answer, Door, Field, declared
from .openapi import as_yaml
from .render import SHEET, STATIC, sheet

YAML = "application/yaml"  # RFC 9512
_WORTH_IT = 700  # bytes; below this it saves no packet
_FOR_EVER = "public, max-age=31536000, immutable"
_NOT = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Asset(msgspec.Struct, frozen=True):
    """One file: its media type, its bytes, and the same compressed when that is worth it."""

    media: str
    octets: bytes
    squeezed: bytes | None


def make_asset(media: str, octets: bytes) -> Asset:
    """Compress once, with nothing in it that changes: the same bytes at every start."""
    squeezed = gzip.compress(octets, mtime=0)
    return Asset(media, octets, squeezed if len(squeezed) + _WORTH_IT < len(octets) else None)


# Read once: a file that appears later is not ours.
_FILES = {
    file.name: make_asset(_TYPES[file.suffix], file.read_bytes())
    for file in sorted(STATIC.iterdir())
    if file.suffix in _TYPES
}
_FILES[SHEET] = make_asset("text/css", sheet(_FILES["theme.css"].octets))


@get(
    "/static/{name:str}",
    opt=declared(
        Door(
            id="readAsset",
            tag="citizen",
            summary="A style sheet, the script or a picture of the pages",
            fields=(Field(name="name", where="path", description="The name of the file", required=True),),
            answers={
                200: Answer(description="The file", media="*/*"),
                404: Answer(description="No such file", media="text/html"),
            },
        )
    ),
)
async def static(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    """One file by its name; the address carries a hash of its content, so it never changes."""
    file = request.app.state.look.files.get(name) or _FILES.get(name)
    if file is None:
        raise NotFound("there is no such file")
    return _send(request, file, _FOR_EVER)


@get(
    "/openapi.yaml",
    opt=declared(
        Door(
            id="readOpenapi",
            tag="organisation",
            summary="This description",
            answers={200: Answer(description="OpenAPI 3.1", media=YAML, body=dict[str, Any])},
        )
    ),
)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What `consent openapi` prints, and what the metadata points developers to."""
    state = request.app.state
    if "openapi_asset" not in state:
        state.openapi_asset = make_asset(YAML, as_yaml(state.openapi).encode())
    return _send(request, state.openapi_asset, "public, max-age=300")


def _send(request: Request[Any, Any, Any], asset: Asset, cache: str) -> Response[bytes]:
    headers = {"cache-control": cache, "vary": "Accept-Encoding"}
    octets = asset.octets
    if asset.squeezed is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
        octets = asset.squeezed
        headers["content-encoding"] = "gzip"
    return Response(octets, media_type=asset.media, headers=headers)


def accepts_gzip(accepted: str) -> bool:
    """Answer whether an Accept-Encoding header wants gzip (RFC 9110 §12.5.3); `q=0` says no."""
    for part in accepted.lower().split(","):
        name, _, weight = part.strip().partition(";")
        if name.strip() == "gzip":
            return not _NOT.fullmatch(weight)
    return False


HANDLERS = (static, openapi)
