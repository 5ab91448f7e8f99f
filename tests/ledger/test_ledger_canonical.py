"""Canonical bodies, headers, trees and notes against other people's code and published vectors."""

import hashlib
import json
import math

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charter.runtime.ledger import Refused, canonical
from charter.runtime.ledger.checkpoint import Checkpoint, NoteError, Signer, VerifierKey, read_note
from charter.runtime.ledger.merkle import (
    EMPTY_ROOT,
    TILE,
    Frontier,
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    leaf_hash,
    subtree_of,
    subtree_of_tiles,
)
from charter.runtime.ledger.record import Header, header_bytes, parse_header, timestamp

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
keys = st.text(st.characters(max_codepoint=127))
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=10)
bodies = st.dictionaries(keys, values)


@given(bodies)
@example({"é".encode().hex(): '\u2028\u2029\x7f\x00\x1f\U0001f600</script>/\\"\b\f\n\r\t'})
def test_bodies_are_rfc_8785(body):
    data = canonical.encode(body)
    assert data == rfc8785.dumps(body)
    assert canonical.parse(data) == body


def nested(depth):
    value = {}
    for _ in range(depth - 1):
        value = {"x": value}
    return value


LOOP: dict = {}
LOOP["x"] = LOOP


@pytest.mark.parametrize(
    "body",
    [
        {"x": math.nan},
        {"x": math.inf},
        {"x": 1.0},
        {"x": [1, [2.5]]},
        {"x": 2**53},
        {"x": -(2**53)},
        {"x": 10**400},
        {"x": "\ud800"},
        {"\ud800": 1},
        {"é": 1},
        {1: 1},
        {None: 1},
        {"x": b"bytes"},
        {"x": {1, 2}},
        {"x": object()},
        {"x": type("Text", (str,), {})("subclass")},
        {"x": type("Number", (int,), {})(1)},
        nested(33),
        LOOP,
        {"x": "y" * canonical.MAX_BYTES},
    ],
)
def test_what_leaves_the_profile_is_refused(body):
    with pytest.raises(Refused) as caught:
        canonical.encode(body)
    assert caught.value.detail.endswith(".")
    caught.value.detail.encode()


def test_the_limits_themselves_are_allowed():
    canonical.encode(nested(32))
    canonical.encode({"x": canonical.MAX_INTEGER, "y": -canonical.MAX_INTEGER})
    assert len(canonical.encode({"x": "y" * (canonical.MAX_BYTES - 8)})) == canonical.MAX_BYTES


def test_a_refusal_names_the_place():
    with pytest.raises(Refused) as caught:
        canonical.encode({"evidence": [{"value": "0.9"}, {"value": 0.5}]})
    assert "`evidence.1.value`" in caught.value.detail
    assert "`0.5` is a float" in caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a": 1}', b'{"a":1.0}', b'{"a":1e3}', b'{"a":-0}', b'{"a":NaN}',
        b'{"a":"\\u0041"}', b'{"a":"\\/"}', b'{"a":"\\ud800"}', b'{"a":1}\n', b"[]", b"1", b"", b"{", b"\xff",
        b'{"\xff":1}',
        b'{"a":9007199254740992}', b'{"a":' * 50_000, b"[" * 100_000,
    ],
)  # fmt: skip
def test_other_spellings_are_refused(text):
    with pytest.raises(Refused):
        canonical.parse(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_text_reads_back(value):
    assert float(canonical.decimal(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_has_no_decimal_text_is_refused(value):
    with pytest.raises(Refused):
        canonical.decimal(value)


tokens = st.text(st.sampled_from([chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"\\']), min_size=1, max_size=128)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(hashes, tokens, hashes, st.integers(0, 10**15 - 1), tokens, st.integers(0, 253_402_300_799 * 10**9))
def test_headers_are_rfc_8785_and_read_back(body, idem, prev, seq, subject, nanoseconds):
    header = Header(body, idem, "gate.decided", "charter/x", prev, seq, subject, timestamp(nanoseconds))
    data = header_bytes(header)
    assert data == rfc8785.dumps({**header._asdict(), "v": 1})
    assert parse_header(data) == header


@settings(max_examples=300)
@given(st.data())
def test_a_header_has_one_spelling(data):
    original = header_bytes(Header("0" * 64, "i", "k", "l", "f" * 64, 10, "s", "2026-11-22T00:00:00.000000Z"))
    position = data.draw(st.integers(0, len(original) - 1))
    changed = original[:position] + data.draw(st.binary(max_size=2)) + original[position + 1 :]
    parsed = parse_header(changed)
    assert parsed is None or header_bytes(parsed) == changed


def test_times_have_a_fixed_width():
    assert timestamp(0) == "1970-01-01T00:00:00.000000Z"
    assert timestamp(1_795_331_019_000_001_999) == "2026-11-22T07:03:39.000001Z"
    for bad in (-1, 253_402_300_800 * 10**9, 10**30):
        with pytest.raises(Refused):
            timestamp(bad)


# RFC 6962 vectors of certificate-transparency (merkletree/merkle_tree_test.cc), as also used by Trillian.
INPUTS = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_roots_are_those_of_rfc_6962():
    assert hashlib.sha256(b"").digest() == Frontier().root() == EMPTY_ROOT
    frontier = Frontier()
    for data, root in zip(INPUTS, ROOTS, strict=True):
        frontier.extend([leaf_hash(data)])
        assert frontier.root().hex() == root


def test_proofs_are_those_of_rfc_6962():
    leaves = [leaf_hash(data) for data in INPUTS]
    tree = subtree_of(leaves)
    assert [node.hex()[:16] for node in inclusion_proof(5, 8, tree)] == [
        "bc1a0643b12e4d2d", "ca854ea128ed050b", "d37ee418976dd957",
    ]  # fmt: skip
    assert [node.hex()[:16] for node in inclusion_proof(2, 3, tree)] == ["fac54203e7cc696c"]
    assert [node.hex()[:16] for node in consistency_proof(6, 8, tree)] == [
        "0ebc5d3437fbe2db", "ca854ea128ed050b", "d37ee418976dd957",
    ]  # fmt: skip


@given(st.integers(1, 70))
def test_proofs_hold_for_what_they_prove_and_nothing_else(size):
    leaves = [leaf_hash(b"%d" % n) for n in range(size)]
    tree = subtree_of(leaves)
    root = tree(0, size)
    for index in range(size):
        path = inclusion_proof(index, size, tree)
        assert inclusion_holds(leaves[index], index, size, path, root)
        assert not inclusion_holds(leaves[index], index + 1, size, path, root)
        assert not inclusion_holds(leaves[index - 1], index, size, path, root) or size == 1
        assert not inclusion_holds(leaves[index], index, size, [*path, root], root)
        if path:
            assert not inclusion_holds(leaves[index], index, size, path[:-1], root)
    for old in range(1, size + 1):
        path = consistency_proof(old, size, tree)
        assert consistency_holds(old, tree(0, old), size, root, path)
        assert not consistency_holds(old, leaves[0][::-1], size, root, path)
        assert not consistency_holds(old, tree(0, old), size, leaves[0][::-1], path)
        assert not consistency_holds(old, tree(0, old), size, root, [*path, root])


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513, 1000])
def test_tiles_give_the_same_tree(size):
    leaves = [leaf_hash(b"%d" % n) for n in range(size)]
    one, tiled, extended, tiles = Frontier(), Frontier(), Frontier(), []
    for leaf in leaves:
        tiles += one.extend([leaf])
    for tile in tiles:
        tiled.append_tile(tile)
    for leaf in leaves[len(tiles) * TILE :]:
        tiled.extend([leaf])
    found = [tile for start in range(0, size, 100) for tile in extended.extend(leaves[start : start + 100])]
    assert found == tiles == Frontier().extend(leaves)
    assert one.root() == tiled.root() == extended.root() == subtree_of(leaves)(0, size)
    subtree = subtree_of_tiles(tiles, lambda tile: leaves[tile * TILE : (tile + 1) * TILE])
    for index in (0, 254, size // 2, size - 1):
        assert inclusion_proof(index, size, subtree) == inclusion_proof(index, size, subtree_of(leaves))


# The example of C2SP signed-note (Go's golang.org/x/mod/sumdb/note).
NOTE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_signature_scheme_is_that_of_signed_notes():
    key = VerifierKey.parse(NOTE_KEY)
    assert str(key) == NOTE_KEY
    text, _, signature = NOTE.rpartition("\n\n— PeterNeumann ")
    import base64

    blob = base64.b64decode(signature)
    assert blob[:4] == key.id
    key._ed25519.verify(blob[4:], f"{text}\n".encode())


@pytest.fixture(scope="module")
def signer():
    return Signer("charter/test", Ed25519PrivateKey.generate())


def test_a_checkpoint_has_one_spelling(signer):
    note = signer.sign(5, b"r" * 32)
    assert signer.verifier.open(note) == Checkpoint("charter/test", 5, b"r" * 32)
    assert read_note(note).size == 5
    for position in range(len(note)):
        for changed in (note[:position] + note[position + 1 :], note[:position] + "A" + note[position + 1 :]):
            if changed != note:
                with pytest.raises(NoteError):
                    signer.verifier.open(changed)


def test_both_libraries_sign_alike(signer, monkeypatch):
    """Ed25519 is deterministic (RFC 8032), so it shows in no bit when a long-lived process changes the library."""
    monkeypatch.setattr(signer, "_left", 3)
    notes = [signer.sign(7, b"\x01" * 32) for _ in range(9)]
    assert signer._sodium is not None
    assert len(set(notes)) == 1
    assert signer.verifier.open(notes[-1]).size == 7


def test_signatures_of_others_are_ignored_but_do_not_replace_ours(signer):
    note = signer.sign(5, b"r" * 32)
    other = Signer("witness.example", Ed25519PrivateKey.generate())
    line = other.sign(5, b"r" * 32).rpartition("\n\n")[2]
    assert signer.verifier.open(note + line).size == 5
    with pytest.raises(NoteError, match="not signed by this ledger's key"):
        signer.verifier.open(note.rpartition("\n\n")[0] + "\n\n" + line)


@given(st.text())
def test_any_text_is_no_note(text):
    with pytest.raises(NoteError):
        read_note(text)


@given(st.text())
def test_any_text_is_no_key(text):
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


def test_json_library_agrees_on_a_header():
    header = Header("0" * 64, "i", "k", "l", "f" * 64, 10, "s", "2026-11-22T00:00:00.000000Z")
    assert json.loads(header_bytes(header)) == {**header._asdict(), "v": 1}
