"""Where people find a person: what the operator said there is, and nothing that there is not."""

from litestar import Response, get

from .guard import Visit, page
from .page_doors import shows


@get("/help", opt=shows("help", "How to reach a person", or_else=(), signed_in=False))
async def show_help(request: Visit) -> Response[str]:
    """Telephone, hours, the library: each only where there is one."""
    return await page(request, "help.html")


HANDLERS = (show_help,)
