"""The page on which anybody checks the log: the verifier runs in the visitor's browser, and nothing is sent."""

from litestar import Response, get

from consent.acts import publish as publishing
from consent.words.errors import NotFound

from .doors import Answer, Door, declared
from .guard import Visit, house_of, page


def _gettext(sentence: str) -> str:
    """Mark a sentence for the catalogue; the page translates it."""
    return sentence


# What verify.js says, for a reader of another language than its own. {1} stands for what it fills in. What is not
# here, such as the evidence of two histories, is shown in English and marked as English.
SENTENCES = (
    _gettext(
        "The verifier key was taken from the log itself (trust on first use): compare it with another source."
    ),
    _gettext("Keys of later kinds (ML-DSA) were not checked; the Ed25519 key was."),
    _gettext(
        "ML-DSA signatures under the checkpoint: {1}. They were not checked: WebCrypto cannot do that. "
        "verify.py can."
    ),
    _gettext("The checkpoint of {1} has {2} entries and a right signature."),
    _gettext("A key of the log was changed: the key before it signed the entry that names the new one."),
    _gettext("All entries and tiles hash to the root in the checkpoint."),
    _gettext("Every entry is well-formed and no nonce is repeated ({1} events, {2} about the log itself)."),
    _gettext("No witnesses were demanded: only the log itself vouches for this checkpoint."),
    _gettext("The openings fit the log: {1} entries under {2} grants."),
    _gettext("{1} of these grants are not signed with a citizen's own key."),
    _gettext("Below entry {1} openings are no longer kept."),
    _gettext("Replayed in the order of the log: each disclosure and use stands under a live grant."),
    _gettext("The proof leads from entry {1} to a signed root of {2}."),
    _gettext("What was opened is what entry {1} commits to ({2})."),
    _gettext("A verifier key is written name+id+key; this one is not."),
    _gettext("The id of a verifier key does not belong to its name and key."),
    _gettext("This browser cannot check Ed25519 signatures: take a newer one, or verify.py."),
    _gettext("The checkpoint is not a well-formed note."),
    _gettext("The signature under the checkpoint is wrong."),
    _gettext("The checkpoint is not signed by a key that is known for this log."),
    _gettext("Could not fetch {1}."),
    _gettext("The server answered {1} for {2}."),
    _gettext("The log does not serve {1}, which its checkpoint needs."),
    _gettext("Entry {1} does not match its hash in tile {2}."),
    _gettext("Entries {1} to {2} do not match tile {3}."),
    _gettext("Entry {1} repeats the nonce of an earlier entry."),
    _gettext("The proof is not a tlog-proof of version 1."),
    _gettext("The proof is malformed."),
    _gettext("The proof is for entry {1}, which its checkpoint does not have."),
    _gettext("The proof does not lead from entry {1} to the root of its checkpoint."),
    _gettext("Entry {1} is opened, but the log does not have it."),
    _gettext("The opening is of another entry than the proof."),
    _gettext("There is no checkpoint in this place."),
    _gettext("The entries and tiles do not hash to the root in the checkpoint."),
    _gettext("This is not a receipt."),
    _gettext("This is not a receipt: it has no entry and proof."),
    _gettext("A receipt is checked with a verifier key or a policy: bring one."),
)


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
    return await page(request, "log_check.html", log=names[-1], sentences=SENTENCES)


HANDLERS = (check_log,)
