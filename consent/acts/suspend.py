"""The operator takes an approval away, and gives it back: of an organisation, a client or a purpose.

It holds before the next disclosure: every door reads the standing in the transaction in which it decides. Grants stay
as they are, so a restored organisation goes on where it was stopped. An auditor reads in the log from which entry on
nothing may have gone out.
"""

import re

import msgspec
from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, ORGANISATION, PURPOSE, REGISTRATION, Ask
from consent.storage.rows import ClientRow, OrganisationRow, PurposeRow, Status
from consent.words.errors import BadInput, NotFound
from consent.words.ids import is_slug

from .operate import Operator, SubjectKind, write_down
from .scribe import Deed

_VERSION = re.compile(r"[1-9][0-9]{0,8}")


class Subject(msgspec.Struct, frozen=True):
    """What an operator decides about. A purpose without a version stands for all its versions."""

    kind: SubjectKind
    id: str
    version: int | None = None

    @property
    def reference(self) -> str:
        """How it is written: an id, for one version of a purpose `id@version`."""
        return self.id if self.version is None else f"{self.id}@{self.version}"


class Standing(msgspec.Struct, frozen=True):
    """How it stands now, and whether this changed it."""

    subject: str
    status: Status
    changed: bool


def subject(kind: SubjectKind, reference: str) -> Subject:
    """Read `id`, or `id@version` of a purpose. Raises BadInput."""
    name, at, version = reference.partition("@")
    if not is_slug(name) or (at and (kind != "purpose" or not _VERSION.fullmatch(version))):
        raise BadInput("name it by its id; one version of a purpose as id@version")
    return Subject(kind, name, int(version) if at else None)


def suspend(about: Subject, *, by: Operator, note: str = "") -> Deed[Standing]:
    """A deed that takes the approval away. Raises NotFound, BadInput for a note that is too long."""
    return _set(about, "suspended", by, note)


def restore(about: Subject, *, by: Operator, note: str = "") -> Deed[Standing]:
    """A deed that gives a suspended approval back. Raises NotFound, BadInput for a note that is too long."""
    return _set(about, "approved", by, note)


def _set(about: Subject, status: Status, by: Operator, note: str) -> Deed[Standing]:
    def story(book: Book) -> Story[Standing]:
        asked = _ask(about)
        yield [asked, *([REGISTRATION.one(about.id)] if about.kind == "client" else [])]
        yield TURN
        rows = _rows(book, about, asked)
        if not rows:
            raise NotFound(f"there is no such {about.kind}")
        changing = [row for row in rows if row.status != status]
        for row in changing:
            _write(book, row, status)
        if changing:
            write_down(
                book,
                by,
                "suspended" if status == "suspended" else "restored",
                about.kind,
                about.reference,
                note,
            )
        return Standing(about.reference, status, bool(changing))

    return story


def _ask(about: Subject) -> Ask:
    if about.kind == "organisation":
        return ORGANISATION.one(about.id)
    if about.kind == "client":
        return CLIENT.one(about.id)
    return PURPOSE.by("versions", about.id)


def _rows(book: Book, about: Subject, asked: Ask) -> list[OrganisationRow | ClientRow | PurposeRow]:
    if about.kind == "purpose":
        return [row for row in book.found(asked) if about.version in (None, row.version)]
    row = book.get(ORGANISATION, about.id) if about.kind == "organisation" else book.get(CLIENT, about.id)
    registration = book.get(REGISTRATION, about.id) if about.kind == "client" else None
    if row is None or (registration is not None and registration.state == "removed"):
        return []  # what was removed does not come back
    return [row]


def _write(book: Book, row: OrganisationRow | ClientRow | PurposeRow, status: Status) -> None:
    """The row, and a public line of the log: it names no person, and everybody may count on it."""
    event = "suspended" if status == "suspended" else "restored"
    if isinstance(row, OrganisationRow):
        book.put(ORGANISATION, replace(row, status=status))
        book.record_control({"ev": f"organisation.{event}", "org": row.id})
    elif isinstance(row, ClientRow):
        book.put(CLIENT, replace(row, status=status))
        book.record_control({"ev": f"client.{event}", "org": row.organisation, "client": row.id})
    else:
        book.put(PURPOSE, replace(row, status=status))
        reference = f"{row.id}@{row.version}"
        book.record_control({"ev": f"purpose.{event}", "org": row.organisation, "purpose": reference})
