"""The page on which anybody checks the log: the verifier runs in the visitor's browser, and nothing is sent."""

from litestar import Response, get

from consent.acts import publish as publishing
from consent.words.errors import NotFound

from .doors import Answer, Door, declared
from .guard import Visit, house_of, page


def _gettext(sentence: str) -> str:
    """Mark a sentence for the catalogue; the page translates it."""
    return sentence


# All that verify.js says, for a reader of another language than its own. {1} stands for what it fills in; the first one
# that fits is shown. What is not here is shown in English and marked as English.
SENTENCES = (
    _gettext(
        "The verifier key was taken from the log itself (trust on first use): compare it with another source."
    ),
    _gettext("Keys of later kinds (ML-DSA) were not checked; the Ed25519 key was."),
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
    _gettext(
        "ML-DSA signatures under the checkpoint: {1}. They were not checked: ml-dsa-44.js is not "
        "beside this verifier."
    ),
    _gettext(
        "The checkpoint lacks the log's second signature (ML-DSA-44), which its policy demands: "
        "it comes moments after the first."
    ),
    _gettext("The log's second signature (ML-DSA-44) was not demanded: no such key of it was given or kept."),
    _gettext("This log is closed. It names the key of the log that follows: {1}."),
    _gettext("{1} of {2} witnesses cosigned: the quorum of the policy is met."),
    _gettext("{1} of {2} witnesses cosigned: the quorum of the policy is not met."),
    _gettext("The log continues the checkpoint with {1} entries that was seen before."),
    _gettext("This entry is about the person who gave you this file."),
    _gettext("Entry {1} is not about whom this file says."),
    _gettext("What should be a change of keys in this file is not one."),
    _gettext("The checkpoint of {1} entries is signed with a key that entry {2} retired."),
    _gettext("The checkpoint of {1} entries is signed with a key that entry {2} adds only later."),
    _gettext("A verifier key has the wrong length."),
    _gettext("A verifier key is of a kind that this verifier cannot check."),
    _gettext("The checkpoint is not three lines and signatures."),
    _gettext("The size in the checkpoint is not a plain number."),
    _gettext("The root in the checkpoint is not 32 bytes."),
    _gettext("A signature line under the checkpoint is malformed."),
    _gettext("The cosignature of {1} under the checkpoint is wrong."),
    _gettext("The name of a cosigner or of the log is too long for its signature."),
    _gettext("A group in the policy has a member that is unknown or already in a group."),
    _gettext("A group in the policy demands more members than it has, or none."),
    _gettext("The policy has a line that is not understood."),
    _gettext("A policy has exactly one quorum line."),
    _gettext("The policy names no log key that this verifier can check."),
    _gettext("There is no policy beside the checkpoint: bring a key."),
    _gettext("The policy beside the checkpoint has no key of this log: bring one."),
    _gettext("A checkpoint that was brought is of another log."),
    _gettext("Tile {1} has the wrong length."),
    _gettext("The bundle that begins with entry {1} is longer than its entries."),
    _gettext("Entry {1} is not a leaf of version 1."),
    _gettext("Entry {1} is an event of another length than 152 bytes."),
    _gettext("Entry {1} is about the log itself but carries the tag of a person."),
    _gettext("Entry {1} commits to another body than it carries."),
    _gettext("Entry {1} is of an unknown kind."),
    _gettext("Entry {1} is cut off in its bundle."),
    _gettext(
        "The log has {1} entries, fewer than the {2} that it had signed. Both checkpoints are "
        "signed: together they are the evidence.\nThe checkpoint seen before:\n{3}\nThe "
        "checkpoint served now:\n{4}"
    ),
    _gettext(
        "The first {1} entries are no longer the ones that the log had signed. Both checkpoints "
        "are signed: together they are the evidence.\nThe checkpoint seen before:\n{2}\nThe "
        "checkpoint served now:\n{3}"
    ),
    _gettext("The proof is too long."),
    _gettext("Line {1} of the openings is not an opening."),
    _gettext("Line {1} of the openings has a key of another length than 32 bytes."),
    _gettext("The opening of the entry is not an opening."),
    _gettext("The opening of the entry has a key of another length than 32 bytes."),
    _gettext("Entry {1} is opened twice."),
    _gettext("Entry {1} is about the log itself and cannot be opened."),
    _gettext("Entry {1} is not written under the consent key of its opening."),
    _gettext("Entry {1} commits to another record than its opening shows."),
    _gettext("Entry {1} commits to another detail than its opening shows."),
    _gettext("Entry {1} carries the record of another entry or another log."),
    _gettext("Entry {1} has a record that is not well-formed."),
    _gettext("Entry {1} says it is older than an entry before it."),
    _gettext("Entry {1} gives another time than the witnesses saw: it is back-dated or post-dated."),
    _gettext("Entry {1} stands under a grant at entry {2}, which is not opened as one."),
    _gettext("Entry {1} begins a grant without saying for whom, what and until when."),
    _gettext("Entry {1} begins a grant but is not number 0 in it."),
    _gettext("Entry {1} begins a grant under the key of the grant at entry {2}."),
    _gettext("Entry {1} is not opened, although all were asked for ({2} of them)."),
    _gettext("Entry {1} ({2}) stands while its organisation was suspended by entry {3}."),
    _gettext("Entry {1} ({2}) stands while its purpose was suspended by entry {3}."),
    _gettext("Entry {1} ({2}) names no grant."),
    _gettext("Entry {1} ({2}) is not number {3} of the grant at entry {4}: one is missing or out of order."),
    _gettext("Entry {1} ({2}) does not point at entry {3}, the one before it in its grant."),
    _gettext("Entry {1} ({2}) is written under another consent key than the grant at entry {3}."),
    _gettext("Entry {1} ({2}) is for another organisation than the grant at entry {3}."),
    _gettext("Entry {1} ({2}) is for another purpose than the grant at entry {3}."),
    _gettext("Entry {1} ({2}) begins a grant, but stands under the grant at entry {3}."),
    _gettext("Entry {1} ({2}) lets the grant at entry {3} expire before its time."),
    _gettext("Entry {1} ({2}) stands after the grant at entry {3} was ended by entry {4}."),
    _gettext("Entry {1} ({2}) lies outside the time of the grant at entry {3}."),
    _gettext("Entry {1} ({2}) changes the grant at entry {3} without saying to which attributes."),
    _gettext("Entry {1} ({2}) does not say which attributes went out."),
    _gettext("Entry {1} ({2}) names an attribute that the grant at entry {3} does not have."),
    _gettext("{1} is not valid base64."),
    _gettext("{1} is base64 in a spelling that is not canonical."),
    _gettext("{1} is not UTF-8."),
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
