#!/usr/bin/env python3
"""Checks a Charter audit capsule, or the proof of one record, on a bare machine.

    python3 -I verify.py loans.capsule.zip --pin my-own.checkpoints
    python3 -I verify.py --proof proof.json --key ledger.pub

It needs Python 3.8 or newer and nothing else: no package, no network. Take it from a place that you trust
and read it: the copy in a capsule is only compared with the one that runs. Sections are those of
docs/ledger-format.md; what no verifier can see is in docs/auditing.md.

Exit codes: 0 whole, anchored by a pin of yours, and every decision came out the same; 1 tampered with,
damaged or decided otherwise; 2 wrong arguments; 6 nothing is wrong, but something is not there or checked.

Ed25519 in plain Python takes some milliseconds a signature. The final checkpoint, your pins, changes of keys
and people's statements are checked; those of records in between are not kept, and need no check. With `opa`
($OPA_BIN, or on PATH) or the Python package `regorus` every decision is made again.
"""

import argparse
import base64
import datetime
import functools
import hashlib
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

MEMBER = re.compile(
    r"(capsule|charter\.trust)\.json|records\.jsonl|verify\.py"
    r"|charters/[A-Za-z0-9._ -]+\.charter|files/[0-9a-f]{64}"
)
HEADER = re.compile(  # section 2
    r'\{"body":"(?P<body>[0-9a-f]{64})","idem":"(?P<idem>[!#-\[\]-~]{1,128})",'
    r'"kind":"(?P<kind>[a-z][a-z0-9._-]{0,63})","log":"(?P<log>[!#-*,-\[\]-~]{1,128})",'
    r'"prev":"(?P<prev>[0-9a-f]{64})","seq":(?P<seq>0|[1-9][0-9]{0,14}),'
    r'"subj":"(?P<subj>[!#-\[\]-~]{1,256})",'
    r'"ts":"(?P<ts>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})Z","v":1\}'
)


def say(name, text):
    """In one line, and with nothing that a terminal would obey."""
    plain = " ".join(text.split()).encode("ascii", "backslashreplace").decode()
    print(f"{name:<13} {re.sub('[^ -~]', '?', plain)}")


def need(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def sha(data):
    return hashlib.sha256(data).digest()


# --- One spelling for everything: what has a second one could be changed unseen.


one_form = functools.partial(json.dumps, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(text):
    value = json.loads(text)
    need(one_form(value) == text, f"not JSON in its one form: {text[:60]}")
    return value


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, f"not base64 in its one form: {text[:60]}")
    return data


# --- Ed25519 (RFC 8032, section 5.1), over extended coordinates

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point(data):
    """The point that 32 bytes encode; None when they encode none."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    x = x if x & 1 == data[31] >> 7 else P - x
    return (x, y, 1, x * y % P) if x * x % P == square and x < P and y < P else None


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, p):
    result = (0, 1, 1, 0)
    while number:
        result = add(result, p) if number & 1 else result
        p, number = add(p, p), number >> 1
    return result


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(public, message, signature):
    """Whether the 64 bytes are the key's signature; a key of small order signs nothing."""
    a, s = point(public), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER or a is None or times(8, a)[0] == 0:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    x, y, z, _ = add(times(s, BASE), times(h, (P - a[0], a[1], 1, P - a[3])))
    x, y = (part * pow(z, P - 2, P) % P for part in (x, y))
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# --- Keys and checkpoints (sections 5 and 7)


def read_key(text):
    """Origin, key id and the 32 bytes of a verifier key."""
    origin, key_id, encoded = text.split("+", 2)
    data = unbase64(encoded)
    named = sha(origin.encode() + b"\n" + data)[:4]
    need(len(data) == 33 and data[0] == 1 and named.hex() == key_id, "the verifier key is malformed")
    return origin, named, data[1:]


def signed_lines(note, key):
    """The lines of a signed note, if the key has signed them; signatures of other keys are ignored."""
    (origin, key_id, public), (text, _, tail) = key, note.rpartition("\n\n")
    for line in tail.split("\n")[:-1]:
        dash, name, encoded = line.split(" ")
        blob, signed = unbase64(encoded), f"{text}\n".encode()
        if (dash, name, blob[:4]) == ("\u2014", origin, key_id) and is_signed(public, signed, blob[4:]):
            return text.split("\n")
    raise ValueError(f"not signed by the ledger's key: {text[:200]}")


def key_chain(newest, changes, trusted):
    """The keys in turn, each with the largest size that it signs; old and new key signed each change."""
    keys, chain = [change.split("\n")[3] for change in changes] + [newest], []
    for change, old, new in zip(changes, keys, keys[1:]):
        lines = signed_lines(change, read_key(old))
        form = ["charter/ledger/v1/key-rotation", read_key(new)[0], lines[2], old, new]
        need(lines == form == signed_lines(change, read_key(new)), "a change of keys leads to another key")
        chain.append((int(lines[2]), read_key(old)))
    need(chain == sorted(chain), "the changes of keys are not in order")
    need(trusted is None or trusted in keys, "the ledger has another key than the one given")
    return [*chain, (10**15, read_key(newest))]


def open_checkpoint(note, chain):
    """Size and root of a checkpoint, signed by the key that was in force at its size."""
    key = next(key for last, key in chain if int(note.split("\n")[1]) <= last)
    origin, size, root = signed_lines(note, key)
    need(origin == key[0], "a checkpoint of another ledger")
    return int(size), unbase64(root)


def read_pins(path):
    """The signed notes of a file of checkpoints; lines with # before them are comments."""
    text = re.sub(r"(?m)^#.*\n", "", pathlib.Path(path).read_text("utf-8") + "\n")
    form = r"(?:[^\n]+\n){3}\n(?:\u2014 [^\n]+\n)+"
    need(not re.sub(form, "", text).strip("\n"), f"{path} holds something else than checkpoints")
    return re.findall(form, text)


# --- Records and their tree (sections 2 to 4)


def node_hash(right, left):
    return sha(b"\x01" + left + right)


def read_record(item, origin):
    """Header, leaf and body of a record, as proofs and capsules hold it; the body is None when it is gone."""
    header, salt, body = HEADER.fullmatch(item["header"]), item["salt"], item["body"]
    need(header and header["log"] == origin, f"not a header, or of another ledger: {item['header'][:300]}")
    datetime.datetime.fromisoformat(header["ts"])  # a date that does not exist raises
    leaf = sha(b"\0" + header[0].encode())
    if salt is None and body is None:
        return header, leaf, None
    committed = sha(b"charter/ledger/v1/body\0" + bytes.fromhex(salt) + body.encode()).hex()
    is_it = re.fullmatch("[0-9a-f]{32}", salt) and committed == header["body"]
    need(is_it, f"not the body that was committed to: {header[0]}")
    return header, leaf, canonical(body)


def read_records(text, origin, sizes):
    """Number, kind and body of every record, each checked; and the roots of the tree at these sizes."""
    *lines, end = text.split("\n")
    need(end == "", "the records end within a line")
    events, ids, prev, last = [], set(), "0" * 64, ""
    peaks, roots = [], {0: sha(b"")}  # peaks: the perfect subtrees of the leaves so far, largest first
    for seq, line in enumerate(lines):
        item = canonical(line)
        header, leaf, body = read_record(item, origin)
        placed = (header["prev"], int(header["seq"]), len(item)) == (prev, seq, 3) and header["ts"] >= last
        need(placed and header["idem"] not in ids, f"record {seq} is out of place or time, or there twice")
        prev, last, rest = leaf.hex(), header["ts"], seq
        ids.add(header["idem"])
        while rest & 1:
            leaf, rest = node_hash(leaf, peaks.pop()), rest >> 1
        peaks.append(leaf)
        if seq + 1 in sizes:
            roots[seq + 1] = functools.reduce(node_hash, reversed(peaks))
        events.append((seq, header["kind"], body))
    return events, roots


# --- The capsule (section 11)


def read_zip(path):
    """The members. Written anew they give the same file, byte for byte: nothing hides beside them."""
    data, again = pathlib.Path(path).read_bytes(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as file, zipfile.ZipFile(again, "w") as copy:
        entries = file.infolist()
        fit = sum(entry.file_size for entry in entries) <= len(data)
        need(fit and not any(entry.compress_type for entry in entries), "members are not stored as they are")
        members = {entry.filename: file.read(entry) for entry in entries}
        for name in sorted(members):
            about = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.create_system, about.external_attr = 3, 0o644 << 16
            copy.writestr(about, members[name])
    need(again.getvalue() == data, "the file is damaged, or not written in the one plain way")
    return members


def read_capsule(path):
    """What capsule.json says, the other members, and of these the files by their digests."""
    members = read_zip(path)
    need(all(map(MEMBER.fullmatch, members)), f"a member that no capsule has: {list(members)[:9]}")
    about = canonical(members.pop("capsule.json").decode())
    digests = {name: sha(data).hex() for name, data in members.items()}
    need(about["members"] == digests, "members are not those that capsule.json lists")
    need((about["format"], len(about)) == ("charter-capsule/1", 4), "capsule.json has another form")
    own = pathlib.Path(__file__).read_bytes()
    need(members["verify.py"] == own, "the verifier in the capsule is another than this one: compare them")
    files = {name[6:]: data for name, data in members.items() if name.startswith("files/")}
    need(all(digests["files/" + digest] == digest for digest in files), "a file is not what its name says")
    return about, members, files


def read_keys(trust):
    """The Ed25519 keys that a trust root gives to people, by person and fingerprint."""
    people = [person for one in json.loads(trust)["versions"] for person in one["signed"]["people"]]
    given = [(person["id"], key["public"].split(" ")) for person in people for key in person["keys"]]
    blobs = [(who, base64.b64decode(public[1])) for who, public in given if public[0] == "ssh-ed25519"]
    return {(who, "SHA256:" + base64.b64encode(sha(blob)).decode().rstrip("=")): blob[-32:] for who, blob in blobs}


def versions_of(trust):
    """The digests of a trust root's versions, as runs name the one that they went by; each names the one before."""
    signed = [one["signed"] for one in json.loads(trust)["versions"]]
    digests = ["sha256:" + sha(one_form(one).encode()).hex() for one in signed]
    chained = [one["previous"] for one in signed] == [None, *digests[:-1]]
    need(chained, "the versions of the trust root do not follow one another")
    return set(digests)


def check_statement(body, envelope, public):
    """What a person signed (a DSSE envelope) is the statement that the record names."""
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    signed = any(is_signed(public, message, base64.b64decode(one["sig"])) for one in envelope["signatures"])
    need(signed and body["statement"] == "sha256:" + sha(payload).hex(), f"not what was signed: {body}")
    said = json.loads(payload)["predicate"]
    said = {"type": said.get("decision"), "approval": said.get("reviewed", {}).get("approval"), **said}
    told = {name: body[name] for name in ("person", "role", "key", "type", "approval", "act", "name") if name in body}
    need(told == {name: said.get(name) for name in told}, f"the record says otherwise than what was signed: {body}")


# --- Deciding again

ABOUT = ("gate", "stage", "point", "key", "time", "actor")  # what a decision and its input both say


def said(answer):
    """What a decision says, in whatever order it says it."""
    lists = [answer.get(name, ()) for name in ("violations", "warnings", "obligations", "evaluated")]
    ordered = [sorted(json.dumps(item, sort_keys=True) for item in items) for items in lists]
    return json.dumps([answer.get("allow"), answer.get("revision"), ordered])  # in Python, 1 == True


def as_recorded(digits):
    """A number of an engine's answer: records hold fractions, and whole ones beyond 2^53, as text."""
    small = digits.lstrip("-").isdigit() and abs(int(digits)) <= 2**53
    return int(digits) if small else repr(float(digits))


read_answer = functools.partial(json.loads, parse_int=as_recorded, parse_float=as_recorded)


def ask_regorus(policies, entry, asked):
    import regorus

    engine = regorus.Engine()
    for name, text in policies["modules"].items():
        engine.add_policy(name, text)
    engine.add_data_json(json.dumps(policies["data"]))
    engine.set_input_json(asked)
    return read_answer(engine.eval_rule_as_json(entry))


@functools.lru_cache(maxsize=None)
def opa_limits(opa):
    """What policies may call: nothing that reaches out of OPA, since they are not ours."""
    known = subprocess.run([opa, "capabilities", "--current"], check=True, capture_output=True).stdout
    known = {**json.loads(known), "allow_net": []}
    known["builtins"] = [one for one in known["builtins"] if one["name"] not in ("http.send", "opa.runtime")]
    return json.dumps(known)


def ask_opa(opa, policies, entry, asked):
    files = {f"{number}.rego": text for number, text in enumerate(policies["modules"].values())}
    files.update({"data.json": json.dumps(policies["data"]), "limits": opa_limits(opa)})
    # Strictly: an error in a rule would count as "not so" otherwise, and the gate would open.
    command = [opa, "eval", "--format=json", "--capabilities=limits", "--strict-builtin-errors"]
    command += ["--stdin-input", "--data=.", entry]
    run = functools.partial(subprocess.run, check=True, capture_output=True, timeout=600)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            pathlib.Path(folder, name).write_text(text, encoding="utf-8")
        found = read_answer(run(command, cwd=folder, input=asked.encode()).stdout).get("result")
    return found[0]["expressions"][0]["value"] if found else {}


def find_engine():
    """An engine's name, and what asks it; None when there is none."""
    opa = os.environ.get("OPA_BIN") or shutil.which("opa")
    if opa:
        return f"opa ({opa})", functools.partial(ask_opa, opa)
    return ("regorus", ask_regorus) if importlib.util.find_spec("regorus") else None


def redecide(files, runs, decisions):
    """Hold each decision against its run and input, and have an engine make it again; what was not made."""
    engine, gaps, bad, done = find_engine(), [], [], 0
    for seq, body in decisions:
        run = runs.get(body["run"], {"ir": "", "bundle": ""})
        found = [files.get(name[7:]) for name in (run["ir"], run["bundle"], body["input"])]
        if None in found:
            gaps.append(f"record {seq}: its policies or its input are not in the capsule")
            continue
        ir, policies, asked = map(json.loads, found)
        plan = policies["data"]["charter"]["plan"]
        plan["revision"] = f"{plan['lifecycle']}-{run['bundle'][7:23]}"  # the digest is of all the rest
        same = one_form(ir["bundle"]) == one_form({**ir["bundle"], **policies})
        need(same, f"record {seq}: not the policies of its charter")
        about = {**asked["transition"], "time": asked["time"], "actor": asked["actor"]}
        bound = asked["lifecycle"]["meaning"] == run["meaning"] == ir["meaning"] and body["bundle"] == run["bundle"]
        bound = bound and all(about[name] == body[name] for name in ABOUT)
        gates = {gate["id"]: gate for stage in ir["stages"] for gate in (stage["entry"], stage["exit"])}
        unheard = set(gates[body["gate"]]["controls"]) - set(body.get("evaluated", ())) if bound else ()
        words = {(one["policy"], one["control"]) for one in body.get("violations", ())}
        if not bound:
            bad.append(f"record {seq}: {body['gate']} was decided on something else than it says")
        elif body["allow"] and unheard:
            bad.append(f"record {seq}: {body['gate']} was allowed without {sorted(unheard)[:5]} of its charter")
        elif not body["allow"] and not body.get("evaluated") and words == {("charter", "gate")}:
            say("not compared", f"record {seq} was denied by the gate itself, without a policy")
        elif engine:
            try:
                entry = "data." + policies["entrypoint"].replace("/", ".")
                answer = engine[1](policies, entry, found[2].decode())
            except Exception as error:  # an engine that fails has decided nothing
                gaps.append(f"record {seq}: not made again, because {engine[0]} failed: {error}")
                continue
            done += 1
            if said(answer) != said(body):
                bad.append(f"record {seq}: {body['gate']} comes out otherwise than recorded")
    need(not bad, f"{len(bad)} decisions do not hold: {'; '.join(bad[:20])}")
    say("re-decided", f"{done} of {len(decisions)} decisions, with {engine[0] if engine else 'nothing'}")
    if not done:
        gaps.append("no decision was made again: no `opa` or `regorus` is here, or there was none to compare")
    return gaps


# --- What is asked for


def check_capsule(options, trusted):
    """What was not there or not checked, when nothing is wrong with a capsule."""
    about, members, files = read_capsule(options.capsule)
    notes = [about["checkpoint"], *(note for path in options.pin for note in read_pins(path))]
    sizes = {int(note.split("\n")[1]) for note in notes}
    events, roots = read_records(members["records.jsonl"].decode(), about["key"].split("+")[0], sizes)

    def of(*kinds):
        return [(seq, body) for seq, kind, body in events if kind in kinds and body is not None]

    changes = of("ledger.key-rotated")
    chain = key_chain(about["key"], [body["statement"] for _, body in changes], trusted)
    need([last for last, _ in chain[:-1]] == [seq for seq, _ in changes], "a change of keys elsewhere")
    final, *pins = (open_checkpoint(note, chain) for note in notes)
    need((len(events), roots.get(len(events))) == final, "the records are not those of the final checkpoint")
    for size, root in pins:
        need(roots.get(size) == root, f"not the first {size} records of your pin: rolled back or rewritten")
    runs = {body["run"]: body for _, body in of("run.opened")}
    need(len(runs) == len(of("run.opened")), "a run was opened twice: nobody knows what it went by")
    named = {run[part][7:] for run in runs.values() for part in ("ir", "bundle")}
    attached = [body["attachments"].values() for _, _, body in events if body and "attachments" in body]
    named.update(item["digest"][7:] for items in attached for item in items)
    need(set(files) <= named, f"no record names a file {sorted(set(files) - named)[:1]}")
    gaps = [f"the file {digest[:12]} is not in the capsule" for digest in sorted(named - set(files))]
    trust, gone_by = members.get("charter.trust.json"), {run.get("trust") for run in runs.values()} - {None}
    need(not trust or gone_by <= versions_of(trust), "the runs went by another trust root than the capsule's")
    keys, signed = read_keys(trust) if trust else {}, of("statement.signed", "act.signed")
    for seq, body in signed:
        key, envelope = keys.get((body["person"], body["key"])), files.get(body["envelope"][7:])
        theirs = key or all(body["key"] != other for _, other in keys)
        need(theirs, f"record {seq}: the key of somebody else, so not what was signed by {body['person']}")
        if key and envelope:
            check_statement(body, json.loads(envelope), key)
        else:
            gaps.append(f"record {seq}: the key or the envelope of {body['person']} is not in the capsule")
    say("ledger", f"{len(events)} records, root {final[1].hex()}, key {about['key']}")
    say("key", "as given" if trusted else "as the capsule itself names it: compare it, or give --key")
    say("checkpoints", f"1 final, {len(pins)} of your pins, {len(changes)} changes of the key; all signed")
    say("people", f"signed statements: {len(signed)}, under keys of the trust root in the capsule")
    gaps += redecide(files, runs, of("gate.decided"))
    if not any(size for size, _ in pins):
        gaps.append("not anchored: without a --pin of yours, a ledger that was signed anew as a whole passes")
    gone, listed = {seq for seq, _, body in events if body is None}, set()
    for seq, body in of("ledger.erased"):
        records = body.get("records") if type(body.get("records")) is list else []
        listed.update(at for at in records if type(at) is int and at < seq)
    erased, taken = sorted(gone & listed), sorted(gone - listed)
    if erased:
        gaps.append(f"{len(erased)} bodies were erased, by a record that says why: {erased[:12]}")
    if taken:
        first = ", ".join(map(str, taken[:12]))
        gaps.append(f"{len(taken)} bodies are MISSING WITHOUT ANY RECORD OF IT, the first of them: records {first}")
    return gaps


def check_proof(options, trusted):
    """The same for one record, by its path to a signed root (section 8)."""
    proof = canonical(pathlib.Path(options.proof).read_text("utf-8").rstrip("\n"))
    members = len(proof) - ("rotations" in proof)
    need((proof["format"], members) == ("charter-proof/1", 7), "not the members of a proof")
    chain = key_chain(proof["key"], proof.get("rotations", []), trusted)
    size, root = open_checkpoint(proof["checkpoint"], chain)
    header, node, body = read_record(proof, chain[-1][1][0])
    at, path = int(header["seq"]), proof["path"]
    # RFC 6962, 2.1.1: a sibling on either side while the last leaf's way up is another one; then on the left.
    apart = (at ^ (size - 1)).bit_length()
    need(at < size and len(path) == apart + bin(at >> apart).count("1"), "the path has another length")
    for level, other in enumerate(path):
        need(re.fullmatch("[0-9a-f]{64}", other), f"not a hash: {other}")
        other, left = bytes.fromhex(other), level >= apart or at >> level & 1
        node = node_hash(node, other) if left else node_hash(other, node)
    need(node == root, "the path does not lead to the signed root")
    say("record", "{seq} of {log}, {ts}Z, {kind} about {subj}".format(**header.groupdict()))
    say("body", "not shown" if body is None else "shown, and the one committed to")
    return [] if trusted else ["signed by the key that the proof names itself: compare it, or give --key"]


def main():
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("capsule", nargs="?")
    what.add_argument("--proof", help="check the proof of one record instead")
    parser.add_argument("--key", help="the ledger's key (its ledger.pub), from a place that you trust")
    parser.add_argument("--pin", action="append", default=[], help="checkpoints that you kept; repeatable")
    options = parser.parse_args()
    try:
        trusted = pathlib.Path(options.key).read_text("utf-8").strip() if options.key else None
        gaps = (check_proof if options.proof else check_capsule)(options, trusted)
    except Exception as error:  # whatever is wrong with a hostile file, it is not accepted
        say("finding", f"{error}" if isinstance(error, ValueError) else f"it cannot be read: {error!r}")
        say("verdict", "REFUSED")
        return 1
    for text in gaps:
        say("open", text)
    say("verdict", "INCOMPLETE: what is here is not wrong, and not all is here or was checked" if gaps else "HOLDS")
    return 6 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
