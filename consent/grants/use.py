"""Why does she see this? A use of what was disclosed, in one sentence that was approved with the purpose."""

from consent.words.attributes import CATALOGUE
from consent.words.dates import written_date
from consent.words.purposes import LANGUAGES, Organisation, Purpose, Text


def because(
    template: str,
    *,
    purpose: Purpose,
    organisation: Organisation,
    attributes: tuple[str, ...],
    disclosed_at: int,
) -> Text | None:
    """The sentence in both languages, or None when the purpose has no such template.

    Never free text from a request: only the organisation's name, the attributes' labels and a date are filled in.
    """
    sentence = purpose.because.get(template)
    if sentence is None:
        return None
    filled = {}
    for language in LANGUAGES:
        labels = [CATALOGUE[name].label.in_language(language) for name in attributes]
        # The first letter of a label is a capital in a list, but not in the middle of a sentence.
        spoken = [label if label[:2].isupper() else label[:1].lower() + label[1:] for label in labels]
        joined = spoken[0] if len(spoken) == 1 else ", ".join(spoken[:-1]) + _AND[language] + spoken[-1]
        filled[language] = sentence.in_language(language).format(
            organisation=organisation.name, attributes=joined, date=written_date(disclosed_at, language)
        )
    return Text(nl=filled["nl"], en=filled["en"])


_AND = {"nl": " en ", "en": " and "}
