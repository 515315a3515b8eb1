"""Two clients of the plain profile, and one that signs what it asks and gets signed answers."""

import pytest

from consent.demo import Stage
from tests.web.office import Office, office_of


@pytest.fixture(scope="module")
def client(served: Stage) -> Office:
    return office_of(served, "eerste")


@pytest.fixture(scope="module")
def client2(served: Stage) -> Office:
    return office_of(served, "tweede")


@pytest.fixture(scope="module")
def signer(served: Stage) -> Office:
    return office_of(
        served, "tekenaar", require_signed_request_object=True, authorization_signed_response_alg="ES256"
    )
