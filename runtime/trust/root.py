"""The trust root: who the people are, which keys are theirs, which roles they fill.

It stands outside the charter in `charter.trust.json`, a file for version control. Every version is kept
and signed by administrators of the version before, so each change can be verified from the file alone,
and a file that was edited by hand is refused.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import msgspec

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.keys import PrivateKey, PublicKey, parse_public_key
from charter.runtime.trust.times import parse_time

PAYLOAD_TYPE = "application/vnd.charter.trust-root+json"
FORMAT = "charter-trust-root/1"
LARGEST = 4 * 1024 * 1024

_PERSON = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,8}")
_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's key: `id` is the fingerprint of `public`, an SSH public key line."""

    id: str
    public: str


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who can sign; `id` is like an e-mail address."""

    id: str
    name: str
    keys: tuple[Key, ...]


class Administrators(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may change the trust root: `quorum` of `people` sign the next version."""

    people: tuple[str, ...]
    quorum: int


class Ended(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is no longer its person's, and since when (LANGUAGE, rule 12).

    What the ledger recorded before `since` under the key still counts; what it recorded from then on does not,
    whatever time the signature claims. For a compromised key that is the earliest time it may have been in other hands.
    """

    key: str
    public: str
    person: str
    because: Literal["left", "lost", "compromised"]
    since: str


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is signed. `previous` is the digest of the version before, None in the first.

    `ended` only grows: every key that stood in a version and does not in a later one is in it.
    """

    version: int
    previous: str | None
    time: str
    administrators: Administrators
    people: tuple[Person, ...]
    roles: dict[str, tuple[str, ...]]
    ended: tuple[Ended, ...] = ()

    def canonical(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys and no white space."""
        return msgspec.json.encode(self, order="sorted")

    def digest(self) -> str:
        """`sha256:` and the hex digest of the canonical bytes."""
        return f"sha256:{hashlib.sha256(self.canonical()).hexdigest()}"


class SignedVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version and the signatures over it (DSSE, payload type `PAYLOAD_TYPE`)."""

    signed: Version
    signatures: tuple[dsse.Signature, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    versions: tuple[SignedVersion, ...]


@dataclass(frozen=True)
class TrustRoot:
    """A verified chain of versions; the last one counts."""

    versions: tuple[SignedVersion, ...]

    @property
    def current(self) -> Version:
        """The version that counts."""
        return self.versions[-1].signed

    @cached_property
    def digest(self) -> str:
        """Digest of the version that counts."""
        return self.current.digest()

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Digests of all versions, oldest first."""
        return tuple(version.signed.digest() for version in self.versions)

    def includes(self, digest: str) -> bool:
        """Whether the chain has that version; it has not when the trust root was replaced or rolled back."""
        return digest in self.digests

    @cached_property
    def undiminished(self) -> frozenset[str]:
        """Digests of the versions from which nothing was taken since: whose word counted under one has it still."""
        found = [self.current]
        for signed in reversed(self.versions[:-1]):
            if _takes_away(signed.signed, found[-1]):
                break
            found.append(signed.signed)
        return frozenset(version.digest() for version in found)

    @cached_property
    def _people(self) -> Mapping[str, Person]:
        return {person.id: person for person in self.current.people}

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        return {key.id: person.id for person in self.current.people for key in person.keys}

    def person(self, person: str) -> Person | None:
        """The person with that id."""
        return self._people.get(person)

    def person_of(self, key: str) -> Person | None:
        """The person whose key has that id."""
        owner = self._owners.get(key)
        return None if owner is None else self._people[owner]

    def keys_of(self, person: str) -> dict[str, PublicKey]:
        """A person's keys of now by id; empty for somebody unknown."""
        found = self._people.get(person)
        return _keys(found) if found else {}

    def keys_at(self, person: str, time: datetime) -> dict[str, PublicKey]:
        """Keys by id that count for what the ledger recorded at `time`: those of now, and those that ended later."""
        ended = {
            item.key: parse_public_key(item.public.encode(), f"the key `{item.key}`")
            for item in self.current.ended
            if item.person == person and time < parse_time(item.since)
        }
        return self.keys_of(person) | ended

    def why_ended(self, key: str) -> Ended | None:
        """What became of a key that is nobody's now."""
        return next((item for item in self.current.ended if item.key == key), None)

    def owner_at(self, key: str, time: datetime) -> str | None:
        """Whose key it was for what the ledger recorded at `time`; None: nobody's, or it had ended by then."""
        ended = self.why_ended(key)
        if ended is not None:
            return ended.person if time < parse_time(ended.since) else None
        return self._owners.get(key)

    def administrated(self, person: str, digest: str) -> bool:
        """Whether somebody administrated the trust root in the version with that digest."""
        return any(
            person in version.signed.administrators.people and version.signed.digest() == digest
            for version in self.versions
        )

    def held_role(self, person: str, role: str, time: datetime) -> bool:
        """Whether somebody's role counts for what was recorded at `time`.

        Who holds it now does; so does who held it when they left, later than `time`. A role that was taken away
        counts no more.
        """
        if person in self._people:
            return person in self.members(role)
        for version in reversed(self.versions):
            if any(somebody.id == person for somebody in version.signed.people):
                return person in version.signed.roles.get(role, ()) and bool(self.keys_at(person, time))
        return False

    def members(self, role: str) -> tuple[str, ...]:
        """Ids of the people who fill a role."""
        return self.current.roles.get(role, ())

    def roles_of(self, person: str) -> tuple[str, ...]:
        """The roles that a person fills."""
        return tuple(role for role, members in self.current.roles.items() if person in members)


def _takes_away(before: Version, version: Version) -> bool:
    """Whether a version ends a key, or takes a role or the administration from anybody."""
    roles = (set(people) <= set(version.roles.get(role, ())) for role, people in before.roles.items())
    administrators = set(before.administrators.people) <= set(version.administrators.people)
    return before.ended != version.ended or not administrators or not all(roles)


def sign_version(version: Version, signers: Sequence[PrivateKey]) -> tuple[dsse.Signature, ...]:
    """One signature a key over a version."""
    return dsse.sign(PAYLOAD_TYPE, version.canonical(), signers)


def agreed(authority: Version, signed: SignedVersion) -> tuple[str, ...]:
    """Ids of the administrators of `authority` who signed a version.

    Raises:
        Failure: a signature cannot be read.
    """
    keys = {key: public for person in _administrators(authority) for key, public in _keys(person).items()}
    valid = dsse.signers(PAYLOAD_TYPE, signed.signed.canonical(), signed.signatures, keys)
    return tuple(
        person.id for person in _administrators(authority) if valid.intersection(key.id for key in person.keys)
    )


def append(versions: tuple[SignedVersion, ...], version: Version, signatures: Sequence[dsse.Signature]) -> TrustRoot:
    """The chain with one more version.

    Raises:
        Failure: the version is not acceptable, or too few administrators of the one before signed it.
    """
    before = versions[-1].signed if versions else None
    refuse_unsound(before, version)
    signed = SignedVersion(signed=version, signatures=tuple(signatures))
    _refuse(_chain_faults(before, signed))
    return TrustRoot((*versions, signed))


def refuse_unsound(before: Version | None, version: Version) -> None:
    """Refuse a version that could not be in the chain after `before`, whoever signs it.

    Raises:
        Failure: it is not acceptable.
    """
    _refuse(chain(_faults(version), _place_faults(before, version)))


def _refuse(faults: Iterator[str]) -> None:
    for fault in faults:
        raise Failure("the trust root would not be valid", f"{fault[0].upper()}{fault[1:]}.")


def parse(data: bytes, where: str) -> TrustRoot:
    """The trust root in a file's bytes, with the whole chain and all signatures verified.

    Args:
        data: the file's bytes.
        where: what to call it in messages, "`charter.trust.json`".

    Raises:
        Failure: not a trust root, or not what its administrators signed; exit code DENIED.
    """
    if len(data) > LARGEST:
        raise _untrusted(where, f"it has {len(data)} bytes, more than the {LARGEST} allowed")
    try:
        file = msgspec.json.decode(data, type=_File)
        json.loads(data, object_pairs_hook=_no_duplicates)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _untrusted(where, f"it is not such a file: {error}") from error
    if file.format != FORMAT:
        raise _untrusted(where, f"its format is not `{FORMAT}`")
    if not file.versions:
        raise _untrusted(where, "it has no version")
    before: Version | None = None
    for signed in file.versions:
        # Lazily: the chain is looked at only when the version by itself is sound.
        for fault in chain(_faults(signed.signed), _chain_faults(before, signed)):
            raise _untrusted(where, f"in version {signed.signed.version}, {fault}")
        before = signed.signed
    return TrustRoot(file.versions)


def render(root: TrustRoot) -> bytes:
    """The file's bytes: JSON for people and for version control."""
    data = msgspec.json.encode(_File(format=FORMAT, versions=root.versions))
    return msgspec.json.format(data, indent=2) + b"\n"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # A reader would see the first of two equal names, the decoder takes the last.
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return result


def _faults(version: Version) -> Iterator[str]:
    """What is wrong with one version by itself."""
    seen: dict[str, str] = {}
    people = {person.id for person in version.people}
    ended = {item.key: item for item in version.ended}
    without = {item.person for item in version.ended}
    yield from _ended_faults(version)
    for person in version.people:
        yield from _person_faults(person, seen, keyless=person.id in without)
    for key in seen.keys() & ended.keys():
        yield f"the key `{key}` was given up as {ended[key].because}; it is nobody's again"
    if len(people) != len(version.people):
        yield "a person stands twice"
    for who in (
        *version.administrators.people,
        *(who for members in version.roles.values() for who in members),
    ):
        if who not in people:
            yield f"`{who}` has a duty or a role but is not among the people"
    for role, members in version.roles.items():
        if not _ROLE.fullmatch(role):
            yield f"`{role}` is not a role's name: letters, digits, `-` and `_`"
        if len(set(members)) != len(members):
            yield f"somebody stands twice in the role `{role}`"
    administrators = version.administrators
    if len(set(administrators.people)) != len(administrators.people):
        yield "an administrator stands twice"
    if not 1 <= administrators.quorum <= len(administrators.people):
        yield (
            f"{administrators.quorum} administrators would have to agree to a change, "
            f"but there are {len(administrators.people)}"
        )
    able = sum(1 for person in version.people if person.keys and person.id in administrators.people)
    if administrators.quorum <= len(administrators.people) and able < administrators.quorum:
        yield (
            f"{administrators.quorum} administrators would have to agree to a change, but only {able} would have "
            "a key: give a new key in the same change"
        )
    try:
        parse_time(version.time)
    except ValueError:
        yield f"the time `{version.time}` cannot be read"


def _ended_faults(version: Version) -> Iterator[str]:
    if len({item.key for item in version.ended}) != len(version.ended):
        yield "a key ends twice"
    for item in version.ended:
        if not _PERSON.fullmatch(item.person):
            yield f"`{item.person}`, whose key ended, is not a person's id"
        try:
            if parse_public_key(item.public.encode(), f"the key `{item.key}`").id != item.key:
                yield f"the ended key `{item.key}` is not what its id says"
            if parse_time(item.since) > parse_time(version.time):
                yield f"the key `{item.key}` ends in the future; write that when it has happened"
        except Failure as failure:
            yield f"an ended key of `{item.person}` cannot be used: {failure.summary}"
        except ValueError:
            yield f"the time `{item.since}` cannot be read"


def _person_faults(person: Person, seen: dict[str, str], *, keyless: bool) -> Iterator[str]:
    if not _PERSON.fullmatch(person.id):
        # One spelling a person: `Ann@bank.example` and `ann@bank.example` must not make a quorum of two.
        yield f"`{person.id}` is not a person's id: write an e-mail address in small letters, `ann@b.example`"
    if not person.name.strip() or not person.name.isprintable() or len(person.name) > 200:
        yield f"the name of `{person.id}` is empty, too long, or has characters that cannot be shown"
    if not person.keys and not keyless:
        yield f"`{person.id}` has no key"
    for key in person.keys:
        try:
            public = _public(key)
        except Failure as failure:
            yield f"a key of `{person.id}` cannot be used: {failure.summary}"
            continue
        if public.id != key.id or public.line != key.public:
            yield f"the key `{key.id}` of `{person.id}` is not what its id says"
        if key.id in seen:
            yield f"the key `{key.id}` belongs to `{seen[key.id]}` and to `{person.id}`; a key has one owner"
        seen[key.id] = person.id


def _chain_faults(before: Version | None, signed: SignedVersion) -> Iterator[str]:
    """What is wrong with one version as the successor of `before`."""
    yield from _place_faults(before, signed.signed)
    yield from _signature_faults(before or signed.signed, signed)


def _place_faults(before: Version | None, version: Version) -> Iterator[str]:
    if before is None:
        if version.version != 1 or version.previous is not None:
            yield "the chain does not begin with version 1"
    elif version.version != before.version + 1 or version.previous != before.digest():
        yield f"it does not follow from version {before.version}: a version was changed, removed or put in"
    elif parse_time(version.time) < parse_time(before.time):
        yield f"its time `{version.time}` is before that of version {before.version}"
    elif version.ended[: len(before.ended)] != before.ended:
        yield f"it forgets keys that had ended by version {before.version}"
    else:
        stood = {(key.id, key.public, person.id) for person in before.people for key in person.keys}
        stands = {(key.id, key.public, person.id) for person in version.people for key in person.keys}
        ended = {(item.key, item.public, item.person) for item in version.ended[len(before.ended) :]}
        for key, _, person in sorted((stood - stands) ^ ended):
            yield f"the key `{key}` of `{person}` is gone and it is not said why, or said and not so"


def _signature_faults(authority: Version, signed: SignedVersion) -> Iterator[str]:
    try:
        agree = agreed(authority, signed)
    except Failure as failure:
        yield f"the signatures cannot be read: {failure.detail}"
        return
    quorum = authority.administrators.quorum
    if len(agree) < quorum:
        who = ", ".join(f"`{person.id}`" for person in _administrators(authority))
        yield (
            f"{len(agree)} of the {quorum} needed administrators ({who}) signed what stands there: "
            "the signatures are somebody else's, or the text was changed after signing"
        )


def _administrators(version: Version) -> list[Person]:
    return [person for person in version.people if person.id in version.administrators.people]


def _public(key: Key) -> PublicKey:
    return parse_public_key(key.public.encode(), f"the key `{key.id}`")


def _keys(person: Person) -> dict[str, PublicKey]:
    return {key.id: _public(key) for key in person.keys}


def _untrusted(where: str, reason: str) -> Failure:
    return Failure(
        "the trust root is not valid",
        f"{where} cannot be trusted: {reason}. It is changed only with `charter trust`; "
        "restore the last good file from version control.",
        exit_code=ExitCode.DENIED,
    )
