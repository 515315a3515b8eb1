"""Makes `brp_paths.json`: the part of the BRP Personen schema that our source paths walk through.

    python -m tests.words.brp_paths openapi.json > tests/words/brp_paths.json

`openapi.json` is the published specification, version 2.7.0, of BRP-API/Haal-Centraal-BRP-bevragen.
References, `allOf` and the kinds of a discriminator are folded into one tree; a leaf is the JSON type and its
format after a colon; a list is `[tree]`. Left out: whether a fact is being investigated (`inOnderzoek`) and
parental authority (`gezag`).
"""

import json
import sys
from typing import Any

LEFT_OUT = {"inOnderzoek", "gezag"}


def extract(document: dict[str, Any]) -> dict[str, Any]:
    """The extract of *document*, with where it comes from."""
    schemas = document["components"]["schemas"]
    return {
        "source": "https://github.com/BRP-API/Haal-Centraal-BRP-bevragen",
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "licence": document["info"]["license"]["name"],
        "changes": "extract of the schema Persoon, folded into one tree by tests/words/brp_paths.py",
        "person": _tree(schemas["Persoon"], schemas),
    }


def _tree(schema: dict[str, Any], schemas: dict[str, Any], seen: frozenset[str] = frozenset()) -> Any:
    while "$ref" in schema:
        if schema["$ref"] in seen:  # a kind refers back to what it is a kind of
            return {}
        seen |= {schema["$ref"]}
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "array":
        return [_tree(schema["items"], schemas)]
    tree: Any = {
        name: _tree(part, schemas)
        for name, part in schema.get("properties", {}).items()
        if name not in LEFT_OUT
    }
    kinds = schema.get("discriminator", {}).get("mapping", {}).values()
    for part in [*schema.get("allOf", []), *({"$ref": kind} for kind in kinds)]:
        tree = _merged(tree, _tree(part, schemas, seen))
    leaf = ":".join(part for part in (schema.get("type", "object"), schema.get("format", "")) if part)
    return tree or ({} if seen and leaf == "object" else leaf)


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {name: _merged(one[name], part) if name in one else part for name, part in other.items()}
    return one or other


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        json.dump(extract(json.load(file)), sys.stdout, indent=1, ensure_ascii=False, sort_keys=True)
    sys.stdout.write("\n")
