"""The trust root: a chain that only its administrators can lengthen."""

import contextlib
import json
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import NOW, People

from charter.runtime.failure import ExitCode, Failure
from charter.runtime.project import Project
from charter.runtime.trust import changes, file, root
from charter.runtime.trust.changes import Addition
from charter.runtime.trust.keys import generate

WORLD = People()


def _document() -> dict:
    return json.loads(root.render(WORLD.trust))


def _parse(document: dict) -> root.TrustRoot:
    return root.parse(json.dumps(document).encode(), "`charter.trust.json`")


def test_it_reads_back_and_knows_people():
    trust = root.parse(root.render(WORLD.trust), "it")
    assert trust == WORLD.trust
    bob = WORLD.key("bob").public
    assert trust.person_of(bob.id).id == "bob@bank.example"
    assert trust.keys_of("bob@bank.example") == {bob.id: bob}
    assert trust.roles_of("bob@bank.example") == ("risk-officer",)
    assert "dan@bank.example" not in trust.members("risk-officer")
    assert (trust.person("x"), trust.person_of("x"), trust.keys_of("x"), trust.members("x")) == (
        None,
        None,
        {},
        (),
    )
    assert trust.includes(trust.digests[0]) and trust.includes(trust.digest)
    assert not trust.includes(People().trust.digest)


def test_the_file_is_made_for_version_control(tmp_path):
    project = Project(tmp_path)
    file.save(project, WORLD.trust, new=True)
    assert file.load(project) == WORLD.trust
    text = project.trust_root_path.read_text()
    assert text.endswith("}\n") and '\n  "versions": [\n' in text
    with pytest.raises(Failure, match="the trust root exists"):
        file.save(project, WORLD.trust, new=True)
    file.save(project, WORLD.trust)
    assert [path.name for path in tmp_path.iterdir()] == ["charter.trust.json"]


def test_no_file(tmp_path):
    with pytest.raises(Failure, match="no trust root here") as caught:
        file.load(Project(tmp_path))
    assert "charter trust init" in caught.value.detail


def _edit(change):
    document = _document()
    change(document["versions"])
    with pytest.raises(Failure) as caught:
        _parse(document)
    assert caught.value.exit_code is ExitCode.DENIED
    return caught.value.detail


def test_a_file_edited_by_hand_is_refused_with_what_is_wrong():
    last = len(_document()["versions"]) - 1

    def add_role(versions):
        versions[last]["signed"]["roles"]["risk-officer"].append("dan@bank.example")

    assert f"in version {last + 1}, 0 of the 1 needed administrators (`ann@bank.example`) signed" in _edit(add_role)

    def rename(versions):
        versions[1]["signed"]["people"][0]["name"] = "Mallory"

    assert "in version 2, 0 of the 1" in _edit(rename)
    assert "in version 3, it does not follow from version 1" in _edit(lambda versions: versions.pop(1))
    assert "the chain does not begin with version 1" in _edit(lambda versions: versions.pop(0))
    assert "0 of the 1 needed" in _edit(lambda versions: versions[last]["signatures"].clear())
    assert "unknown field" in _edit(lambda versions: versions[0]["signed"].update(extra=1))


def test_versions_swapped_or_taken_from_another_trust_root():
    other = json.loads(root.render(People().trust))

    def graft(versions):
        versions[2:] = other["versions"][2:]

    assert "it does not follow from version 2" in _edit(graft)
    assert "it does not follow from version 1" in _edit(lambda versions: versions.insert(1, versions.pop(2)))


def test_a_shortened_chain_is_valid_but_is_not_the_one_that_was_known():
    document = _document()
    document["versions"].pop()
    assert not _parse(document).includes(WORLD.trust.digest)


def test_a_name_that_stands_twice_is_refused():
    text = root.render(WORLD.trust).decode()
    doubled = text.replace('"quorum": 1', '"quorum": 9,\n "quorum": 1', 1)
    with pytest.raises(Failure) as caught:
        root.parse(doubled.encode(), "it")
    assert "stands twice" in caught.value.detail


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00", b"{}", b"[" * 100_000, b'{"format":"x","versions":[]}', b" " * (root.LARGEST + 1)],
)
def test_files_that_are_no_trust_root(data):
    with pytest.raises(Failure, match="the trust root is not valid"):
        root.parse(data, "it")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_changed_byte_is_noticed_or_changes_nothing(data):
    rendered = root.render(WORLD.trust)
    at = data.draw(st.integers(0, len(rendered) - 1))
    changed = bytearray(rendered)
    changed[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Failure):
        parsed = root.parse(bytes(changed), "it")
        # Only the key's id beside a signature, a mere hint, may change unnoticed.
        assert [version.signed for version in parsed.versions] == [version.signed for version in WORLD.trust.versions]


def _refused(addition: Addition, *signers: str, says: str) -> None:
    with pytest.raises(Failure) as caught:
        changes.extend(WORLD.trust, addition, [WORLD.key(name) for name in signers], NOW)
    assert says in caught.value.detail


def test_only_administrators_change_it():
    new = Addition("eve@bank.example", "Eve", (generate().public,))
    _refused(new, "bob", says="0 of the 1 needed administrators")
    _refused(new, says="0 of the 1 needed administrators")


def test_one_key_has_one_owner():
    shared = Addition("eve@bank.example", "Eve", (WORLD.key("bob").public,))
    _refused(shared, "ann", says="belongs to `bob@bank.example` and to `eve@bank.example`")


@pytest.mark.parametrize(
    ("person", "name", "says"),
    [
        ("Bob@bank.example", "Bob", "small letters"),
        ("b\u043eb@bank.example", "Bob", "small letters"),
        ("eve", "Eve", "small letters"),
        ("eve@bank.example", " ", "cannot be shown"),
        ("eve@bank.example", "E\u202eve", "cannot be shown"),
        ("eve@bank.example", "E\x1b[31mve", "cannot be shown"),
        ("eve@bank.example", None, "Give `--name`"),
    ],
)
def test_ids_and_names_that_could_mislead(person, name, says):
    _refused(Addition(person, name, (generate().public,)), "ann", says=says)


def test_additions_to_a_known_person():
    second = generate()
    addition = Addition("bob@bank.example", keys=(second.public,), roles=("auditor",))
    trust = changes.extend(WORLD.trust, addition, [WORLD.key("ann")], NOW)
    assert set(trust.keys_of("bob@bank.example")) == {WORLD.key("bob").public.id, second.public.id}
    assert trust.person("bob@bank.example").name == "Bob"
    assert set(trust.roles_of("bob@bank.example")) == {"risk-officer", "auditor"}
    _refused(Addition("bob@bank.example", roles=("risk-officer",)), "ann", says="already says all that")
    _refused(Addition("bob@bank.example", roles=("risk officer",)), "ann", says="not a role's name")


def test_a_quorum_of_administrators():
    second = Addition("bob@bank.example", administrator=True, quorum=2)
    trust = changes.extend(WORLD.trust, second, [WORLD.key("ann")], NOW)
    new = Addition("eve@bank.example", "Eve", (generate().public,))
    with pytest.raises(Failure) as caught:
        changes.extend(trust, new, [WORLD.key("ann")], NOW)
    assert "1 of the 2 needed" in caught.value.detail
    with pytest.raises(Failure):
        changes.extend(trust, new, [WORLD.key("ann"), WORLD.key("ann")], NOW)
    both = changes.extend(trust, new, [WORLD.key("ann"), WORLD.key("bob")], NOW)
    assert root.parse(root.render(both), "it") == both
    _refused(Addition("bob@bank.example", administrator=True, quorum=3), "ann", says="but there are 2")


def test_two_keys_of_one_administrator_are_not_two_administrators():
    trust = changes.extend(
        WORLD.trust, Addition("bob@bank.example", administrator=True, quorum=2), [WORLD.key("ann")], NOW
    )
    more = Addition("ann@bank.example", keys=(WORLD.key("ann-2").public,))
    trust = changes.extend(trust, more, [WORLD.key("ann"), WORLD.key("bob")], NOW)
    new = Addition("eve@bank.example", "Eve", (generate().public,))
    with pytest.raises(Failure) as caught:
        changes.extend(trust, new, [WORLD.key("ann"), WORLD.key("ann-2")], NOW)
    assert "1 of the 2 needed" in caught.value.detail


def test_time_does_not_run_backwards():
    new = Addition("eve@bank.example", "Eve", (generate().public,))
    with pytest.raises(Failure) as caught:
        changes.extend(WORLD.trust, new, [WORLD.key("ann")], NOW - timedelta(days=300))
    assert "is before that of version" in caught.value.detail


def test_a_key_is_what_its_id_says():
    wrong = root.Key(id=WORLD.key("bob").public.id, public=generate().public.line)
    person = root.Person(id="eve@bank.example", name="Eve", keys=(wrong,))
    version = msgspec.structs.replace(
        WORLD.trust.current,
        version=WORLD.trust.current.version + 1,
        previous=WORLD.trust.digest,
        people=(person, *WORLD.trust.current.people),
    )
    with pytest.raises(Failure) as caught:
        root.append(WORLD.trust.versions, version, root.sign_version(version, [WORLD.key("ann")]))
    assert "is not what its id says" in caught.value.detail


def test_the_first_version_is_signed_by_its_administrator():
    with pytest.raises(Failure, match="the first version is signed by its administrator"):
        changes.create("ann@bank.example", "Ann", generate().public, generate(), NOW)
