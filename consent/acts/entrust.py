"""A parent acts for a child, because the law says so: at a desk that has seen the papers, never by his own word.

The desk makes an account for the child and gets a code for the parent. How far a parent reaches follows from the
child's age, by the table in `reach.py`; nobody has to do anything on a birthday. From the age at which a child signs in
itself, the desk can give it words on paper for that.
"""

from datetime import date

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS, MANDATE
from consent.storage.mandates import Mandate
from consent.storage.rows import Way
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
    write_given,
)
from .operate import Operator, write_down
from .paper import words_from
from .reach import AGES, birthday
from .recover import OCTETS
from .sign_in import settle
from .ways import add, way_hash

COUNTRY = "NL"


async def entrust(
    house: House, *, born: date, parent: str, child: str, by: Operator, language: Language
) -> Made:
    """Make an account for a child that was *born* then, and a mandate for its parent: the code is shown once.

    *parent* is what the child calls the parent, *child* what the parent calls the child. Raises BadInput.
    """
    names = Names(
        helper=check_name("parent", parent), citizen=check_name("child", child), born=born.isoformat()
    )
    ages = AGES[COUNTRY]
    code = " ".join(words_from(house.chance(CODE_OCTETS), language))
    account, mandate_id = id_from(house.chance(16)), id_from(house.chance(16))

    def story(book: Book) -> Story[Made]:
        yield TURN
        if not birthday(born, 0) <= book.at < birthday(born, ages.adult):
            raise BadInput(f"a child is younger than {ages.adult}, and was born before today")
        keys = book.keys_of(settle(book, account))
        mandate = new_mandate(
            house,
            keys,
            Mandate(
                id=mandate_id,
                citizen=account,
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
            raise NotFound("there is no such mandate of a parent")
        born = date.fromisoformat(open_names(book.keys_of(wrapped), found).born or "")
        if book.at < birthday(born, AGES[COUNTRY].sees):
            raise StillActive(f"a child signs in from the age of {AGES[COUNTRY].sees}")
        add(book, Way(hash=hashed, citizen=found.citizen, kind="words", sealed=None, created_at=book.at))
        write_down(book, by, "words_for_child", "mandate", mandate)

    await house.scribe.do(story)
    return words
