"""RFC 8707 and RFC 9728: tokens are for one API, and it says so itself."""

import pytest

from consent.oauth.forms import parse_form
from consent.oauth.metadata import metadata
from consent.oauth.resource import check_resource, protected_resource
from consent.words.errors import InvalidTarget

from .actors import ISSUER


@pytest.mark.parametrize(
    "body",
    [
        "",
        "resource=",
        f"resource={ISSUER}",
        f"resource={ISSUER}/",
        f"resource={ISSUER}&resource=%68" + ISSUER[1:],
    ],
)
def test_the_issuer_may_be_named_once_often_or_never(body: str) -> None:
    check_resource(parse_form(body.encode()), issuer=ISSUER)


@pytest.mark.parametrize(
    "other",
    [
        "https://evil.example", f"{ISSUER}/disclosures", f"{ISSUER}//", f"{ISSUER}.evil.example", f"{ISSUER}#x", "x",
        f"{ISSUER}?a", ISSUER.upper(), "https://evil.example/&resource=" + ISSUER, ISSUER + "&resource=urn:x",
        ISSUER + "%20urn:x",
    ],
)  # fmt: skip
def test_anything_else_is_an_invalid_target_also_beside_the_right_one(other: str) -> None:
    with pytest.raises(InvalidTarget):
        check_resource(parse_form(f"resource={other}".encode()), issuer=ISSUER)


def test_the_two_documents_name_each_other() -> None:
    document = protected_resource(ISSUER)
    assert document["authorization_servers"] == [metadata(ISSUER)["issuer"]]
    assert metadata(ISSUER)["protected_resources"] == [document["resource"]]
    for name in ("dpop_signing_alg_values_supported", "authorization_details_types_supported"):
        assert document[name] == metadata(ISSUER)[name]
    assert document["dpop_bound_access_tokens_required"] is True
