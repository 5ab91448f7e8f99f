"""`charter review` and `charter inbox`: what waits for whom, and what they should know before they sign."""

import json
from html.parser import HTMLParser

import pytest
from played import CHARTER, Played

from charter.runtime.cli import run_command_line
from charter.runtime.english import as_text, plain_english

WAIVER = """
waiver calibration of holdout.expected_calibration_error {
  reason       "Recalibration lands in 2.2."
  granted by   risk-officer quorum 1
  compensating "Manual review of every decline"
  until        2099-03-31
}
"""


@pytest.fixture
def played(tmp_path) -> Played:
    made = Played(tmp_path / "p")
    made.run()
    return made


def _charter(played: Played, capsys, *arguments: str) -> tuple[int, str, str]:
    code = run_command_line([*arguments, "--project", str(played.root)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def _approve(played: Played, capsys, who: str, command: str = "approve") -> None:
    code, _, err = _charter(played, capsys, command, "release", "--key", str(played.key_file(who)), "--yes")
    assert code == 0, err


def _items(played: Played, capsys, *more: str) -> list[dict]:
    return json.loads(_charter(played, capsys, "inbox", "--json", *more)[1])


def test_an_approval_waits_for_those_who_may_sign_it(played, capsys):
    code, out, _ = _charter(played, capsys, "inbox")
    assert code == 5 and "approve or reject release: 2 of 2 signatures are missing" in out
    (item,) = _items(played, capsys)
    assert item["people"] == ["bob@bank.example", "carol@bank.example"], "neither the owner nor the trainer"
    assert item["since"] and item["until"] is None
    _approve(played, capsys, "bob")
    (item,) = _items(played, capsys)
    assert item["people"] == ["carol@bank.example"] and item["until"] > item["since"]
    assert _charter(played, capsys, "inbox", "--key", str(played.key_file("bob")))[0] == 0
    assert _charter(played, capsys, "inbox", "--as", "carol@bank.example")[0] == 5
    assert "is not in the trust root" in " ".join(_charter(played, capsys, "inbox", "--as", "eve@x.example")[2].split())


def test_a_rejected_one_waits_for_who_may_change_their_mind(played, capsys):
    _approve(played, capsys, "bob", "reject")
    (item,) = _items(played, capsys)
    assert item["why"].startswith("rejected by bob@bank.example")


def test_nothing_waits_before_its_time_or_when_the_gate_is_open(tmp_path, capsys):
    early = Played(tmp_path / "early")
    early.run(deny={"evaluate/holdout:exit": "`roc_auc` is 0.7, must be >= 0.75"})
    assert _items(early, capsys) == []
    done = Played(tmp_path / "done")
    done.run(approvals_open=True)
    assert _items(done, capsys) == []


def test_a_role_that_cannot_reach_its_quorum_is_told(played, capsys):
    from charter.runtime.trust import file
    from charter.runtime.trust.changes import Removal, extend

    people = played.people
    removal = Removal("carol@bank.example", _now())
    file.save(played.project, extend(people.trust, removal, [people.key("ann")], _now()))
    (item,) = _items(played, capsys)
    assert "only 1 more of `risk-officer` may sign" in item["why"]


def _now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


def test_the_packet_says_what_it_means_in_plain_english(played, capsys):
    code, out, _ = _charter(played, capsys, "review", "release")
    assert code == 0
    for said in (
        "It is met only if `roc_auc` is at least 0.75 at the lower end of its 95% interval.",
        "2 of the role `risk-officer` must sign for `scorecard`, after `holdout`; the owner and the trainer may not.",
        "Nothing is trained or measured on it unless `share` of each `sex` is at least 0.3.",
        "holdout was measured 1 time on the rows",
    ):
        assert said in out, said
    assert "production" not in out.partition("What was required")[0], "only what leads to the approval"


def test_what_changed_since_it_was_last_approved(played, capsys):
    assert "Since " not in _charter(played, capsys, "review", "release")[1]
    _approve(played, capsys, "bob")
    assert "nothing that was reviewed has changed" in _charter(played, capsys, "review", "release")[1]
    played.edit("roc_auc >= 0.75", "roc_auc >= 0.70")
    played.edit("epochs: 2", "epochs: 3")
    played.run()
    _, out, _ = _charter(played, capsys, "review", "release")
    since = out[out.index("Since bob@bank.example approved on") : out.index("What the signature is good for")]
    for said in (
        "holdout.roc_auc asks for roc_auc >= 0.7 with confidence 95%; it asked for roc_auc >= 0.75",
        "roc_auc of evaluate/holdout is 0.77; it was 0.825",
        "train/scorecard:model is another file",
        "the charter says something else of model/scorecard",
        "the charter says something else of evaluation/holdout",
    ):
        assert said in since, since


def test_waivers_on_the_way_are_in_the_packet(tmp_path, capsys):
    played = Played(tmp_path / "p")
    played.write(CHARTER.replace("PURPOSE", "Test.") + WAIVER)
    message = "`expected_calibration_error` is 0.06, must be <= 0.05"
    played.run(deny={"evaluate/holdout:exit": message})
    code, out, _ = _charter(played, capsys, "review", "release")
    assert code == 5 and "too early to sign" in out
    assert "waiver calibration of holdout.expected_calibration_error: Recalibration lands in 2.2. (asked for" in out


class _Reader(HTMLParser):
    """Collects what could be alive in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in {"script", "iframe", "img", "link", "object"} or any(name.startswith("on") for name, _ in attrs):
            self.alive.append(tag)


def test_the_page_is_whole_and_inert(tmp_path, capsys):
    played = Played(tmp_path / "p", purpose="<script>alert(1)</script>\\u202e")
    played.run(deny={"validate/applications:exit": "\x1b[2J<img src=x onerror=alert(1)>"})
    played.edit("rows >= 5_000", "rows >= 5_001")
    played.run()
    assert _charter(played, capsys, "review", "release", "--html", str(tmp_path / "r.html"))[0] == 0
    page = (tmp_path / "r.html").read_text()
    reader = _Reader()
    reader.feed(page)
    assert reader.alive == [] and "\x1b" not in page and "\u202e" not in page
    for said in ("Review packet", "roc_auc &gt;= 0.75 with confidence 95%", "What the charter means", "never approved"):
        assert said in page
    document = json.loads(_charter(played, capsys, "review", "release", "--json")[1])
    assert document["digest"] in page


def test_no_such_approval(played, capsys):
    code, _, err = _charter(played, capsys, "review", "relaese")
    assert code == 2 and "Did you mean `release`?" in err


def test_the_rendering_leaves_nothing_out(played):
    """Every word and number of every declaration's normal form is in the text that is signed."""
    ir = played.ir()
    text = as_text(plain_english(ir))

    def leaves(value):
        if isinstance(value, dict):
            for part in value.values():
                yield from leaves(part)
        elif isinstance(value, list | tuple):
            for part in value:
                yield from leaves(part)
        else:
            yield value

    for item in ir.declarations.values():
        for leaf in leaves(dict(item.body)):
            if isinstance(leaf, str) and leaf not in {">=", "<=", ">", "<", "==", "mandatory"}:
                assert leaf in text, (item.kind, item.name, leaf)
