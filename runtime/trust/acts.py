"""What people sign besides approvals: one in-toto statement an act, about exactly one thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from charter.compiler.canonical import canonical_json, digest, digest_of
from charter.runtime.events import ActSigned
from charter.runtime.failure import Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.genuine import PAYLOAD_TYPE, NotGenuineError, demand, demand_signer, signed_payload
from charter.runtime.trust.root import TrustRoot
from charter.runtime.trust.statement import Signatory, Subject
from charter.runtime.trust.times import parse_time, stamp

ActName = Literal[
    "waive", "withdraw", "attest", "reproduce", "halt", "resume", "break-glass", "close-review", "recall", "reinstate"
]


class ActPredicate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who does what, about what. `trust` names the version of the trust root they went by."""

    act: ActName
    name: str
    person: str
    role: str
    key: str
    time: str
    trust: str
    about: dict[str, Any]
    about_digest: str
    comment: str = ""


class ActStatement(msgspec.Struct, frozen=True, kw_only=True, rename={"type_": "_type"}):
    """The DSSE envelope's payload (in-toto attestation framework, statement v1)."""

    type_: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
    subject: tuple[Subject, ...]
    predicate_type: Literal["urn:charter:act:v1"] = msgspec.field(name="predicateType", default="urn:charter:act:v1")
    predicate: ActPredicate


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be signed: what is done, to what, and all that it is about."""

    act: ActName
    name: str
    about: Mapping[str, Any]
    role: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ActRecord:
    """One signed act as the ledger holds it."""

    body: ActSigned
    envelope: bytes
    seq: int
    time: str


@dataclass(frozen=True, slots=True)
class VerifiedAct:
    """An act that its person did. `signed_at` is the earlier of their clock and the ledger's."""

    record: ActRecord
    person: str
    role: str
    key: str
    signed_at: datetime
    about: Mapping[str, Any]
    comment: str
    trust: str
    """Digest of the version of the trust root that they went by."""

    @property
    def seq(self) -> int:
        """Its place in the ledger."""
        return self.record.seq


def sign_act(act: Act, by: Signatory, now: datetime, *, run: str, iteration: int) -> tuple[ActSigned, bytes]:
    """The event and the DSSE envelope to attach to it."""
    about = dict(act.about)
    about_digest = digest_of(about)
    statement = ActStatement(
        subject=(Subject(f"{act.act}:{act.name}", {"sha256": about_digest.removeprefix("sha256:")}),),
        predicate=ActPredicate(
            act=act.act,
            name=act.name,
            person=by.person,
            role=act.role,
            key=by.key.public.id,
            time=stamp(now),
            trust=by.trust,
            about=about,
            about_digest=about_digest,
            comment=act.comment,
        ),
    )
    payload = canonical_json(statement)
    envelope = dsse.seal(PAYLOAD_TYPE, payload, [by.key])
    body = ActSigned(
        run=run,
        act=act.act,
        name=act.name,
        person=by.person,
        role=act.role,
        key=by.key.public.id,
        statement=digest(payload),
        envelope=digest(envelope),
        iteration=iteration,
        comment=act.comment,
    )
    return body, envelope


def verified_act(record: ActRecord, trust: TrustRoot) -> VerifiedAct:
    """The act, if who the record names did it, with a key and a role that were theirs.

    Raises:
        NotGenuineError: why it does not count.
    """
    body = record.body
    payload, signers = signed_payload(record.envelope, body.envelope, trust, body.person, record.time)
    try:
        predicate = msgspec.json.decode(payload, type=ActStatement).predicate
        claimed = parse_time(predicate.time)
    except (msgspec.DecodeError, ValueError) as error:
        raise NotGenuineError(f"the signed statement cannot be read: {error}") from error
    demand_signer(trust, predicate.key, signers, predicate.trust)
    said = (predicate.act, predicate.name, predicate.person, predicate.role, predicate.key, predicate.comment)
    recorded = (body.act, body.name, body.person, body.role, body.key, body.comment)
    same = said == recorded and digest(payload) == body.statement
    demand(same, "the record says something else than what was signed")
    demand(digest_of(predicate.about) == predicate.about_digest, "its digest is not that of what it is about")
    at = parse_time(record.time)
    holds = not body.role or trust.held_role(body.person, body.role, at)
    demand(holds, f"they do not hold the role `{body.role}`")
    return VerifiedAct(
        record, body.person, body.role, body.key, min(claimed, at), predicate.about, predicate.comment, predicate.trust
    )


def claimed_about(record: ActRecord) -> dict[str, Any]:
    """What a recorded act says that it is about, whoever signed it; empty if that cannot be read."""
    try:
        payload, _ = dsse.open_envelope(record.envelope, PAYLOAD_TYPE, {})
        return msgspec.json.decode(payload, type=ActStatement).predicate.about
    except (Failure, msgspec.DecodeError, ValueError):
        return {}


def changed_parts(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which parts of what an act is about are not as they were signed, in words."""
    changed = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    return ", ".join(f"`{name}`" for name in changed)
