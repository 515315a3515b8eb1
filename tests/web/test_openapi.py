"""`openapi.yaml` says all that the doors do, and nothing else: it is written from them and compared here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import yaml

from consent.__main__ import main
from consent.app import routes
from consent.demo import Stage
from consent.web.errors import voice_of
from consent.web.openapi import doors

COMMITTED = Path(__file__).resolve().parents[2] / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(COMMITTED.read_text("utf-8"))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_committed_file_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi"]) == 0
    assert capsys.readouterr().out == COMMITTED.read_text("utf-8"), (
        "write it anew: consent openapi > openapi.yaml"
    )


def test_another_reader_of_yaml_sees_the_same_document() -> None:
    assert routes().state.openapi == DOCUMENT


def test_a_door_for_programs_answers_them_with_problems_and_not_with_pages() -> None:
    proven = [
        path for path, _, said in operations() if any("dpop" in str(one) for one in said.get("security", ()))
    ]
    assert len(proven) > 10
    assert {path: voice_of(path) for path in proven} == dict.fromkeys(proven, "api")


def test_it_is_valid_openapi_3_1() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_route_is_declared_and_described() -> None:
    found = list(doors(routes()))
    assert [(path, method) for path, method, door in found if door is None] == []
    assert sorted((path, method) for path, method, _ in found) == sorted((p, m) for p, m, _ in operations())


def test_the_hot_path_outside_the_framework_is_described_too() -> None:
    assert DOCUMENT["paths"]["/disclosures"]["post"]["operationId"] == "disclose"


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_every_place_in_a_path_is_a_parameter() -> None:
    for path, _, operation in operations():
        places = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert places == named, path


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    used = {place.removeprefix("#/components/schemas/") for place in references(DOCUMENT)}
    assert used == set(schemas)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_whoever_needs_a_credential_is_told_which() -> None:
    open_to_all = {
        operation["operationId"]
        for _, _, operation in operations()
        if operation["tags"][0] in ("oauth", "organisation", "auditor") and "security" not in operation
    }
    assert open_to_all == {
        "authorize", "metadata", "resourceMetadata", "jwks", "requestType", "batchType", "listLogs", "keysOfLog",
        "checkLog",
        "checkpoint", "policy", "proof", "tile", "readOpenapi", "showLog", "showOneLog", "showEntries",
        "showEntriesFrom", "showControlEntries", "showOneEntry", "jumpToEntry", "showStatistics",
        "getReport", "showErrors",
    }  # fmt: skip


def test_whoever_sends_a_body_may_hear_that_it_is_too_large_and_at_the_api_that_it_is_no_json() -> None:
    for path, _, said in operations():
        if "requestBody" in said:
            assert "413" in said["responses"], path
            if voice_of(path) == "api":
                assert "415" in said["responses"], path


def test_a_401_of_the_api_always_comes_with_a_challenge() -> None:
    for path, _, operation in operations():
        if operation["tags"][0] in ("organisation", "auditor") and "401" in operation["responses"]:
            assert operation["responses"]["401"]["headers"]["WWW-Authenticate"]["required"] is True, path


def test_the_service_serves_it_where_its_metadata_says(served: Stage) -> None:
    metadata = httpx.get(f"{served.issuer}/.well-known/oauth-authorization-server").json()
    answer = httpx.get(metadata["service_documentation"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/yaml"
    assert answer.text == COMMITTED.read_text("utf-8")
