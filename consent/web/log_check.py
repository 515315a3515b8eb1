"""The page on which anybody checks the log: the verifier runs in the visitor's browser, and nothing is sent."""

from litestar import Response, get

from consent.acts import publish as publishing
from consent.words.errors import NotFound

from .doors import Answer, Door, declared
from .guard import Visit, house_of, page


@get(
    "/log/verify",
    opt=declared(
        Door(
            id="checkLog",
            tag="auditor",
            summary="A page that checks the newest log, a copy or a receipt in the visitor's browser",
            answers={
                200: Answer(description="A page", media="text/html"),
                404: Answer(description="There is no log yet", media="text/html"),
            },
        )
    ),
)
async def check_log(request: Visit) -> Response[str]:
    """The page, for the newest log."""
    names = await publishing.logs(house_of(request))
    if not names:
        raise NotFound("there is no log yet")
    return await page(request, "log_check.html", log=names[-1])


HANDLERS = (check_log,)
