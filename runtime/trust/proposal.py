"""A change of the trust root on its way round: proposed by one, signed by others elsewhere, then applied."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.keys import PrivateKey
from charter.runtime.trust.root import (
    LARGEST,
    SignedVersion,
    TrustRoot,
    Version,
    agreed,
    append,
    refuse_unsound,
    sign_version,
)


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The next version, and who of the present administrators has signed it so far."""

    format: Literal["charter-trust-proposal/1"] = "charter-trust-proposal/1"
    signed: Version
    signatures: tuple[dsse.Signature, ...] = ()


def render_proposal(proposal: Proposal) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(proposal), indent=2) + b"\n"


def read_proposal(path: Path, trust: TrustRoot) -> Proposal:
    """The proposal in a file, which must follow from the present trust root.

    Raises:
        Failure: not such a file, made from another version, or not acceptable whoever signs it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Failure("cannot read the proposal", f"`{path}`: {error.strerror}.") from error
    try:
        proposal = msgspec.json.decode(data[: LARGEST + 1], type=Proposal)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Failure(
            "not a proposal",
            f"`{path}` is no change of a trust root as `charter trust ... --propose` writes it: {error}.",
        ) from error
    if proposal.signed.previous != trust.digest:
        raise Failure(
            "a proposal for another version",
            f"`{path}` was made from another version of the trust root than the present one, {trust.current.version}. "
            "Propose the change again, and have it signed again.",
            exit_code=ExitCode.DENIED,
        )
    refuse_unsound(trust.current, proposal.signed)
    return proposal


def signed_by(proposal: Proposal, trust: TrustRoot) -> tuple[str, ...]:
    """Ids of the present administrators who have signed."""
    return agreed(trust.current, SignedVersion(signed=proposal.signed, signatures=proposal.signatures))


def add_signature(proposal: Proposal, trust: TrustRoot, key: PrivateKey) -> Proposal:
    """The proposal with one more signature.

    Raises:
        Failure: the key is not an administrator's, or this administrator has signed.
    """
    person = trust.person_of(key.public.id)
    if person is None or person.id not in trust.current.administrators.people:
        who = ", ".join(f"`{item}`" for item in trust.current.administrators.people)
        raise Failure(
            "not an administrator",
            f"a change of the trust root is signed by its administrators: {who}. This key is none of theirs.",
            exit_code=ExitCode.DENIED,
        )
    if person.id in signed_by(proposal, trust):
        raise Failure("already signed", f"`{person.id}` has signed this proposal; one person counts once.")
    return msgspec.structs.replace(proposal, signatures=(*proposal.signatures, *sign_version(proposal.signed, [key])))


def apply_proposal(proposal: Proposal, trust: TrustRoot) -> TrustRoot:
    """The trust root with the proposed version.

    Raises:
        Failure: too few administrators signed.
    """
    have, wanted = signed_by(proposal, trust), trust.current.administrators.quorum
    if len(have) < wanted:
        others = [f"`{who}`" for who in trust.current.administrators.people if who not in have]
        raise Failure(
            "signatures are missing",
            f"{len(have)} of the {wanted} needed administrators signed the proposal. Have it signed by "
            f"{' or '.join(others)} with `charter trust sign FILE --sign-with KEY`.",
            exit_code=ExitCode.WAITING,
        )
    return append(trust.versions, proposal.signed, proposal.signatures)


def differences(before: Version, after: Version) -> Iterator[str]:
    """What the next version changes, one sentence a change: what somebody signs must be what they read."""
    known = {person.id: person for person in before.people}
    there = {person.id: person for person in after.people}
    ended = {item.key: item for item in after.ended[len(before.ended) :]}
    for who, person in there.items():
        old = known.get(who)
        if old is None:
            yield f"{who} ({person.name}) comes in"
        elif old.name != person.name:
            yield f"{who} is called {person.name} instead of {old.name}"
        held = {key.id for key in old.keys} if old else set()
        yield from (f"{who} gets the key {key.id}" for key in person.keys if key.id not in held)
    for item in ended.values():
        why = "leaves with" if item.because == "left" else "gives up as " + item.because
        yield f"{item.person} {why} the key {item.key}; what is recorded from {item.since} on does not count"
    for role in sorted({*before.roles, *after.roles}):
        was, is_ = set(before.roles.get(role, ())), set(after.roles.get(role, ()))
        yield from (f"{who} becomes {role}" for who in sorted(is_ - was))
        yield from (f"{who} is no longer {role}" for who in sorted(was - is_))
    was, is_ = set(before.administrators.people), set(after.administrators.people)
    yield from (f"{who} becomes an administrator" for who in sorted(is_ - was))
    yield from (f"{who} is no longer an administrator" for who in sorted(was - is_))
    if before.administrators.quorum != after.administrators.quorum:
        yield (
            f"{after.administrators.quorum} administrators instead of {before.administrators.quorum} sign each change "
            "from then on"
        )
