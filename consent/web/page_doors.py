"""The doors of a person's pages: what nearly all of them take and give, said once."""

from typing import Any, Literal

from .doors import Answer, Door, Field, declared

PAGE = Answer(description="A page", media="text/html")
Tag = Literal["citizen", "organisation", "operator", "auditor"]  # whose pages
ELSEWHERE = Answer(description="To the next page", media=None, headers=("Location",))
FORM = "application/x-www-form-urlencoded"
CSRF = Field(name="csrf", where="form", description="From the page", required=True)
_WAIT = Answer(description="Too often in a minute", media="text/html", headers=("Retry-After",))
_ANSWERS = dict.fromkeys((200, 400, 403, 404, 409, 410, 413, 422), PAGE) | {303: ELSEWHERE, 429: _WAIT}


def shows(
    id: str,
    summary: str,
    *fields: Field,
    gives: Answer | None = PAGE,
    or_else: tuple[int, ...] = (303, 404),
    signed_in: bool = True,
    tag: Tag = "citizen",
) -> dict[str, Any]:
    """The `opt` of a door that shows a page, or *gives* something else; *or_else* what other answers there are.

    *gives* None: it only leads on.
    """
    answers = ({200: gives} if gives else {}) | {status: _ANSWERS[status] for status in or_else}
    return declared(
        Door(
            id=id,
            tag=tag,
            summary=summary,
            security="session" if signed_in else "none",
            fields=fields,
            answers=answers,
        )
    )


def takes(
    id: str,
    summary: str,
    *fields: Field,
    answers: tuple[int, ...] = (200, 303, 400, 403, 404),
    signed_in: bool = True,
    tag: Tag = "citizen",
) -> dict[str, Any]:
    """The `opt` of a door that takes a form; from somebody signed in, only one from a page of hers."""
    form = (*fields, CSRF) if signed_in else fields
    return declared(
        Door(
            id=id,
            tag=tag,
            summary=summary,
            security="session" if signed_in else "none",
            fields=form,
            body_media=FORM,
            answers={status: _ANSWERS[status] for status in ((*answers, 413) if form else answers)},
        )
    )
