"""Writes `docs/reference/attributes.md` from the catalogue.

python -m tests.words.attributes_page > docs/reference/attributes.md
"""

import sys

from consent.words.attributes import CATALOGUE, SOURCES, Attribute

_HEAD = """# Attributes

The closed list of what a citizen can hold and an organisation can ask. The list stands in
`consent/words/catalogue.py`; this page is written from it and a test fails when the two differ.

- **Kind**: `date` is `YYYY-MM-DD`, `euro` is whole euros, `list` is a list of texts.
- **Source and path**: `brp` paths are those of
  [BRP Personen 2.7](https://github.com/BRP-API/Haal-Centraal-BRP-bevragen); `income` paths are those of
  [our own small schema](income.schema.json); `self` means that the citizen says it herself.
  *Derived* means worked out from what stands at the path, so that the answer can leave while the facts stay.
- **About**: whom the value describes. What is about a partner or a child gets its own sentence on the page.
- **Special**: GDPR article 9, or as delicate in practice. These also get a sentence of their own.
- **By law only**: a purpose may only ask it on the basis of a legal obligation or a public task.

| Name | Kind | Dutch | English | Source and path | About | Remarks |
|---|---|---|---|---|---|---|
"""

_FOOT = """
## Sources

| Name | Dutch | English |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    sources = "".join(f"| `{name}` | {text.nl} | {text.en} |\n" for name, text in SOURCES.items())
    return _HEAD + "".join(_row(attribute) for attribute in CATALOGUE.values()) + _FOOT + sources


def _row(attribute: Attribute) -> str:
    where = f"`{attribute.source}`" + (f" `{attribute.path}`" if attribute.path else "")
    remarks = [
        word
        for word, holds in (
            ("derived", attribute.derived),
            ("special", attribute.special),
            ("by law only", attribute.statutory_only),
        )
        if holds
    ]
    cells = (
        f"`{attribute.name}`",
        attribute.kind,
        attribute.label.nl,
        attribute.label.en,
        where,
        attribute.about,
        ", ".join(remarks),
    )
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
