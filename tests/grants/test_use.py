"""Why do I see this: one approved sentence, filled in with names and a date, never with words of a request."""

from consent.grants.use import because
from consent.words.purposes import Text

from .things import NAMES, NOON, seeded


def sentence(template: str = "letter", attributes: tuple[str, ...] = NAMES[:2]) -> Text | None:
    organisation, approved = seeded()
    return because(
        template, purpose=approved, organisation=organisation, attributes=attributes,
        disclosed_at=NOON,
    )  # fmt: skip


def test_the_sentence_in_both_languages() -> None:
    assert sentence() == Text(
        nl="U krijgt deze brief omdat u dit deelde met Gemeente Voorbeeldstad op 17 maart 2030: "
        "energieleverancier en aantal mensen in huis.",
        en="You get this letter because you shared this with Gemeente Voorbeeldstad on 17 March 2030: "
        "energy supplier and number of people at home.",
    )


def test_one_attribute_two_and_three() -> None:
    for count, joints in ((1, 0), (2, 1), (3, 2)):
        said = sentence(attributes=NAMES[:count])
        assert said is not None
        listed = said.en.partition(": ")[2]
        assert listed.count(" and ") + listed.count(", ") == joints


def test_a_template_that_was_not_approved_says_nothing() -> None:
    for unknown in ("tip", "", "letter ", "__class__", "{organisation}"):
        assert sentence(unknown) is None
