"""Whether what is measured is the real thing: one disclosure, looked at closely, and the size of the log."""

import http.client
import json
import urllib.request
from base64 import b64decode

from consent.ledger.entry import Opening, check_opening
from consent.ledger.proof import check_proof, parse_proof

from .ground import VALUES, Ground


def one_disclosure(made: Ground) -> None:
    """Ask for one disclosure: all five values, an entry that opens, and a proof that it stands in the signed log."""
    head, _, body = made.disclosure(0).partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=30)
    try:
        connection.request("POST", "/disclosures", body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    assert response.status == 200, response.status
    assert {name: given["value"] for name, given in answer["attributes"].items()} == VALUES
    leaf = b64decode(answer["entry"]["leaf"])
    said = answer["entry"]["opening"]
    opening = Opening(
        said["i"],
        b64decode(said["kc"]),
        b64decode(said["a"]),
        said["A"].encode(),
        b64decode(said["d"]),
        said["D"].encode(),
    )
    check_opening(opening, leaf)
    check_proof(answer["proof"], leaf, [made.vkey])
    assert parse_proof(answer["proof"]).index == said["i"]


def size_of_log(made: Ground) -> int:
    """How many entries the served checkpoint signs for."""
    with urllib.request.urlopen(
        f"http://localhost:{made.port}/log/{made.log}/checkpoint", timeout=10
    ) as answer:
        return int(answer.read().split(b"\n")[1])
