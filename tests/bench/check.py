"""Whether what is measured is the real thing: a disclosure and a batch, looked at closely, and the log's size."""

import http.client
import json
import urllib.request
from base64 import b64decode
from typing import Any

from consent_sdk.merkle import shared_paths

from consent.ledger.checkpoint import check_checkpoint
from consent.ledger.entry import Opening, check_opening
from consent.ledger.proof import check_proof, parse_proof
from consent.oauth.batches import MOST_ITEMS

from .ground import VALUES, Ground


def one_disclosure(made: Ground) -> None:
    """Ask for one disclosure: all five values, an entry that opens, and a proof that it stands in the signed log."""
    answer = _asked(made, "/disclosures", made.disclosure(0))
    assert {name: given["value"] for name, given in answer["attributes"].items()} == VALUES
    leaf = b64decode(answer["entry"]["leaf"])
    said = answer["entry"]["opening"]
    check_opening(_opening(said), leaf)
    check_proof(answer["proof"], leaf, [made.vkey])
    assert parse_proof(answer["proof"]).index == said["i"]


def one_batch(made: Ground) -> None:
    """Ask for one batch: all values of each item, entries that open, one proof that they are in the signed log."""
    answer = _asked(made, "/disclosures/batch", made.batch(0))
    entries = {}
    for result in answer["results"]:
        given = result["disclosure"]
        assert {name: one["value"] for name, one in given["attributes"].items()} == VALUES
        assert given["proof"] == 0
        leaf, said = b64decode(given["entry"]["leaf"]), given["entry"]["opening"]
        check_opening(_opening(said), leaf)
        entries[said["i"]] = leaf
    assert len(entries) == MOST_ITEMS
    (proof,) = answer["proofs"]
    checkpoint = check_checkpoint(proof["checkpoint"], [made.vkey])
    root, _ = shared_paths(entries, checkpoint.size, [b64decode(step) for step in proof["hashes"]])
    assert root == checkpoint.root


def _asked(made: Ground, path: str, request: bytes) -> Any:
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    assert response.status == 200, response.status
    return answer


def _opening(said: dict[str, Any]) -> Opening:
    return Opening(
        said["i"],
        b64decode(said["kc"]),
        b64decode(said["a"]),
        said["A"].encode(),
        b64decode(said["d"]),
        said["D"].encode(),
    )


def size_of_log(made: Ground) -> int:
    """How many entries the served checkpoints of all its logs sign for."""
    names = _fetched(f"http://localhost:{made.port}/log").split()
    return sum(
        int(_fetched(f"http://localhost:{made.port}/log/{n}/checkpoint").split("\n")[1]) for n in names
    )


def _fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        said: bytes = answer.read()
    return said.decode()
