"""Why do I see this: one approved sentence, filled in with names and a date, never with words of a request."""

from msgspec.structs import replace

from consent.grants.use import because
from consent.words.purposes import LANGUAGES, Text

from .things import NAMES, NOON, seeded


def sentence(
    template: str = "letter", attributes: tuple[str, ...] = NAMES[:2], **purpose: object
) -> Text | None:
    organisation, approved = seeded()
    return because(
        template, purpose=replace(approved, **purpose), organisation=organisation, attributes=attributes,
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


def test_a_template_cannot_reach_into_what_it_is_filled_with() -> None:
    """Approved files are the operator's, but a brace too many must not print an object's inside."""
    organisation, _ = seeded()
    for language in LANGUAGES:
        said = sentence()
        assert said is not None
        assert organisation.website not in said.in_language(language)
        assert "<" not in said.in_language(language)
