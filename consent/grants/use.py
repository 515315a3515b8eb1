"""Why does she see this? A use of what was disclosed, in one sentence that was approved with the purpose."""

from consent.words.attributes import CATALOGUE, label_in_sentence
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
        spoken = [label_in_sentence(CATALOGUE[name], language) for name in attributes]
        joined = spoken[0] if len(spoken) == 1 else ", ".join(spoken[:-1]) + _AND[language] + spoken[-1]
        filled[language] = sentence.in_language(language).format(
            organisation=organisation.name, attributes=joined, date=written_date(disclosed_at, language)
        )
    return Text(nl=filled["nl"], en=filled["en"])


_AND = {"nl": " en ", "en": " and "}
