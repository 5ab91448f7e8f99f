"""Changes of the trust root: people, keys, roles and duties that come and go, each as the next version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from charter.runtime.failure import Failure
from charter.runtime.trust.keys import PrivateKey, PublicKey
from charter.runtime.trust.root import Administrators, Ended, Key, Person, TrustRoot, Version, append, sign_version
from charter.runtime.trust.times import stamp


@dataclass(frozen=True, slots=True)
class Addition:
    """A new person, or more keys, roles or duties for one that is there.

    `name` None keeps the name of a person who is there; `quorum` None keeps the administrators' quorum.
    """

    person: str
    name: str | None = None
    keys: tuple[PublicKey, ...] = ()
    roles: tuple[str, ...] = ()
    administrator: bool = False
    quorum: int | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """Roles or the administrator's duty taken from a person; with neither, the person leaves.

    `since` is when they left; `quorum` None keeps the administrators' quorum.
    """

    person: str
    since: datetime
    roles: tuple[str, ...] = ()
    administrator: bool = False
    quorum: int | None = None

    @property
    def leaves(self) -> bool:
        """Whether the person goes altogether."""
        return not self.roles and not self.administrator


@dataclass(frozen=True, slots=True)
class Revocation:
    """Keys that are lost or in other hands since a time, and what replaces them.

    `keys` are ids (`SHA256:...`); empty stands for all that the person has.
    """

    person: str
    because: Literal["lost", "compromised"]
    since: datetime
    keys: tuple[str, ...] = ()
    replacements: tuple[PublicKey, ...] = ()


Change = Addition | Removal | Revocation


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
    return append((), version, sign_version(version, [signer]))


def extend(root: TrustRoot, change: Change, signers: Sequence[PrivateKey], now: datetime) -> TrustRoot:
    """The next version, signed by administrators of the present one.

    Raises:
        Failure: nothing would change, the result is not acceptable, or the signers are no quorum.
    """
    version = next_version(root, change, now)
    return append(root.versions, version, sign_version(version, signers))


def next_version(root: TrustRoot, change: Change, now: datetime) -> Version:
    """The next version as it will be signed.

    Raises:
        Failure: nothing would change, or it is about somebody or something that is not there.
    """
    current = root.current
    blank = msgspec.structs.replace(current, version=current.version + 1, previous=root.digest, time=stamp(now))
    match change:
        case Addition():
            version = _added(root, change, blank)
        case Removal():
            version = _removed(root, change, blank)
        case Revocation():
            version = _revoked(root, change, blank)
    same = (version.administrators, version.people, version.roles, version.ended) == (
        current.administrators,
        current.people,
        current.roles,
        current.ended,
    )
    if same:
        raise Failure(
            "nothing to change",
            f"the trust root already says all that of `{change.person}`; see `charter trust show`.",
        )
    return version


def _added(root: TrustRoot, addition: Addition, blank: Version) -> Version:
    present = blank.administrators
    people = {*present.people, addition.person} if addition.administrator else present.people
    roles = dict(blank.roles)
    for role in addition.roles:
        roles[role] = tuple(sorted({*roles.get(role, ()), addition.person}))
    return msgspec.structs.replace(
        blank,
        administrators=Administrators(people=tuple(sorted(people)), quorum=addition.quorum or present.quorum),
        people=_with_person(root, addition),
        roles=dict(sorted(roles.items())),
    )


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
    return _replaced(root.current.people, changed)


def _removed(root: TrustRoot, removal: Removal, blank: Version) -> Version:
    person = _known(root, removal.person)
    for role in removal.roles:
        if person.id not in root.members(role):
            held = ", ".join(f"`{item}`" for item in root.roles_of(person.id)) or "none"
            raise Failure("not their role", f"`{person.id}` does not hold the role `{role}`; they hold {held}.")
    administers = person.id in blank.administrators.people
    if removal.administrator and not administers:
        raise Failure("not an administrator", f"`{person.id}` does not administrate the trust root.")
    gone = set(root.roles_of(person.id)) if removal.leaves else set(removal.roles)
    ended = tuple(
        Ended(key=key.id, public=key.public, person=person.id, because="left", since=stamp(removal.since))
        for key in (person.keys if removal.leaves else ())
    )
    stays = tuple(
        who for who in blank.administrators.people if who != person.id or not (removal.leaves or removal.administrator)
    )
    return msgspec.structs.replace(
        blank,
        administrators=Administrators(people=stays, quorum=removal.quorum or blank.administrators.quorum),
        people=tuple(item for item in blank.people if item.id != person.id) if removal.leaves else blank.people,
        roles=_without(blank.roles, person.id, gone),
        ended=(*blank.ended, *ended),
    )


def _without(roles: Mapping[str, tuple[str, ...]], person: str, gone: set[str]) -> dict[str, tuple[str, ...]]:
    left = {role: tuple(who for who in members if who != person or role not in gone) for role, members in roles.items()}
    return {role: members for role, members in left.items() if members}


def _revoked(root: TrustRoot, revocation: Revocation, blank: Version) -> Version:
    person = _known(root, revocation.person)
    held = {key.id: key for key in person.keys}
    for key in revocation.keys:
        if key not in held:
            raise Failure(
                "not their key",
                f"`{key}` is not a key of `{person.id}`, who has {', '.join(held) or 'none'}.",
            )
    ending = revocation.keys or tuple(held)
    ended = tuple(
        Ended(
            key=key,
            public=held[key].public,
            person=person.id,
            because=revocation.because,
            since=stamp(revocation.since),
        )
        for key in ending
    )
    keys = (*(key for key in person.keys if key.id not in ending), *map(_key, revocation.replacements))
    return msgspec.structs.replace(
        blank,
        people=_replaced(blank.people, msgspec.structs.replace(person, keys=keys)),
        ended=(*blank.ended, *ended),
    )


def _known(root: TrustRoot, person: str) -> Person:
    known = root.person(person)
    if known is None:
        people = ", ".join(f"`{item.id}`" for item in root.current.people)
        raise Failure("nobody of that name", f"`{person}` is not in the trust root, which has {people}.")
    return known


def _replaced(people: tuple[Person, ...], changed: Person) -> tuple[Person, ...]:
    return tuple(changed if person.id == changed.id else person for person in people)


def _key(key: PublicKey) -> Key:
    return Key(id=key.id, public=key.line)
