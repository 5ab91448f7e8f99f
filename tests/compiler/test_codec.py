"""The IR as bytes: canonical, checked in full when read, and described by its published schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from charter.compiler.canonical import canonical_json, digest_of
from charter.compiler.codec import BadIR, decode_ir, encode_ir
from charter.compiler.compile import compile_charter
from charter.compiler.ir import IR
from charter.compiler.write_schema import PATH, schema_text

SPINE = Path(__file__).parent.parent / "cases" / "credit-spine" / "credit-spine.charter"


@pytest.fixture(scope="module")
def ir() -> IR:
    compiled = compile_charter(SPINE).ir
    assert compiled is not None
    return compiled


def test_round_trip(ir: IR):
    data = encode_ir(ir)
    assert decode_ir(data) == ir
    assert encode_ir(decode_ir(data)) == data


def test_published_schema_is_the_one_of_the_types(ir: IR):
    assert PATH.read_text("utf-8") == schema_text(), "run: python -m charter.compiler.write_schema"
    published = json.loads(schema_text())
    jsonschema.Draft202012Validator(published).validate(json.loads(encode_ir(ir)))


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"", "not a compiled charter"),
        (b"\x00\xff\xfe", "not a compiled charter"),
        (b"[]", "not a compiled charter"),
        (b"{}", "not a compiled charter"),
        (b'{"ir_version": "1"}', "not a compiled charter"),
        (b'{"ir_version": 99}', "other IR version"),
        (b'{"ir_version": 1}', "not a compiled charter"),
        (b"[" * 100_000, "not a compiled charter"),
        (b'{"ir_version": 1, "x": ' + b"[" * 100_000, "not a compiled charter"),
    ],
)
def test_hostile_documents(data: bytes, summary: str):
    with pytest.raises(BadIR) as caught:
        decode_ir(data)
    assert caught.value.summary == summary
    assert "charter compile" in caught.value.detail


def test_changed_documents_are_refused(ir: IR):
    data = encode_ir(ir)
    changes = (
        (b'"bound":0.75', b'"bound":0.50'),
        (b'"quorum":2', b'"quorum":1'),
        (b"package charter", b"package chatter"),
    )
    for old, new in changes:
        changed = data.replace(old, new)
        assert changed != data
        with pytest.raises(BadIR, match="was changed"):
            decode_ir(changed)


def test_what_is_added_or_reformatted_is_refused(ir: IR):
    document = json.loads(encode_ir(ir))
    for data in (
        json.dumps(document, indent=2).encode(),
        json.dumps({**document, "note": "x"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
    ):
        with pytest.raises(BadIR):
            decode_ir(data)


def _with_digest(document: dict[str, Any]) -> bytes:
    content = {name: value for name, value in document.items() if name != "digest"}
    return canonical_json({**content, "digest": digest_of(content)})


@pytest.mark.parametrize("place", [(), ("lifecycle",), ("controls", 0), ("stages", 0, "entry")])
def test_what_this_version_does_not_know_is_refused_and_not_dropped(ir: IR, place: tuple[str | int, ...]):
    """A newer version may have said more, perhaps what restricts: it must not be lost silently."""
    document = json.loads(encode_ir(ir))
    inner = document
    for step in place:
        inner = inner[step]
    inner["on_the_worst_day"] = True
    with pytest.raises(BadIR, match="more in it"):
        decode_ir(_with_digest(document))


def test_a_document_of_an_earlier_version_is_still_the_one_that_was_compiled(ir: IR):
    document = json.loads(encode_ir(ir))
    taken = [control.pop("lasting_seconds") for control in document["controls"] if "lasting_seconds" in control]
    assert taken and set(taken) == {None}
    assert decode_ir(_with_digest(document)).controls == ir.controls


def test_half_a_document(ir: IR):
    data = encode_ir(ir)
    for end in range(0, len(data), len(data) // 50):
        with pytest.raises(BadIR):
            decode_ir(data[:end])


def test_single_flipped_bits_never_pass_as_another_document(ir: IR):
    data = encode_ir(ir)
    for at in range(0, len(data), len(data) // 150):
        flipped = bytearray(data)
        flipped[at] ^= 1
        with pytest.raises(BadIR):
            decode_ir(bytes(flipped))
