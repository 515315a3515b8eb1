"""Trees, notes, proofs and keys: the readers are strict, and agree with the definitions."""

import hashlib
import json

import pytest
from consent_sdk.encoding import b64_bytes, b64url_bytes
from consent_sdk.keys import SigningKey, challenge_of, client_assertion, dpop_proof
from consent_sdk.merkle import Node, Tile, cover, is_included, tile_of
from consent_sdk.note import check_checkpoint, keys_in_policy, read_log_key, read_proof
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from consent.ledger.cosignature import cosign, cosigner_vkey

from .log_world import TestLog, audit_path, b64, tree_hash

_LEAVES = [bytes([i % 256, i // 256]) for i in range(600)]
LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))


@given(size=st.integers(1, 600), data=st.data())
@settings(max_examples=60, deadline=None)
def test_each_entry_is_included_at_its_index_and_nowhere_else(size: int, data: st.DataObject) -> None:
    leaves = _LEAVES[:size]
    index = data.draw(st.integers(0, size - 1))
    path, root = audit_path(index, leaves), tree_hash(leaves)
    assert is_included(leaves[index], index, size, path, root)
    assert not is_included(leaves[index] + b"x", index, size, path, root)
    other = data.draw(st.integers(0, size + 3))
    if other != index:
        assert not is_included(leaves[index], other, size, path, root)
    assert not is_included(leaves[index], index, size, [*path, root], root)
    assert not path or not is_included(leaves[index], index, size, path[:-1], root)
    assert not is_included(leaves[index], index, size, path, root[:31])


def test_a_hash_of_another_length_is_not_a_step() -> None:
    assert not is_included(b"x", 0, 2, [b"short"], hashlib.sha256(b"").digest())
    assert not is_included(b"", 0, 1, [], b"")


@given(start=st.integers(0, 5000), more=st.integers(0, 5000))
def test_a_cover_is_whole_and_in_order(start: int, more: int) -> None:
    if start and more > start:
        more = start  # `cover` is used for [0, n) and for what follows it
    at = start
    for node in cover(start, start + more):
        assert node.number << node.level == at
        at += 1 << node.level
    assert at == start + more


def test_tile_paths_are_those_of_the_specification() -> None:
    assert Tile(0, 1234067, 256).path == "tile/0/x001/x234/067"
    assert Tile(1, 0, 17).path == "tile/1/000.p/17"
    assert Tile(0, 273, 112).full_path == "tile/0/273"
    assert tile_of(Node(4, 4375 - 1), 70_000) == Tile(0, 273, 112)
    assert tile_of(Node(8, 272), 70_000) == Tile(1, 1, 17)
    assert tile_of(Node(16, 0), 70_000) == Tile(2, 0, 1)


def test_a_signed_checkpoint_reads() -> None:
    log = TestLog("a.example/log/1")
    checkpoint = check_checkpoint(log.note(), [read_log_key(log.vkey)])
    assert (checkpoint.origin, checkpoint.size) == ("a.example/log/1", 1)


@pytest.mark.parametrize(
    "body",
    [
        "a.example/log/1\n01\n{root}\n",
        "a.example/log/1\n0\n{root}\n",
        "a.example/log/1\n-1\n{root}\n",
        "a.example/log/1\n1\n{root}\nextension\n",
        "a.example/log/1\n1\nAAAA\n",
        "a.example/log/1\n1\n",
        "b.example/log/1\n1\n{root}\n",
        "a.example/log/1\n1\n{root}\r\n",
    ],
)
def test_a_checkpoint_in_another_form_is_not_read_even_when_signed(body: str) -> None:
    log = TestLog("a.example/log/1")
    note = log.signed(body.format(root=b64(tree_hash(log.leaves))))
    with pytest.raises(ValueError, match=r"."):
        check_checkpoint(note, [read_log_key(log.vkey)])


def test_one_wrong_signature_of_a_known_key_condemns_the_note() -> None:
    log = TestLog("a.example/log/1")
    wrong = f"— {log.origin} {b64(log.key_id + bytes(64))}\n"
    with pytest.raises(ValueError, match="wrong"):
        check_checkpoint(log.note() + wrong, [read_log_key(log.vkey)])


def test_a_note_that_only_strangers_signed_is_not_believed() -> None:
    log, other = TestLog("a.example/log/1"), TestLog("a.example/log/1")
    with pytest.raises(ValueError, match="no signature"):
        check_checkpoint(other.note(), [read_log_key(log.vkey)])


def test_a_verifier_key_has_one_spelling() -> None:
    log = TestLog("a.example/log/1")
    name, key_id, key = log.vkey.split("+", 2)
    for broken in (
        name,
        f"{name}+00000000+{key}",
        f"{name}+{key_id.upper()}x+{key}",
        f"x{log.vkey}",
        f"{name}+{key_id}+{key[:-4]}",
        f"+{key_id}+{key}",
    ):
        with pytest.raises(ValueError, match=r"."):
            read_log_key(broken)


def test_a_policy_names_the_keys_of_one_log() -> None:
    log, other = TestLog("a.example/log/1"), TestLog("b.example/log/1")
    post_quantum = "+".join([log.origin, "12345678", b64(b"\x07" + bytes(40))])
    policy = f"# x\n\n log\t{log.vkey} https://a.example\nlog {other.vkey}\nlog {post_quantum}\nquorum none\n"
    assert [key.vkey for key in keys_in_policy(policy, log.origin)] == [log.vkey]
    lattice = cosigner_vkey(log.origin, LATTICE)
    both = keys_in_policy(policy + f"log {lattice}\n", log.origin)
    assert [(key.vkey, key.is_second) for key in both] == [(log.vkey, False), (lattice, True)]
    assert keys_in_policy(f"log {lattice}\nquorum none\n", log.origin) == []


def test_a_second_key_of_the_log_is_checked_when_it_is_known() -> None:
    log = TestLog("a.example/log/1")
    first, second = read_log_key(log.vkey), read_log_key(cosigner_vkey(log.origin, LATTICE))
    line = cosign(log.note().partition("\n\n")[0] + "\n", log.origin, LATTICE, at=1_900_000_000)
    assert check_checkpoint(log.note(), [first]).is_signed_twice
    assert not check_checkpoint(log.note(), [first, second]).is_signed_twice
    assert check_checkpoint(log.note() + line, [first, second]).is_signed_twice
    with pytest.raises(ValueError, match="no signature"):
        check_checkpoint(log.note() + line, [second])
    grown = TestLog(log.origin, log.private)
    with pytest.raises(ValueError, match="wrong"):  # the line of another tree condemns the note …
        check_checkpoint(grown.note() + line, [first, second])
    assert check_checkpoint(grown.note() + line, [first]).size == 1  # … for whoever knows the key
    for cut in (b"", bytes(7), bytes(8), bytes(100)):
        short = f"— {log.origin} {b64(second.key_id + cut)}\n"
        with pytest.raises(ValueError, match=r"."):
            check_checkpoint(log.note() + short, [first, second])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex -1\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 1 \n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex ١\n\nnote",
        "c2sp.org/tlog-proof@v1\nextra eA==\nextra eA==\nindex 1\n\nnote",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + (b64(bytes(32)) + "\n") * 63 + "\nnote",
    ],
)
def test_a_proof_in_another_form_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_proof(text)


def test_the_extra_line_is_passed_over() -> None:
    proof = read_proof(f"c2sp.org/tlog-proof@v1\nextra eA==\nindex 7\n{b64(bytes(32))}\n\nnote\n")
    assert (proof.index, proof.path, proof.note) == (7, (bytes(32),), "note\n")


@pytest.mark.parametrize("text", ["YQ", "YR==", "YQ==\n", "Y Q==", "_-8=", "ä==="])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        b64_bytes(text)


# Keys


def test_appendix_b_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_key_comes_as_pem_as_jwk_or_as_object() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    jwk = ECKey.import_key(SigningKey(private).pem()).as_dict(private=True)
    keys = [
        SigningKey.load(private),
        SigningKey.load(SigningKey(private).pem()),
        SigningKey.load(jwk),
        SigningKey.load(json.dumps(jwk | {"kid": "k1"})),
    ]
    assert len({key.thumbprint() for key in keys}) == 1
    assert keys[0].thumbprint() == ECKey.import_key(jwk).thumbprint()
    assert keys[3].key_id == "k1"


@pytest.mark.parametrize(
    "material",
    [
        ec.generate_private_key(ec.SECP384R1()),
        "no key",
        {"kty": "EC", "crv": "P-256"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"},
        {"kty": "RSA"},
        "{}",
    ],
)
def test_another_key_is_not_taken(material: object) -> None:
    with pytest.raises(ValueError, match=r"key|JWK"):
        SigningKey.load(material)  # type: ignore[arg-type]


def test_an_ed25519_key_is_not_taken() -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="EC"):
        SigningKey.load(pem)


def test_signatures_are_those_that_joserfc_accepts() -> None:
    key = SigningKey.new()
    public = ECKey.import_key(key.public_jwk)
    for i in range(40):  # also numbers that begin with zero bytes
        text = client_assertion(key, client_id="c", issuer="https://i.example", at=i, jti=f"j{i}")
        found = jws.deserialize_compact(text, public, algorithms=["ES256"])
        assert found.headers()["alg"] == "ES256"
        assert b'"aud":"https://i.example"' in found.payload


def test_a_dpop_proof_names_the_address_without_its_query() -> None:
    proof = dpop_proof(
        SigningKey.new(), method="GET", url="https://a.example/x?y=1#z", at=1, jti="j", token=None, nonce="n"
    )
    claims = b64url_bytes(proof.split(".")[1])
    assert b'"htu":"https://a.example/x"' in claims
    assert b'"nonce":"n"' in claims
    assert b"ath" not in claims
