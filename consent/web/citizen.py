"""The citizen's door: who may see what, the stop, her data. POST → 303 → GET, no script."""

from typing import Any

from litestar import Response, get, post

from consent.acts import dealings as dealing
from consent.acts import enrol as enrolling
from consent.acts import explain as explaining
from consent.acts import hold as holding
from consent.acts import join as joining
from consent.acts import mandate as mandates
from consent.acts import overview as overviews
from consent.acts import prefer as preferring
from consent.acts import receipt as receipts
from consent.acts import stop as stopping
from consent.acts import tell as telling
from consent.acts import withdraw as withdrawing
from consent.words.errors import BadInput

from .doors import Field
from .guard import (
    Visit,
    citizen_of,
    house_of,
    language_of,
    local_path,
    one,
    page,
    read_own_form,
    see_other,
    to_keep,
)
from .page_doors import shows, takes


def _in_path(name: str) -> Field:
    return Field(name=name, where="path", description="From a link on her pages", required=True)


@get("/", opt=shows("home", "Who may see what"))
async def home(request: Visit) -> Response[str]:
    """Open questions, what is shared now with a stop at each, and what has ended."""
    citizen = await citizen_of(request)
    seen = await overviews.overview(house_of(request), citizen=citizen, language=language_of(request))
    works = bool(await joining.roles_of(house_of(request), citizen))
    chosen = await preferring.preferences(house_of(request), citizen=citizen)
    codes = [] if chosen.private else await stopping.used(house_of(request), citizen=citizen)
    return await page(
        request,
        "home.html",
        requests=seen.requests,
        grants=seen.grants,
        ended=seen.ended,
        works=works,
        codes=codes,
        news=0 if chosen.private else await telling.count_new(house_of(request), citizen=citizen),
        spare=await enrolling.has_spare(house_of(request), citizen=citizen),
        helped=(await mandates.his(house_of(request), helper=citizen)).running,
        over=await mandates.ended_parenthood(house_of(request), citizen=citizen),
    )


@get("/my/grants/{grant_id:str}", opt=shows("showReceipt", "What she agreed to", _in_path("grant_id")))
async def show_receipt(request: Visit, grant_id: str) -> Response[str]:
    """The receipt of a grant."""
    citizen = await citizen_of(request)
    kept = await receipts.receipt(
        house_of(request), citizen=citizen, grant=grant_id, language=language_of(request)
    )
    code = await stopping.code_for(house_of(request), citizen=citizen, grant=grant_id)
    return await page(
        request, "receipt.html", receipt=kept, stop_code=code, stop_at=f"{house_of(request).issuer}/stop"
    )


@get(
    "/my/grants/{grant_id:str}/receipt.json",
    opt=shows("receiptFile", "The receipt as a file (ISO/IEC TS 27560, DPV)", _in_path("grant_id")),
)
async def receipt_file(request: Visit, grant_id: str) -> Response[bytes]:
    """The receipt as a file to keep."""
    citizen = await citizen_of(request)
    kept = await receipts.receipt_file(house_of(request), citizen=citizen, grant=grant_id)
    return to_keep(request, f"receipt-{grant_id}.json", kept, "application/ld+json")


@get(
    "/my/grants/{grant_id:str}/receipt.tlog-proof",
    opt=shows("receiptProof", "The proof that the receipt stands in the log", _in_path("grant_id")),
)
async def receipt_proof(request: Visit, grant_id: str) -> Response[bytes]:
    """The proof as a file to keep."""
    citizen = await citizen_of(request)
    proof = await receipts.receipt_proof(house_of(request), citizen=citizen, grant=grant_id)
    return to_keep(request, f"receipt-{grant_id}.tlog-proof", proof.encode(), "text/plain")


@post(
    "/my/grants/{grant_id:str}/stop",
    opt=takes("stop", "Stop sharing, in one tap", _in_path("grant_id")),
    status_code=303,
)
async def stop(request: Visit, grant_id: str) -> Response[bytes]:
    """Stop. When this answers, the grant and its tokens are dead."""
    citizen, _ = await read_own_form(request)
    await withdrawing.withdraw(house_of(request), citizen=citizen, grant=grant_id)
    return see_other(f"/my/grants/{grant_id}/stopped")


@get(
    "/my/grants/{grant_id:str}/stopped",
    opt=shows("showStopped", "Stopped, and what they already saw", _in_path("grant_id")),
)
async def stopped(request: Visit, grant_id: str) -> Response[Any]:
    """What stopping did, and its honest limit."""
    citizen = await citizen_of(request)
    ended = await dealing.dealing(
        house_of(request), citizen=citizen, grant=grant_id, language=language_of(request)
    )
    if ended.ended_at is None:
        return see_other(f"/my/grants/{grant_id}")
    return await page(request, "stopped.html", dealing=ended)


@get("/why/{use_id:str}", opt=shows("why", "Why do I see this?", _in_path("use_id")))
async def why(request: Visit, use_id: str) -> Response[str]:
    """From a use back to its grant, in one sentence."""
    citizen = await citizen_of(request)
    use = await explaining.explain(
        house_of(request), citizen=citizen, use=use_id, language=language_of(request)
    )
    return await page(request, "why.html", use=use)


@get("/my/data", opt=shows("myData", "Her own data"))
async def my_data(request: Visit) -> Response[str]:
    """What she keeps here, where it comes from, who may see it."""
    citizen = await citizen_of(request)
    kept = await holding.holding(house_of(request), citizen=citizen, language=language_of(request))
    return await page(request, "my_data.html", items=kept.items, addable=kept.addable)


@get(
    "/my/data/{name:str}",
    opt=shows(
        "editData",
        "Fill in or change one attribute",
        _in_path("name"),
        Field(name="next", where="query", description="Where to go afterwards"),
    ),
)
async def edit(request: Visit, name: str) -> Response[str]:
    """The form for one attribute."""
    citizen = await citizen_of(request)
    return await _form(request, citizen, name, next=request.query_params.get("next", "/my/data"))


@post(
    "/my/data/{name:str}",
    opt=takes(
        "keepData",
        "Keep one attribute",
        _in_path("name"),
        Field(name="value", where="form", description="What she wrote", required=True),
        Field(name="next", where="form", description="Where to go afterwards"),
        answers=(303, 400, 403, 404, 422),
    ),
    status_code=303,
)
async def keep(request: Visit, name: str) -> Response[Any]:
    """Keep what she wrote, or show the form again with the rule that it broke."""
    citizen, fields = await read_own_form(request)
    text = one(fields, "value")
    try:
        await holding.keep(house_of(request), citizen=citizen, name=name, text=text)
    except BadInput:
        return await _form(
            request, citizen, name, next=one(fields, "next"), text=text, error="bad_value", status=422
        )
    return see_other(local_path(one(fields, "next") or "/my/data"))


@post(
    "/my/data/{name:str}/remove",
    opt=takes("removeData", "Remove one attribute", _in_path("name")),
    status_code=303,
)
async def remove(request: Visit, name: str) -> Response[bytes]:
    """Remove one of her own values."""
    citizen, _ = await read_own_form(request)
    await holding.remove(house_of(request), citizen=citizen, name=name)
    return see_other("/my/data")


async def _form(
    request: Visit,
    citizen: str,
    name: str,
    *,
    next: str,
    text: str | None = None,
    error: str | None = None,
    status: int = 200,
) -> Response[str]:
    form = await holding.editable(
        house_of(request), citizen=citizen, name=name, language=language_of(request)
    )
    return await page(
        request,
        "edit.html",
        status=status,
        attribute=form,
        value=form.value if text is None else text,
        held=form.held,
        error=error,
        next=local_path(next),
    )


HANDLERS = (
    home,
    show_receipt,
    receipt_file,
    receipt_proof,
    stop,
    stopped,
    why,
    my_data,
    edit,
    keep,
    remove,
)
