"""`charter keys new` and `charter trust init|add|show`, as people type them."""

import json
import stat

import pytest

from charter.runtime.cli import run_command_line
from charter.runtime.project import Project
from charter.runtime.trust import file


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "credit.charter").write_text("charter 1\n\nrole risk-officer {\n  members at least 2\n}\n")
    for name in ("ann", "bob"):
        assert run_command_line(["keys", "new", name]) == 0
    return tmp_path


def _init(*more: str) -> int:
    return run_command_line(
        ["trust", "init", "--person", "ann@b.example", "--name", "Ann", "--key", "ann.pub", "--sign-with", "ann", *more]
    )


def _add(*arguments: str) -> int:
    return run_command_line(["trust", "add", *arguments])


def test_from_nothing_to_a_role_holder(here, capsys):
    assert stat.S_IMODE((here / "ann").stat().st_mode) == 0o600
    assert _init() == 0
    added = _add("bob@b.example", "--name", "Bob", "--key", "bob.pub", "--role", "risk-officer", "--sign-with", "ann")
    assert added == 0
    capsys.readouterr()
    assert run_command_line(["trust", "show"]) == 0
    shown = capsys.readouterr().out
    assert "version 2" in shown and "2 versions verified" in shown
    assert "Ann <ann@b.example>\n  administrator (quorum 1)" in shown
    assert "Bob <bob@b.example>\n  risk-officer" in shown
    assert run_command_line(["trust", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["roles"] == {"risk-officer": ["bob@b.example"]}
    assert file.load(Project(here)).members("risk-officer") == ("bob@b.example",)


def test_it_is_found_from_below(here, monkeypatch, capsys):
    _init()
    (here / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(here / "deep" / "er")
    assert run_command_line(["trust", "show"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("bob@b.example", "--sign-with", "ann"), 2, "a new person needs a name and a key"),
        (("bob@b.example", "--name", "Bob", "--key", "bob.pub", "--sign-with", "bob"), 2, "0 of the 1 needed"),
        (("bob@b.example", "--name", "Bob", "--key", "ann.pub", "--sign-with", "ann"), 2, "a key has one owner"),
        (("bob@b.example", "--name", "Bob", "--key", "bob", "--sign-with", "ann"), 2, "a private key where"),
        (("bob@b.example", "--name", "Bob", "--key", "no.pub", "--sign-with", "ann"), 2, "No such file"),
        (("bob@b.example", "--name", "Bob", "--key", "bob.pub", "--sign-with", "ann.pub"), 2, "not a private key"),
        (("bob@b.example", "--name", "Bob", "--key", "bob.pub"), 2, "who signs it?"),
        (("ann@b.example", "--role", "risk-oficer", "--sign-with", "ann"), 2, "Did you mean `risk-officer`?"),
        (("ann@b.example", "--role", "a b", "--new-role", "--sign-with", "ann"), 2, "not a role's name"),
        (("ann@b.example", "--role", "risk-officer"), 2, "who signs it?"),
        (("ann@b.example", "--quorum", "2", "--sign-with", "ann"), 2, "but there are 1"),
    ],
)
def test_what_is_refused_changes_nothing(here, capsys, arguments, code, says):
    _init()
    (here / "ann.pub").chmod(0o600)
    before = (here / "charter.trust.json").read_bytes()
    capsys.readouterr()
    assert _add(*arguments) == code
    assert says in " ".join(capsys.readouterr().err.split())
    assert (here / "charter.trust.json").read_bytes() == before
    assert not list(here.glob(".*"))


def _two_administrators(here) -> None:
    assert _init() == 0
    bob = ("bob@b.example", "--name", "Bob", "--key", "bob.pub", "--role", "risk-officer", "--administrator")
    assert _add(*bob, "--quorum", "2", "--sign-with", "ann") == 0


def test_a_change_goes_round_and_is_applied(here, capsys):
    """Each signs on their own machine: proposed, signed, applied; nothing changes before that."""
    _two_administrators(here)
    assert run_command_line(["keys", "new", "eve"]) == 0
    before = (here / "charter.trust.json").read_bytes()
    eve = ("eve@b.example", "--name", "Eve", "--key", "eve.pub", "--role", "risk-officer")
    assert _add(*eve, "--sign-with", "ann") == 2
    assert _add(*eve, "--propose", "change.json", "--sign-with", "ann") == 0
    shown = capsys.readouterr().out
    assert "eve@b.example (Eve) comes in" in shown and "signed by ann@b.example; it takes 2" in shown
    assert run_command_line(["trust", "apply", "change.json"]) == 5
    assert "1 of the 2 needed" in capsys.readouterr().err
    assert run_command_line(["trust", "sign", "change.json", "--sign-with", "bob"]) == 2  # nobody can be asked
    for who, code in (("eve", 1), ("ann", 2), ("bob", 0)):
        assert run_command_line(["trust", "sign", "change.json", "--sign-with", who, "--yes"]) == code
    assert (here / "charter.trust.json").read_bytes() == before
    assert run_command_line(["trust", "apply", "change.json"]) == 0
    assert file.load(Project(here)).members("risk-officer") == ("bob@b.example", "eve@b.example")
    capsys.readouterr()
    assert run_command_line(["trust", "apply", "change.json"]) == 1
    assert "made from another version" in " ".join(capsys.readouterr().err.split())


def test_a_proposal_that_was_changed_on_its_way_has_no_signatures(here, capsys):
    _two_administrators(here)
    more = ("bob@b.example", "--key", "eve.pub", "--propose", "change.json")
    assert run_command_line(["keys", "new", "eve"]) == run_command_line(["keys", "new", "mallory"]) == 0
    assert _add(*more, "--sign-with", "ann", "--sign-with", "bob") == 0
    from charter.runtime.trust.keys import read_public_key

    text = (here / "change.json").read_text()
    eve, mallory = (read_public_key(here / f"{name}.pub") for name in ("eve", "mallory"))
    (here / "change.json").write_text(text.replace(eve.id, mallory.id).replace(eve.line, mallory.line))
    assert run_command_line(["trust", "apply", "change.json"]) == 5
    assert "0 of the 2 needed" in capsys.readouterr().err
    for bad in (b"", b"\x00", b"[" * 100_000, text.encode()[:200]):
        (here / "change.json").write_bytes(bad)
        capsys.readouterr()
        assert run_command_line(["trust", "apply", "change.json"]) == 2
        assert "not a proposal" in capsys.readouterr().err


def test_somebody_leaves_and_a_key_is_stolen(here, capsys):
    _two_administrators(here)
    both = ("--sign-with", "ann", "--sign-with", "bob")
    assert run_command_line(["keys", "new", "bob-2"]) == 0
    stolen = ["trust", "revoke", "bob@b.example", "--because", "compromised"]
    assert run_command_line([*stolen, *both]) == 2
    assert "since when?" in capsys.readouterr().err
    assert run_command_line([*stolen, "--since", "2999-01-01", *both]) == 2
    assert "not yet" in capsys.readouterr().err
    assert run_command_line([*stolen, "--since", "soon", *both]) == 2
    assert run_command_line([*stolen, "--since", "2026-01-01", "--new-key", "bob-2.pub", *both]) == 0
    assert "compromised, since 2026-01-01T00:00:00Z" in capsys.readouterr().out
    leave = ["trust", "remove", "bob@b.example"]
    assert run_command_line([*leave, *both]) == 2  # the stolen key is nobody's
    assert run_command_line([*leave, "--sign-with", "ann", "--sign-with", "bob-2"]) == 2
    assert "but there are 1" in capsys.readouterr().err
    assert run_command_line([*leave, "--quorum", "1", "--sign-with", "ann", "--sign-with", "bob-2"]) == 0
    assert file.load(Project(here)).person("bob@b.example") is None
    assert file.load(Project(here)).members("risk-officer") == ()


def test_a_second_trust_root_is_not_begun(here, capsys):
    _init()
    before = (here / "charter.trust.json").read_bytes()
    assert _init() == 2
    assert "the trust root exists" in capsys.readouterr().err
    assert (here / "charter.trust.json").read_bytes() == before


def test_an_edited_trust_root_is_shown_to_nobody(here, capsys):
    _init()
    path = here / "charter.trust.json"
    path.write_text(path.read_text().replace('"Ann"', '"Eve"'))
    capsys.readouterr()
    for command in (
        ["trust", "show"],
        ["trust", "add", "ann@b.example", "--role", "risk-officer", "--sign-with", "ann"],
    ):
        assert run_command_line(command) == 1
        printed = capsys.readouterr()
        assert "the trust root is not valid" in printed.err and "Eve" not in printed.out


def test_a_read_only_directory(here, capsys, monkeypatch):
    from pathlib import Path

    def refuse(self, *_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert _init() == 4
    assert "cannot write the trust root" in capsys.readouterr().err


def test_keys_are_never_overwritten_and_can_be_protected(here, capsys, monkeypatch):
    assert run_command_line(["keys", "new", "ann"]) == 2
    assert "the key exists" in capsys.readouterr().err
    monkeypatch.setattr("click.prompt", lambda *_args, **_options: "correct horse")
    assert run_command_line(["keys", "new", "carol", "--protect", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert "ENCRYPTED" in (here / "carol").read_text() and made["public"] == "carol.pub"
    code = run_command_line(
        ["trust", "init", "--person", "c@b.example", "--name", "C", "--key", "carol.pub", "--sign-with", "carol"]
    )
    assert code == 2 and "the key needs a passphrase" in capsys.readouterr().err
