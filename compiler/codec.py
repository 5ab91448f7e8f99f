"""The IR as bytes and back: canonical JSON, its version, and its digest.

What is read back is checked in full (types, version, digest) before anybody acts on it.
"""

from typing import Any

import msgspec

from charter.compiler.canonical import canonical_json, digest_of
from charter.compiler.ir import IR, IR_VERSION

MAX_BYTES = 64 * 1024 * 1024


class BadIR(ValueError):
    """A document that is no IR, or not the one that was written.

    Attributes:
        summary: about five words, lower-case start, no period.
        detail: full sentences that say what to do.
    """

    def __init__(self, summary: str, detail: str) -> None:
        super().__init__(f"{summary}: {detail}")
        self.summary = summary
        self.detail = detail


def encode_ir(ir: IR) -> bytes:
    """The IR's canonical bytes: the same document gives the same bytes everywhere."""
    return canonical_json(ir)


def decode_ir(data: bytes) -> IR:
    """The IR in `data`, after its types, version and digest have been checked.

    Raises:
        BadIR: it is too large, not JSON, not an IR, of another version, or changed since it was written.
    """
    if len(data) > MAX_BYTES:
        raise BadIR("file too large", f"a compiled charter has at most {MAX_BYTES} bytes; this has {len(data)}.")
    _check_version(data)
    try:
        ir = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BadIR("not a compiled charter", f"{problem}. {_COMPILE}") from None
    if encode_ir(ir) == data and ir_digest(ir) == ir.digest:
        return ir
    # Of the document as it stands: one of an earlier version has fewer members than this version would write.
    document = msgspec.json.decode(data)
    found = digest_of({name: value for name, value in document.items() if name != "digest"})
    if found != ir.digest:
        raise BadIR(
            "compiled charter was changed",
            f"its content has the digest `{found}`, but it says `{ir.digest}`. {_COMPILE}",
        )
    if canonical_json(document) != data or _says_more(document, msgspec.to_builtins(ir)):
        raise BadIR("not the bytes that were compiled", f"the document was reformatted, or has more in it. {_COMPILE}")
    return ir


def _says_more(document: Any, known: Any) -> bool:
    """Whether a document has members that this version does not know: they may restrict, and would be dropped."""
    if isinstance(document, dict):
        return not isinstance(known, dict) or any(
            name not in known or _says_more(part, known[name]) for name, part in document.items()
        )
    if isinstance(document, list):
        return any(_says_more(part, other) for part, other in zip(document, known, strict=True))
    return False


def ir_digest(ir: IR) -> str:
    """SHA-256 over the canonical JSON of everything but the digest itself."""
    return digest_of({field: getattr(ir, field) for field in ir.__struct_fields__ if field != "digest"})


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the IR, as published in `ir.schema.json`."""
    from charter.compiler.described import described  # it brings `inspect`, which nothing else here needs

    schema = described(msgspec.json.schema(IR))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Charter IR", **schema}


_COMPILE = "Compile the charter again with `charter compile`."
_DECODER = msgspec.json.Decoder(IR)


class _Version(msgspec.Struct):
    ir_version: int


def _check_version(data: bytes) -> None:
    try:
        version = msgspec.json.decode(data, type=_Version).ir_version
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise BadIR("not a compiled charter", f"{problem}. {_COMPILE}") from None
    if version != IR_VERSION:
        raise BadIR(
            "other IR version",
            f"the document has IR version {version}, this Charter reads version {IR_VERSION}. {_COMPILE}",
        )
