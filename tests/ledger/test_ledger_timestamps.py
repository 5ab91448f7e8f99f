"""RFC 3161 time stamps of checkpoints, from a real authority: what anchors, what does not, and who lies."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path

import apsw
import pytest
from ledger_samples import fill
from time_authority import Authority, say, serving

from charter.runtime.anchoring.stamps import add_stamp
from charter.runtime.cli import run_command_line
from charter.runtime.ledger import Ledger
from charter.runtime.ledger.anchors import read_anchors
from charter.runtime.ledger.checkpoint import read_note
from charter.runtime.ledger.outside import Outside, longest_unstamped
from charter.runtime.ledger.timestamp import (
    MAX_BYTES,
    OtherStampError,
    StampError,
    make_request,
    read_authorities,
    read_stamp,
)
from charter.runtime.project import Project

TEXT = "charter/test\n3\nnothing\n"


@pytest.fixture(scope="session")
def authority(openssl, tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tsa"), openssl)


@pytest.fixture(scope="session")
def stranger(openssl, tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), openssl)


@pytest.fixture(scope="session")
def url(authority):
    with serving(lambda handler, query: say(handler, authority.reply(query))) as url:
        yield url


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path / "project")
    made.state.mkdir(parents=True)
    grow(made, 3)
    return made


@pytest.fixture
def audit(project, capsys):
    def call(*arguments):
        try:
            code = run_command_line(["audit", *map(str, arguments), "--project", str(project.root)])
        except SystemExit as end:
            code = end.code
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return code, " ".join(output.out.split()), " ".join(output.err.split())

    return call


def grow(project, count, *, first=0):
    with Ledger.open(project.ledger_path, key_path=project.ledger_key_path, origin="charter/test", create=True) as it:
        fill(it, count, first=first)


def stamps(project):
    return sorted(project.time_stamps_path.glob("*")) if project.time_stamps_path.exists() else []


def test_a_time_stamp_anchors_for_whoever_trusts_its_authority(project, audit, authority, stranger, url):
    before = int(time.time())
    code, out, err = audit("anchor", "--tsa", url, "--tsa-ca", authority.ca)
    assert (code, err) == (0, "")
    (stamp,) = stamps(project)
    assert stamp.name.startswith("3-") and stamp.name in out and "Time Authority" in out

    code, out, _ = audit("verify")
    assert code == 6
    assert "does not count: no certificate was given" in out
    assert "WHOLE, BUT NOT ANCHORED" in out

    code, out, _ = audit("verify", "--tsa-ca", authority.ca)
    assert code == 0
    assert "the first 3 records, by a time stamp" in out
    assert time.strftime("%Y-%m-%d ", time.gmtime(before)) in out

    assert audit("verify", "--tsa-ca", authority.ca, "--anchored-since", "9999-01-01")[0] == 6
    assert audit("verify", "--tsa-ca", authority.ca, "--anchored-since", "2020-01-01")[0] == 0

    code, out, _ = audit("verify", "--tsa-ca", stranger.ca)
    assert code == 6
    assert "does not lead to a certificate that was given" in out

    grow(project, 2, first=3)
    code, out, _ = audit("verify", "--tsa-ca", authority.ca)
    assert code == 0
    assert "the 2 newer ones are signed, but nothing of it covers them" in out
    code, out, _ = audit("verify", "--tsa-ca", authority.ca, "--format", "json")
    found = json.loads(out)
    assert (found["anchored_records"], found["anchored_records_by_pins"]) == (3, 0)
    assert before - 2 <= found["outside"][0]["time"] <= time.time() + 2


def test_openssl_reads_what_is_stored(project, audit, authority, stranger, url):
    assert audit("anchor", "--tsa", url)[0] == 0
    (stamp,) = stamps(project)
    page = (Path(__file__).parents[2] / "docs" / "ledger-format.md").read_text()
    (command,) = re.findall(r"^    (grep .*) > text$", page, re.M)
    done = subprocess.run(
        shlex.split(command.replace("153", "3")), cwd=project.root, capture_output=True, text=True, check=True
    )
    text = done.stdout
    assert authority.verifies(stamp, text)
    assert not authority.verifies(stamp, text.replace("3", "4", 1))
    assert not stranger.verifies(stamp, text)


def test_an_unchecked_signature_is_said_to_be_unchecked(audit, url):
    assert "signature not checked, give --tsa-ca for that" in audit("anchor", "--tsa", url)[1]


def test_a_rewritten_ledger_is_not_what_was_stamped(project, audit, authority, url):
    assert audit("anchor", "--tsa", url)[0] == 0
    shutil.rmtree(project.state)
    project.checkpoints_path.unlink()
    project.state.mkdir()
    grow(project, 4, first=50)
    code, out, _ = audit("verify", "--tsa-ca", authority.ca)
    assert code == 1
    assert "is not of the first 3 records: its imprint is that of another text" in out
    assert audit("verify")[0] == 1  # whoever signed it


def test_old_records_that_were_stamped_only_now_are_told(project, audit, authority, url):
    """Its holder rewrites all of a ledger, dates it back and has it stamped: every stamp is a good one."""
    assert audit("anchor", "--tsa", url)[0] == 0
    code, out, _ = audit("verify", "--tsa-ca", authority.ca, "--format", "json")
    assert (code, json.loads(out)["longest_seconds_before_a_time_stamp"] < 60) == (0, True)

    shutil.rmtree(project.state)
    shutil.rmtree(project.time_stamps_path)
    project.checkpoints_path.unlink()
    project.state.mkdir()
    then = time.time_ns() - 400 * 86400 * 10**9
    key = {"key_path": project.ledger_key_path, "origin": "charter/test"}
    with Ledger.open(project.ledger_path, create=True, clock=lambda: then, **key) as ledger:
        fill(ledger, 3, first=50)
    assert audit("anchor", "--tsa", url)[0] == 0
    code, out, _ = audit("verify", "--tsa-ca", authority.ca)
    assert "at the longest 400 days, 0:0" in out and "until then its holder could rewrite a record" in out
    code, out, _ = audit("verify", "--tsa-ca", authority.ca, "--format", "json")
    assert 0 <= json.loads(out)["longest_seconds_before_a_time_stamp"] - 400 * 86400 < 60
    assert "at the longest" not in audit("verify")[1]  # who trusts nobody


def test_how_long_a_record_was_without_a_stamp():
    recorded = {0: 100, 3: 500, 7: 900}.__getitem__

    def longest(*said):
        return longest_unstamped([Outside("time stamp", "A", *item) for item in said], recorded)

    assert longest() == 0
    assert longest((3, 160), (7, 510)) == 60
    assert longest((3, 160), (7, 990)) == 490
    assert longest((7, 990), (3, 160, "not theirs")) == 890
    assert longest((7, 510), (3, 160, "it is older than what was asked for")) == 60
    assert longest((3, 100), (7, 499), (7, 2000)) == 0


def test_a_ledger_shorter_than_its_time_stamp_was_rolled_back(project, audit, url):
    old = project.ledger_path.read_bytes()
    grow(project, 3, first=3)
    assert audit("anchor", "--tsa", url)[0] == 0
    project.ledger_path.write_bytes(old)
    project.checkpoints_path.unlink()
    code, out, _ = audit("verify")
    assert code == 1
    assert "rolled back, or another ledger's: `6-" in out


def test_a_ledger_that_left_its_anchors_is_not_stamped(project, audit, url):
    old = project.ledger_path.read_bytes()
    grow(project, 3, first=3)
    assert audit("anchor")[0] == 0
    project.ledger_path.write_bytes(old)
    code, _, err = audit("anchor", "--tsa", url)
    assert (code, "ledger was rolled back" in err) == (1, True)
    grow(project, 9, first=50)
    code, _, err = audit("anchor", "--tsa", url)
    assert (code, "ledger was rewritten" in err) == (1, True)
    assert stamps(project) == []


def test_several_authorities_and_a_failure_of_one(project, audit, url, authority):
    with serving(lambda handler, _: say(handler, b"", 503)) as broken:
        code, out, err = audit("anchor", "--tsa", broken, "--tsa", url)
    assert (code, "status 503" in err) == (4, True)
    assert len(stamps(project)) == 1 and "time stamp" in out
    assert audit("verify", "--tsa-ca", authority.ca)[0] == 0


def earlier(authority):
    """An answer to a request for the same text that was sent before."""
    kept = []

    def reply(handler, query):
        kept.append(query)
        say(handler, authority.reply(kept[0]))

    return reply


def drip(handler, _):
    handler.send_response(200)
    handler.send_header("Content-Length", "4000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"\x30")
        handler.wfile.flush()
        time.sleep(0.1)


def endless_headers(handler, _):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(200):
        handler.wfile.write(f"X-{n}: ".encode())
        handler.wfile.flush()
        time.sleep(0.1)


LIARS = {
    "of another text": (lambda tsa: lambda h, _: say(h, tsa.reply(make_request("other")[0])), 1, "of another text"),
    "garbage": (lambda tsa: lambda h, _: say(h, b"<html>log in first</html>"), 4, "is no RFC 3161 answer"),
    "nothing": (lambda tsa: lambda h, _: say(h, b""), 4, "is no RFC 3161 answer"),
    "the query": (lambda tsa: say, 4, "is no RFC 3161 answer"),
    "refused": (lambda tsa: lambda h, _: say(h, tsa.reply(b"no query")), 4, "did not grant it (rejection"),
    "huge": (lambda tsa: lambda h, _: say(h, b"0" * (MAX_BYTES + 1)), 4, "answer is too large"),
    "drip": (lambda tsa: drip, 4, "no whole answer within 1 s"),
    "headers": (lambda tsa: endless_headers, 4, "no whole answer within 1 s"),
    "redirect": (lambda tsa: lambda h, _: say(h, b"", 302, Location="http://localhost/"), 4, "No redirect is followed"),
    "error": (lambda tsa: lambda h, _: say(h, b"", 500), 4, "status 500"),
    "silence": (lambda tsa: lambda h, _: h.connection.close(), 4, "no answer"),
}


@pytest.mark.parametrize("liar", LIARS)
def test_a_server_that_lies_gets_a_message_and_nothing_is_stored(project, audit, authority, liar):
    make, expected, words = LIARS[liar]
    started = time.monotonic()
    with serving(make(authority)) as url:
        code, _, err = audit("anchor", "--tsa", url, "--timeout", "1" if "within 1 s" in words else "20")
    assert (code, words in err) == (expected, True), err
    assert stamps(project) == []
    assert time.monotonic() - started < 15


def test_an_answer_to_an_earlier_request_is_not_taken(project, audit, authority):
    with serving(earlier(authority)) as url:
        assert audit("anchor", "--tsa", url)[0] == 0
        code, _, err = audit("anchor", "--tsa", url)
    assert (code, "answers another request" in err) == (1, True)
    assert len(stamps(project)) == 1


def test_a_stamp_by_somebody_else_is_not_stored(project, audit, stranger, url):
    code, _, err = audit("anchor", "--tsa", url, "--tsa-ca", stranger.ca)
    assert (code, "does not lead to a certificate that was given" in err) == (1, True)
    assert stamps(project) == []


@pytest.mark.parametrize("given", ["middle", "tsa"])
def test_a_certificate_on_the_way_is_no_root(authority, given):
    whole = authority.reply(make_request(TEXT)[0])
    roots = read_authorities((authority.folder / f"{given}.pem").read_bytes())
    said = read_stamp(whole, TEXT, roots).distrust
    assert said.startswith(
        "its signature does not lead to a certificate that was given: certificate verify error, unable"
    )
    assert "{" not in said


@pytest.mark.parametrize(("usage", "refused"), [("timeStamping", False), ("serverAuth", True)])
def test_only_a_certificate_for_time_stamps_makes_them(authority, usage, refused):
    """The authority's own content, signed under its root by a certificate that is for something else."""
    authority.certify(usage, f"/CN={usage}", f"extendedKeyUsage=critical,{usage}\n", "ca")
    whole, roots = authority.reply(make_request(TEXT)[0]), read_authorities(authority.ca.read_bytes())
    found = read_stamp(authority.signed_again(whole, usage), TEXT, roots)
    assert found.authority == f"CN={usage}"
    assert bool(found.distrust) is refused


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "http://",
        "https://u:p@tsa.example/",
        "http://x:99999/",
        "file:///etc",
        "x",
        "http://x:0/",
        "http://a..b/",
        f"http://{'a' * 64}/",
    ],
)
def test_urls_that_are_none(audit, url):
    code, _, err = audit("anchor", "--tsa", url)
    assert (code, "URL is not usable" in err) == (2, True)


def test_nobody_listens(audit):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, _, err = audit("anchor", "--tsa", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (code, "cannot be asked: Connection refused" in err) == (4, True)


def test_tls_is_verified(project, audit, authority):
    authority.certify("web", "/CN=web", "subjectAltName=IP:127.0.0.1\n", "ca")
    pair = (authority.folder / "web.pem", authority.folder / "web.key")
    with serving(lambda handler, query: say(handler, authority.reply(query)), pair) as url:
        code, _, err = audit("anchor", "--tsa", url)
        assert (code, "server cannot prove who it is" in err) == (4, True)
        assert stamps(project) == []
        code, _, err = audit("anchor", "--tsa", url, "--tls-ca", authority.ca)
        assert (code, err) == (0, "")


def test_no_change_of_a_stamp_makes_it_say_something_else(authority):
    query, nonce = make_request(TEXT)
    whole, roots = authority.reply(query), read_authorities(authority.ca.read_bytes())
    said = read_stamp(whole, TEXT, roots, nonce=nonce)
    assert said.distrust == ""
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        try:
            found = read_stamp(bytes(changed), TEXT, roots, nonce=nonce)
        except StampError:
            continue
        assert found.distrust or found == said, place
    for end in range(0, len(whole), 50):
        with pytest.raises(StampError):
            read_stamp(whole[:end], TEXT, roots)
    with pytest.raises(OtherStampError):
        read_stamp(whole, TEXT + "x", roots)


def test_files_that_are_no_stamps_are_named(project, audit, url):
    assert audit("anchor", "--tsa", url)[0] == 0
    (stamp,) = stamps(project)
    renamed = stamp.rename(stamp.with_name(f"2-{stamp.name[2:]}"))
    code, out, _ = audit("verify")
    assert (code, "is not of the first 2 records" in out) == (1, True)
    whole = renamed.rename(stamp).read_bytes()
    stamp.write_bytes(whole[:-1])
    code, _, err = audit("verify")
    assert (code, "It was renamed, cut or changed" in err) == (4, True)
    stamp.unlink()
    add_stamp(project.time_stamps_path, 3, whole[:-1])
    code, out, _ = audit("verify")
    assert (code, "it is no RFC 3161 answer" in out) == (1, True)
    stamps(project)[0].rename(stamp.with_name("mine.tsr"))
    code, _, err = audit("verify")
    assert (code, "mine.tsr` is not named" in err) == (4, True)


def test_stamps_of_a_copy(project, audit, authority, url, tmp_path, capsys):
    assert audit("anchor", "--tsa", url)[0] == 0
    apsw.Connection(str(project.ledger_path)).close()
    copy = shutil.copy(project.ledger_path, tmp_path / "copy.db")
    arguments = ["audit", "verify", "--ledger", str(copy), "--tsa-ca", str(authority.ca)]

    def verify(*more):
        with pytest.raises(SystemExit) as end:
            run_command_line([*arguments, *map(str, more)])
        return end.value.code

    assert verify() == 6
    assert verify("--stamps", project.time_stamps_path) == 0


def test_without_the_extra(audit, url, authority, monkeypatch, project):
    assert audit("anchor", "--tsa", url)[0] == 0
    monkeypatch.setattr("charter.runtime.ledger.timestamp.find_spec", lambda name: None)
    code, _, err = audit("verify")
    assert (code, "1 time stamps were not looked at" in err) == (6, True)
    for arguments in (["anchor", "--tsa", url], ["verify", "--tsa-ca", authority.ca]):
        code, _, err = audit(*arguments)
        assert (code, "pip install 'charter-lifecycle[timestamp]'" in err) == (4, True)


def test_without_the_extra_a_ledger_shorter_than_its_time_stamp_is_seen(project, audit, url, monkeypatch, tmp_path):
    """A pin of before would else make it green."""
    old = project.ledger_path.read_bytes()
    assert audit("anchor")[0] == 0
    pin = project.checkpoints_path.rename(tmp_path / "pin")
    grow(project, 3, first=3)
    assert audit("anchor", "--tsa", url)[0] == 0
    project.ledger_path.write_bytes(old)
    project.checkpoints_path.unlink()
    monkeypatch.setattr("charter.runtime.ledger.timestamp.find_spec", lambda name: None)
    code, out, _ = audit("verify", "--pin", pin)
    assert (code, "rolled back, or another ledger's: `6-" in out) == (1, True)
    out = audit("verify", "--format", "json")[1]
    assert json.loads(out)["time_stamps_not_read"] == 1


def test_a_folder_that_is_a_file_is_named_for_what_it_is(project, audit, url):
    project.time_stamps_path.write_text("")
    code, _, err = audit("anchor", "--tsa", url)
    assert (code, "error: file cannot be written" in err, "Not a directory" in err) == (4, True, True)


def test_that_an_authority_of_ones_own_said_nothing_is_told(project, audit, authority, tmp_path):
    """Also where a pin makes it green."""
    assert audit("anchor")[0] == 0
    pin = shutil.copy(project.checkpoints_path, tmp_path / "pin")
    code, out, _ = audit("verify", "--pin", pin, "--tsa-ca", authority.ca)
    assert (code, "none by an authority of yours" in out) == (0, True)


def test_times_that_are_none_are_mistakes_of_usage(audit):
    assert audit("anchor", "--tsa", "http://127.0.0.1:1/", "--timeout", "nan")[0] == 2
    assert audit("verify", "--anchored-since", "0001-01-01")[0] == 6


def test_a_second_certificate_of_the_same_number_gives_no_name(authority):
    """Whoever hands the stamp on can put one in: the signature is not over the certificates."""
    authority.certify("real", "/CN=real", "extendedKeyUsage=critical,timeStamping\n", "ca")
    whole, roots = authority.reply(make_request(TEXT)[0]), read_authorities(authority.ca.read_bytes())
    signed = authority.signed_again(whole, "real")
    assert read_stamp(signed, TEXT, roots).authority == "CN=real"
    both = authority.signed_again(whole, "real", beside=authority.twin("real", "/CN=Renowned Authority", "ca"))
    assert read_stamp(both, TEXT, roots).authority == "an authority with several certificates of one number"


def test_an_empty_ledger_has_nothing_to_anchor(tmp_path, capsys):
    made = Project(tmp_path)
    made.state.mkdir()
    grow(made, 0)
    assert run_command_line(["audit", "anchor", "--project", str(tmp_path)]) == 2
    assert "nothing is recorded" in capsys.readouterr().err


def test_anchoring_alone_adds_the_checkpoint(project, audit):
    assert audit("anchor")[0] == 0
    assert audit("anchor")[0] == 0
    assert [read_note(note).size for note in read_anchors(project.checkpoints_path)] == [3]
