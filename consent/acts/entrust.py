"""A parent acts for a child, because the law says so: at a desk that has seen the papers, never by his own word.

The desk makes an account for the child and gets a code for the parent. How far a parent reaches follows from the
child's age, by the table in `reach.py`; nobody has to do anything on a birthday. From the age at which a child signs in
itself, the desk can give it words on paper for that.
"""

from datetime import date

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CITIZEN, KEYS, MANDATE
from consent.storage.mandates import Mandate
from consent.storage.rows import Way
from consent.vault.keys import CitizenKeys
from consent.words.errors import BadInput, NotFound, StillActive
from consent.words.ids import id_from
from consent.words.purposes import Language

from .house import House
from .mandate import (
    CODE_LIFE,
    CODE_OCTETS,
    Made,
    Names,
    check_name,
    code_hash,
    new_mandate,
    open_names,
    write_ended,
    write_given,
)
from .operate import Operator, write_down
from .paper import words_from
from .reach import AGES, birthday, is_running
from .recover import OCTETS
from .sign_in import settle
from .ways import add, way_hash

COUNTRY = "NL"
_NO_CODE = "this code does not work"
_NO_PARENT = "there is no such mandate of a parent"


async def entrust(
    house: House,
    *,
    born: date,
    parent: str,
    child: str,
    by: Operator,
    language: Language,
    shown: str = "",
    beside: str = "",
) -> Made:
    """Make a mandate for the parent of a child that was *born* then, and an account for the child: the code is shown
    once.

    *parent* is what the child calls the parent, *child* what the parent calls the child. *shown*: the child has an
    account of its own, made a code there as for a helper, and shows it at the desk; that code is used up by this. So
    nobody becomes the parent of an account by its papers alone. *beside*: the mandate of a parent whom the child has
    here already; this one is added. Raises BadInput, NotFound for a code that does not work, or a mandate.
    """
    if shown and beside:
        raise BadInput("a child with a parent here makes no code; name the parent's mandate")
    names = Names(
        helper=check_name("parent", parent), citizen=check_name("child", child), born=born.isoformat()
    )
    ages = AGES[COUNTRY]
    code = " ".join(words_from(house.chance(CODE_OCTETS), language))
    account, mandate_id = id_from(house.chance(16)), id_from(house.chance(16))
    before = await _made_by_child(house, shown) if shown else None

    def story(book: Book) -> Story[Made]:
        if beside:
            yield [MANDATE.one(beside)]
        first = book.get(MANDATE, beside) if beside else before
        yield (
            []
            if first is None
            else [MANDATE.one(first.id), CITIZEN.one(first.citizen), KEYS.one(first.citizen)]
        )
        yield TURN
        if not birthday(born, 0) <= book.at < birthday(born, ages.adult):
            raise BadInput(f"a child is younger than {ages.adult}, and was born before today")
        if before is not None and book.at < birthday(born, ages.sees):
            raise BadInput(f"a child younger than {ages.sees} has no account of its own")
        if beside:
            child_account, keys = _child_of(book, beside, born)
        elif before is not None:
            child_account, keys = before.citizen, _use_up(book, before)
        else:
            child_account, keys = account, book.keys_of(settle(book, account))
        mandate = new_mandate(
            house,
            keys,
            Mandate(
                id=mandate_id,
                citizen=child_account,
                kind="guardian",
                may="choose",
                organisations=(),
                show_special=True,
                sealed=b"",
                code=code_hash(house, code),
                code_until=book.at + CODE_LIFE,
                given_at=book.at,
                expires_at=birthday(born, ages.adult),
                alone_at=birthday(born, ages.alone),
            ),
            names,
        )
        write_given(book, mandate, keys, by="operator")
        write_down(book, by, "entrusted", "mandate", mandate_id)
        return Made(mandate_id, code, mandate.code_until)

    return (await house.scribe.do(story)).outcome


async def _made_by_child(house: House, shown: str) -> Mandate:
    found = await house.store.read("mandate.with_code", code_hash(house, shown))
    if not found:
        raise NotFound(_NO_CODE)
    return MANDATE.from_row(found[0])


def _running(book: Book, mandate: str, no: str) -> tuple[Mandate, CitizenKeys]:
    """A mandate that runs, and the keys of whose it is. Raises NotFound, which says *no*."""
    found = book.get(MANDATE, mandate)
    wrapped = book.get(KEYS, found.citizen) if found is not None else None
    person = book.get(CITIZEN, found.citizen) if found is not None else None
    if found is None or wrapped is None or person is None or person.status != "active":
        raise NotFound(no)
    if not is_running(found, at=book.at):
        raise NotFound(no)
    return found, book.keys_of(wrapped)


def _use_up(book: Book, before: Mandate) -> CitizenKeys:
    """End what the child made for the desk, and return the child's keys. Raises NotFound."""
    found, keys = _running(book, before.id, _NO_CODE)
    if found.code is None or found.accepted_at is not None:
        raise NotFound(_NO_CODE)
    if found.may != "choose" or not found.show_special:
        # Whoever was given a code to look only must not become more than that with false papers.
        raise BadInput("the code has to let a helper look, stop, choose, and see what is delicate")
    write_ended(book, found, keys, by="self", reason="citizen_asked")
    return keys


def _child_of(book: Book, parents: str, born: date) -> tuple[str, CitizenKeys]:
    """The account and the keys of a child that was *born* then, by a mandate of one of its parents that runs.

    Raises NotFound, and BadInput when the papers are of another child, or of one that decides alone who looks.
    """
    found, keys = _running(book, parents, _NO_PARENT)
    if found.kind != "guardian":
        raise NotFound(_NO_PARENT)
    if open_names(keys, found).born != born.isoformat():
        raise BadInput("that parent's child was born on another day")
    alone = AGES[COUNTRY].alone
    if book.at >= birthday(born, alone):
        raise BadInput(f"from the age of {alone} a child decides itself who looks")
    return found.citizen, keys


async def words_for_child(house: House, *, mandate: str, by: Operator, language: Language) -> str:
    """Words with which the child of a parent's mandate signs in; they work once, and then it adds a device.

    Raises NotFound, StillActive while the child is too young.
    """
    words = " ".join(words_from(house.chance(OCTETS), language))
    hashed = way_hash(house, "words", words)

    def story(book: Book) -> Story[None]:
        yield [MANDATE.one(mandate)]
        found = book.get(MANDATE, mandate)
        yield [KEYS.one(found.citizen)] if found is not None else []
        yield TURN
        found = book.get(MANDATE, mandate)
        wrapped = book.get(KEYS, found.citizen) if found is not None else None
        if found is None or wrapped is None or found.kind != "guardian":
            raise NotFound(_NO_PARENT)
        born = date.fromisoformat(open_names(book.keys_of(wrapped), found).born or "")
        if book.at < birthday(born, AGES[COUNTRY].sees):
            raise StillActive(f"a child signs in from the age of {AGES[COUNTRY].sees}")
        add(book, Way(hash=hashed, citizen=found.citizen, kind="words", sealed=None, created_at=book.at))
        write_down(book, by, "words_for_child", "mandate", mandate)

    await house.scribe.do(story)
    return words
