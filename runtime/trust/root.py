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
from typing import Any

import msgspec

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.trust import dsse
from charter.runtime.trust.keys import PrivateKey, PublicKey, parse_public_key
from charter.runtime.trust.times import parse_time, stamp

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


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed. `previous` is the digest of the version before, None in the first."""

    version: int
    previous: str | None
    time: str
    administrators: Administrators
    people: tuple[Person, ...]
    roles: dict[str, tuple[str, ...]]

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
        """A person's keys by id; empty for somebody unknown."""
        found = self._people.get(person)
        return _keys(found) if found else {}

    def members(self, role: str) -> tuple[str, ...]:
        """Ids of the people who fill a role."""
        return self.current.roles.get(role, ())

    def roles_of(self, person: str) -> tuple[str, ...]:
        """The roles that a person fills."""
        return tuple(role for role, members in self.current.roles.items() if person in members)


@dataclass(frozen=True, slots=True)
class Addition:
    """What `trust add` changes: a new person, or more keys, roles or duties for one that is there.

    `name` None keeps the name of a person who is there; `quorum` None keeps the administrators' quorum.
    """

    person: str
    name: str | None = None
    keys: tuple[PublicKey, ...] = ()
    roles: tuple[str, ...] = ()
    administrator: bool = False
    quorum: int | None = None


def create(person: str, name: str, key: PublicKey, signer: PrivateKey, now: datetime) -> TrustRoot:
    """Version 1: one administrator, who signs it.

    Raises:
        Failure: the person's id or name is not acceptable, or the signer's key is not the administrator's.
    """
    if signer.public.id != key.id:
        raise Failure(
            "the first version is signed by its administrator",
            f"the signing key `{signer.public.id}` is not the administrator's key `{key.id}`. "
            "Sign with the private half of the key that you give to the administrator.",
        )
    version = Version(
        version=1,
        previous=None,
        time=stamp(now),
        administrators=Administrators(people=(person,), quorum=1),
        people=(Person(id=person, name=name, keys=(_key(key),)),),
        roles={},
    )
    return _append((), version, [signer])


def extend(root: TrustRoot, addition: Addition, signers: Sequence[PrivateKey], now: datetime) -> TrustRoot:
    """The next version, signed by administrators of the present one.

    Raises:
        Failure: nothing would change, the result is not acceptable, or the signers are no quorum.
    """
    current = root.current
    version = Version(
        version=current.version + 1,
        previous=root.digest,
        time=stamp(now),
        administrators=_administrators(current.administrators, addition),
        people=_with_person(root, addition),
        roles=_with_roles(current.roles, addition),
    )
    same = (version.administrators, version.people, version.roles) == (
        current.administrators,
        current.people,
        current.roles,
    )
    if same:
        raise Failure(
            "nothing to change",
            f"the trust root already says all that of `{addition.person}`; see `charter trust show`.",
        )
    return _append(root.versions, version, signers)


def _with_person(root: TrustRoot, addition: Addition) -> tuple[Person, ...]:
    known = root.person(addition.person)
    if known is None:
        if addition.name is None or not addition.keys:
            raise Failure(
                "a new person needs a name and a key",
                f"`{addition.person}` is not in the trust root yet. Give `--name`, and `--key` with their public key.",
            )
        new = Person(id=addition.person, name=addition.name, keys=tuple(map(_key, addition.keys)))
        return tuple(sorted((*root.current.people, new), key=lambda person: person.id))
    held = {key.id for key in known.keys}
    more = tuple(_key(key) for key in addition.keys if key.id not in held)
    changed = msgspec.structs.replace(known, name=addition.name or known.name, keys=(*known.keys, *more))
    return tuple(changed if person.id == known.id else person for person in root.current.people)


def _with_roles(roles: Mapping[str, tuple[str, ...]], addition: Addition) -> dict[str, tuple[str, ...]]:
    result = dict(roles)
    for role in addition.roles:
        result[role] = tuple(sorted({*result.get(role, ()), addition.person}))
    return dict(sorted(result.items()))


def _administrators(present: Administrators, addition: Addition) -> Administrators:
    people = {*present.people, addition.person} if addition.administrator else present.people
    return Administrators(people=tuple(sorted(people)), quorum=addition.quorum or present.quorum)


def _append(versions: tuple[SignedVersion, ...], version: Version, signers: Sequence[PrivateKey]) -> TrustRoot:
    _refuse(_faults(version))
    signatures = dsse.sign(PAYLOAD_TYPE, version.canonical(), signers)
    signed = SignedVersion(signed=version, signatures=signatures)
    _refuse(_chain_faults(versions[-1].signed if versions else None, signed))
    return TrustRoot((*versions, signed))


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
    for person in version.people:
        yield from _person_faults(person, seen)
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
    try:
        parse_time(version.time)
    except ValueError:
        yield f"the time `{version.time}` cannot be read"


def _person_faults(person: Person, seen: dict[str, str]) -> Iterator[str]:
    if not _PERSON.fullmatch(person.id):
        # One spelling a person: `Ann@bank.example` and `ann@bank.example` must not make a quorum of two.
        yield f"`{person.id}` is not a person's id: write an e-mail address in small letters, `ann@b.example`"
    if not person.name.strip() or not person.name.isprintable() or len(person.name) > 200:
        yield f"the name of `{person.id}` is empty, too long, or has characters that cannot be shown"
    if not person.keys:
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
    version = signed.signed
    if before is None:
        if version.version != 1 or version.previous is not None:
            yield "the chain does not begin with version 1"
    elif version.version != before.version + 1 or version.previous != before.digest():
        yield f"it does not follow from version {before.version}: a version was changed, removed or put in"
    elif parse_time(version.time) < parse_time(before.time):
        yield f"its time `{version.time}` is before that of version {before.version}"
    yield from _signature_faults(before or version, signed)


def _signature_faults(authority: Version, signed: SignedVersion) -> Iterator[str]:
    administrators = [person for person in authority.people if person.id in authority.administrators.people]
    keys = {key: public for person in administrators for key, public in _keys(person).items()}
    try:
        valid = dsse.signers(PAYLOAD_TYPE, signed.signed.canonical(), signed.signatures, keys)
    except Failure as failure:
        yield f"the signatures cannot be read: {failure.detail}"
        return
    agreed = [person.id for person in administrators if valid.intersection(key.id for key in person.keys)]
    quorum = authority.administrators.quorum
    if len(agreed) < quorum:
        who = ", ".join(f"`{person.id}`" for person in administrators)
        yield (
            f"{len(agreed)} of the {quorum} needed administrators ({who}) signed what stands there: "
            "the signatures are somebody else's, or the text was changed after signing"
        )


def _key(key: PublicKey) -> Key:
    return Key(id=key.id, public=key.line)


def _public(key: Key) -> PublicKey:
    return parse_public_key(key.public.encode(), f"the key `{key.id}`")


def _keys(person: Person) -> dict[str, PublicKey]:
    return {key.id: _public(key) for key in person.keys}


def _untrusted(where: str, reason: str) -> Failure:
    return Failure(
        "the trust root is not valid",
        f"{where} cannot be trusted: {reason}. It is changed only with `charter trust add`; "
        "restore the last good file from version control.",
        exit_code=ExitCode.DENIED,
    )
