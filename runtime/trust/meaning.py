"""What an officer signs of a charter: its meaning, as it was shown in plain English.

The signature is over the digest of the compiled meaning, the rules and schemas that it names, and the rendering.
White space, comments, the order of declarations and the version string are no part of it; a bound is. It stands in a
file beside the charter, one DSSE envelope a line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from charter.compiler.canonical import canonical_json, digest, digest_of
from charter.compiler.ir import IR, PolicyControl
from charter.runtime.english import as_text, plain_english
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.genuine import PAYLOAD_TYPE
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import Signatory, Subject
from charter.runtime.trust.times import parse_time, stamp

SUFFIX = ".signed"
_LARGEST = 4 * 1024 * 1024


class MeaningPredicate(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed which meaning, and what they were shown."""

    lifecycle: str
    meaning: str
    files: dict[str, str]
    rendering: str
    person: str
    key: str
    time: str
    trust: str
    comment: str = ""


class _Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"type_": "_type"}):
    type_: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
    subject: tuple[Subject, ...]
    predicate_type: Literal["urn:charter:meaning:v1"] = msgspec.field(
        name="predicateType", default="urn:charter:meaning:v1"
    )
    predicate: MeaningPredicate


@dataclass(frozen=True, slots=True)
class SignedMeaning:
    """One signature that is somebody's; `current` if it is of what the charter means now."""

    person: str
    time: str
    current: bool


@dataclass(frozen=True, slots=True)
class MeaningVerdict:
    """What the signatures beside a charter amount to; `ignored` are those that do not count, and why not."""

    signed: tuple[SignedMeaning, ...]
    ignored: tuple[str, ...]

    @property
    def current(self) -> tuple[SignedMeaning, ...]:
        """Signatures of what the charter means now."""
        return tuple(item for item in self.signed if item.current)


def signature_path(charter: Path) -> Path:
    """`credit.charter.signed`, beside `credit.charter`."""
    return charter.with_name(charter.name + SUFFIX)


def rules_and_schemas(ir: IR) -> dict[str, str]:
    """Digests of the files in which a part of the meaning stands: Rego and schemas, not data and not code."""
    paths = {control.path for control in ir.controls if isinstance(control, PolicyControl)}
    paths |= {str(item.body["schema"]) for item in ir.declarations.values() if "schema" in item.body}
    return {path: ir.pins[path] for path in sorted(paths & ir.pins.keys())}


def rendering(ir: IR) -> str:
    """What is shown before it is signed."""
    files = "".join(f"  - {path} {pin}\n" for path, pin in rules_and_schemas(ir).items())
    return as_text(plain_english(ir)) + (f"Rules and schemas, as they are now\n{files}" if files else "")


def meaning_of(ir: IR) -> str:
    """Digest of all that a signature covers."""
    return digest_of({"meaning": ir.meaning, "files": rules_and_schemas(ir)})


def sign_meaning(ir: IR, by: Signatory, now: datetime, *, comment: str = "") -> bytes:
    """The DSSE envelope."""
    meaning = meaning_of(ir)
    statement = _Statement(
        subject=(Subject(ir.lifecycle.name, {"sha256": meaning.removeprefix("sha256:")}),),
        predicate=MeaningPredicate(
            lifecycle=ir.lifecycle.name,
            meaning=meaning,
            files=rules_and_schemas(ir),
            rendering=digest(rendering(ir).encode()),
            person=by.person,
            key=by.key.public.id,
            time=stamp(now),
            trust=by.trust,
            comment=comment,
        ),
    )
    return dsse.seal(PAYLOAD_TYPE, canonical_json(statement), [by.key])


def read_envelopes(path: Path) -> list[bytes]:
    """The envelopes in a signature file; none when there is no file.

    Raises:
        Failure: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Failure("cannot read the signatures", f"`{path}`: {error.strerror}.") from error
    if len(data) > _LARGEST:
        raise Failure("too many signatures", f"`{path}` has more than {_LARGEST} bytes.", exit_code=ExitCode.DENIED)
    return [line for line in data.split(b"\n") if line.strip()]


def judge(ir: IR, envelopes: list[bytes], trust: TrustRoot) -> MeaningVerdict:
    """Which signatures are somebody's, and of which meaning. No ledger dates them, so only keys of now count."""
    latest: dict[str, SignedMeaning] = {}
    ignored = []
    now = meaning_of(ir)
    for number, envelope in enumerate(envelopes, 1):
        found = _genuine(ir, envelope, trust)
        if isinstance(found, str):
            ignored.append(f"signature {number}: {found}")
            continue
        before = latest.get(found.person)
        if before is None or parse_time(found.time) >= parse_time(before.time):
            latest[found.person] = SignedMeaning(found.person, found.time, found.meaning == now)
    return MeaningVerdict(tuple(latest.values()), tuple(ignored))


def _genuine(ir: IR, envelope: bytes, trust: TrustRoot) -> MeaningPredicate | str:
    """What was signed, or why it does not count."""
    try:
        payload, _ = dsse.open_envelope(envelope, PAYLOAD_TYPE, {})
        predicate = msgspec.json.decode(payload, type=_Statement).predicate
        parse_time(predicate.time)
    except Failure as failure:
        return failure.detail
    except (msgspec.DecodeError, ValueError) as error:
        return f"it cannot be read: {error}"
    _, signers = dsse.open_envelope(envelope, PAYLOAD_TYPE, trust.keys_of(predicate.person))
    if predicate.key not in signers:
        return f"no key that the trust root gives to `{predicate.person}` now signed it"
    if not trust.includes(predicate.trust):
        return "it was signed under a trust root that is not in the history of the present one"
    if predicate.lifecycle != ir.lifecycle.name:
        return f"it is of the lifecycle `{predicate.lifecycle}`"
    return predicate


def words(verdict: MeaningVerdict) -> Iterator[str]:
    """What the signatures say, one sentence each."""
    for item in verdict.signed:
        state = "what it means now" if item.current else "another meaning than it has now, so it does not cover this"
        yield f"{item.person} signed on {item.time[:10]}: {state}"
    yield from (f"does not count: {reason}" for reason in verdict.ignored)
