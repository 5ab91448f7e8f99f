#!/usr/bin/env python3
"""Checks a Charter audit capsule, or the proof of one record, on a bare machine.

    python3 -I verify.py loans.capsule.zip --pin my-own.checkpoints
    python3 -I verify.py --proof proof.json --key ledger.pub

It needs Python 3.8 or newer and nothing else: no package, no network. Take this file from a place that you trust,
for instance an earlier capsule: the one inside a capsule is only compared with the one that runs.

Exit codes: 0 whole, anchored by a pin of yours, and every decision came out the same; 1 tampered with, damaged, or
a decision came out otherwise; 2 wrong arguments; 6 nothing is wrong, but something was not there or not checked.

What is checked: every byte of the file; each record's form, order, chain, time and body; the tree; the final, the
pinned and the anchored checkpoints with their Ed25519 signatures (computed in plain Python, which takes some
milliseconds each: the checkpoints of the records between them are not kept, and need none); each attachment; that
compiled charters, policies and inputs are the ones that the records name; people's signatures. With `opa` on PATH
(or in $OPA_BIN), or the Python package `regorus` (leave out -I's isolation only if it is not installed for
everybody), every decision is made again.

What no verifier can see: that something was never recorded; that a recorded statement is untrue; that a clock was
wrong; who held a stolen key; whether the people of the trust root are who it says; whether the text in `charters/`
is what was compiled (compile it: the IR must have the digest that the run recorded).
"""

import argparse
import base64
import datetime
import hashlib
import json
import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

FORMAT = "charter-capsule/1"
MEMBER = re.compile(
    r"README\.txt|capsule\.json|verify\.py|charter\.trust\.json|charters/[A-Za-z0-9._ -]+\.charter"
    r"|ledger/(records\.jsonl|(anchors|checkpoint|key)\.txt)|attachments/[0-9a-f]{64}|(ir|bundles)/[0-9a-f]{64}\.json"
)
TOKEN = rb"[!#-\[\]-~]"
HEADER = (
    rb'\{"body":"([0-9a-f]{64})","idem":"(' + TOKEN + rb'{1,128})","kind":"([a-z][a-z0-9._-]{0,63})",'
    rb'"log":"([!#-*,-\[\]-~]{1,128})","prev":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,14}),"subj":"('
    + TOKEN
    + rb'{1,256})",'
    rb'"ts":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)","v":1\}'
)
LINE = re.compile(
    rb'\{"header":(' + HEADER + rb'),"salt":(?:"([0-9a-f]{32})","body":(\{.*\})|null,"body":null)\}', re.DOTALL
)


def sha(data):
    return hashlib.sha256(data).digest()


# --- Ed25519 (RFC 8032, section 5.1), over extended coordinates

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point(data):
    """The point that 32 bytes encode; None when they encode none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or v * x * x % P != u or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


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


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(key, message, signature):
    """Whether 64 bytes are the key's signature; a key of small order signs nothing."""
    a, r = point(key), point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(key) != 32 or len(signature) != 64 or a is None or r is None or s >= L or same(times(8, a), (0, 1, 1, 0)):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(h, a)))


# --- checkpoints and keys (docs/ledger-format.md, section 5)


def unhex(text):
    if not re.fullmatch("([0-9a-f]{2})*", text):
        raise ValueError("hexadecimal in a second spelling")
    return bytes.fromhex(text)


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 in a second spelling")
    return data


def parse_key(text):
    """Origin, key id and the 32 bytes of a verifier key."""
    origin, key_id, encoded = text.strip().split("+", 2)
    data = unbase64(encoded)
    if len(data) != 33 or data[0] != 1 or sha(origin.encode() + b"\n" + data)[:4].hex() != key_id:
        raise ValueError("the verifier key is malformed")
    return origin, unhex(key_id), data[1:]


def signed_text(note, key):
    """The text of a signed note, if the key's signature is on it and holds; lines of other keys are ignored."""
    text, _, tail = note.rpartition("\n\n")
    if not tail.endswith("\n"):
        raise ValueError("not a signed note")
    for line in tail[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        blob = unbase64(encoded)
        if (dash, name, blob[:4]) == ("\u2014", key[0], key[1]) and is_signed(key[2], f"{text}\n".encode(), blob[4:]):
            return text + "\n"
    raise ValueError(f"not signed by the ledger's key: {text[:200]}")


def read_note(text):
    """Origin, size and root of a checkpoint."""
    lines = text.split("\n")
    if not re.fullmatch("0|[1-9][0-9]{0,14}", lines[1]) or len(unbase64(lines[2])) != 32:
        raise ValueError("not a checkpoint")
    return lines[0], int(lines[1]), unbase64(lines[2])


def open_note(note, rotations, newest):
    """Size and root of a checkpoint, signed by the key that was in force at its size."""
    _, size, root = read_note(note)
    key = next((old for at, old, _ in rotations if size <= at), newest)
    if read_note(signed_text(note, key)) != (key[0], size, root):
        raise ValueError("a checkpoint of another ledger")
    return size, root


def read_rotation(statement):
    """Record, old key and new key of a change of keys, which both have signed."""
    heading, origin, at, old, new = statement.split("\n")[:5]
    text = "\n".join((heading, origin, at, old, new)) + "\n"
    old, new = parse_key(old), parse_key(new)
    if heading != "charter/ledger/v1/key-rotation" or not origin == old[0] == new[0]:
        raise ValueError("not a statement about a change of keys")
    if signed_text(statement, old) != text or signed_text(statement, new) != text:
        raise ValueError("a change of keys says something else than what was signed")
    return int(at), old, new


def lead_from(known, rotations, newest):
    """Refuse a key from which changes that both keys signed do not lead to the newest one."""
    follow = all(a[2] == b[1] and a[0] < b[0] for a, b in zip(rotations, rotations[1:]))
    if not follow or (rotations and rotations[-1][2] != newest):
        raise ValueError("the changes of keys do not lead to the ledger's key")
    if known not in [*(old for _, old, _ in rotations), newest]:
        raise ValueError("the ledger has another key than the one given")


def notes(text):
    """The notes of a file of anchors (section 7): paragraphs in pairs, comments before them."""
    parts = [part for part in re.sub(r"(?m)^#.*\n", "", text).split("\n\n") if part.strip("\n")]
    if len(parts) % 2:
        raise ValueError("the anchors end within a checkpoint")
    return [f"{a.lstrip()}\n\n{b.rstrip()}\n" for a, b in zip(parts[::2], parts[1::2])]


class Tree:
    """RFC 6962 root of the leaves so far."""

    def __init__(self):
        self.size, self.nodes = 0, []

    def append(self, leaf):
        rest = self.size
        while rest & 1:
            leaf, rest = sha(b"\x01" + self.nodes.pop() + leaf), rest >> 1
        self.nodes.append(leaf)
        self.size += 1

    def root(self):
        if not self.nodes:
            return sha(b"")
        found = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            found = sha(b"\x01" + node + found)
        return found


# --- the capsule


def read_zip(data):
    """Place of each member; the file must be, byte for byte, the one plain way to write these members."""
    found, at, central = {}, 0, b""
    while data[at : at + 4] == b"PK\x03\x04":
        _, size, _, length = struct.unpack_from("<III H", data, at + 14)
        name, start = data[at + 30 : at + 30 + length], at + 30 + length
        with memoryview(data) as view, view[start : start + size] as part:
            common = struct.pack("<5H3I2H", 20, 0, 0, 0, 33, zlib.crc32(part), size, size, length, 0)
            whole = len(part) == size
        if not whole or data[at:start] != b"PK\x03\x04" + common + name or name.decode("ascii") in found:
            raise ValueError(f"the file is damaged at byte {at}")
        central += (
            b"PK\x01\x02" + struct.pack("<H", 0x314) + common + struct.pack("<3H2I", 0, 0, 0, 0o644 << 16, at) + name
        )
        found[name.decode("ascii")] = slice(start, start + size)
        at = start + size
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(found), len(found), len(central), at, 0)
    if data[at:] != central + end or list(found) != sorted(found):
        raise ValueError(f"the file is damaged at byte {at} or after")
    return found


class Check:
    """One capsule being checked: `bad` are findings, `open` is what was not there or not checked."""

    def __init__(self, data, say):
        self.data, self.say, self.bad, self.open = data, say, [], []
        self.members = read_zip(data)
        self.decisions, self.runs, self.named, self.signed = [], {}, set(), []
        self.gone, self.erasures = set(), set()
        self.rotations = []

    def read(self, name):
        return self.data[self.members[name]]

    def text(self, name):
        return self.read(name).decode("utf-8")

    def manifest(self):
        """Every member is the one listed; this verifier is the one in the capsule."""
        listed = json.loads(self.text("capsule.json"))
        if json.dumps(listed, sort_keys=True, separators=(",", ":")).encode() != self.read("capsule.json"):
            raise ValueError("capsule.json is not in its one form")
        strange = [name for name in self.members if not MEMBER.fullmatch(name)]
        if strange:
            raise ValueError(f"no capsule has a member {strange[0][:60]!r}")
        digests = {name: sha(self.read(name)).hex() for name in self.members if name != "capsule.json"}
        if listed != {"format": FORMAT, "members": digests}:
            wrong = sorted(n for n in {**listed["members"], **digests} if listed["members"].get(n) != digests.get(n))
            raise ValueError(f"members are not those that capsule.json lists: {', '.join(wrong) or 'its form'}")
        with open(__file__, "rb") as own:
            if own.read() != self.read("verify.py"):
                raise ValueError("the verifier in the capsule is not the one that is running: compare the two")
        if self.text("README.txt") != __doc__:
            raise ValueError("README.txt is not this verifier's")

    def records(self, key, stops):
        """Sections 2 to 4 and 6; returns tree and the roots at the sizes in `stops`."""
        tree, roots, ids = Tree(), {0: sha(b"")}, set()
        prev, last, place = b"0" * 64, b"", self.members["ledger/records.jsonl"]
        at = place.start
        while at < place.stop:
            stop = self.data.find(b"\n", at, place.stop)
            found = LINE.fullmatch(self.data[at:stop]) if stop >= 0 else None
            if found is None:
                raise ValueError(f"record {tree.size} is not in the one permitted form")
            header, committed, idem, kind, log, h_prev, seq, _, time, salt, body = found.groups()
            year, month, day, hour, minute, second = map(int, re.findall(rb"[0-9]+", time)[:6])
            datetime.datetime(year, month, day, hour, minute, second)
            if (log.decode(), h_prev, int(seq)) != (key[0], prev, tree.size) or time < last or idem in ids:
                raise ValueError(f"record {tree.size} is of another ledger, out of its place or time, or there twice")
            ids.add(idem)
            if body is None:
                self.gone.add(tree.size)
            elif sha(b"charter/ledger/v1/body\0" + bytes.fromhex(salt.decode()) + body).hex().encode() != committed:
                raise ValueError(f"the body of record {tree.size} is not the one that its header commits to")
            else:
                self.body(tree.size, kind.decode(), json.loads(body))
            tree.append(sha(b"\0" + header))
            prev, last, at = sha(b"\0" + header).hex().encode(), time, stop + 1
            if tree.size in stops:
                roots[tree.size] = tree.root()
        return tree, roots

    def body(self, seq, kind, body):
        for item in body.get("attachments", {}).values():
            name = "attachments/" + item["digest"][7:]
            if name not in self.members:
                self.open.append(f"record {seq}: {item['digest'][:19]} is not in the capsule")
            elif len(self.read(name)) != item["size"]:
                self.bad.append(f"record {seq}: its attachment has another size")
            self.named.add(name)
        if kind == "gate.decided":
            self.decisions.append((seq, body))
        elif kind == "run.opened":
            self.runs[body["run"]] = body
            self.named.update({f"ir/{body['ir'][7:]}.json", f"bundles/{body['bundle'][7:]}.json"})
        elif kind in {"statement.signed", "act.signed"}:
            self.signed.append((seq, body))
        elif kind == "ledger.erased":
            listed = body.get("records")
            self.erasures.update(
                at for at in (listed if isinstance(listed, list) else ()) if type(at) is int and at < seq
            )
        elif kind == "ledger.key-rotated":
            self.rotations.append(read_rotation(body["statement"]))
            if self.rotations[-1][0] != seq:
                raise ValueError(f"record {seq} changes the key at another place")

    def contents(self):
        """Attachments, compiled charters and policies are named by records and are what their names say."""
        for name in self.members:
            if re.match("attachments/|ir/|bundles/", name):
                digest = name.partition("/")[2].replace(".json", "")
                if sha(self.read(name)).hex() != digest or name not in self.named:
                    self.bad.append(f"{name} is not what its name says, or no record names it")
        for run in self.runs.values():
            ir = f"ir/{run['ir'][7:]}.json"
            bundle = f"bundles/{run['bundle'][7:]}.json"
            if ir not in self.members or bundle not in self.members:
                self.open.append(f"the compiled charter of {run['run']} is not in the capsule")
            elif json.loads(self.text(ir))["bundle"]["modules"] != json.loads(self.text(bundle))["modules"]:
                self.bad.append(f"the compiled charter of {run['run']} has other policies than the run recorded")

    def signatures(self):
        """Each signed statement holds under the key that its record names, found by its fingerprint."""
        keys = {}
        if "charter.trust.json" in self.members:
            for line in re.findall(r'"ssh-ed25519 ([A-Za-z0-9+/=]+)', self.text("charter.trust.json")):
                blob = base64.b64decode(line)
                keys["SHA256:" + base64.b64encode(sha(blob)).decode().rstrip("=")] = blob[-32:]
        for seq, body in self.signed:
            name = f"attachments/{body['envelope'][7:]}"
            if body["key"] not in keys or name not in self.members:
                self.open.append(f"record {seq}: the key or the envelope of {body['person']} is not in the capsule")
                continue
            envelope = json.loads(self.text(name))
            kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
            message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
            blobs = [base64.b64decode(item["sig"]) for item in envelope["signatures"]]
            holds = any(is_signed(keys[body["key"]], message, blob) for blob in blobs)
            if "sha256:" + sha(payload).hex() != body["statement"] or not holds:
                self.bad.append(f"record {seq}: {body['person']} has not signed what the record says")

    def redecide(self, opa):
        """Ask an engine about every recorded input again."""
        groups = {}
        for seq, body in self.decisions:
            names = (f"bundles/{body['bundle'][7:]}.json", f"attachments/{body['input'][7:]}")
            ir = f"ir/{self.runs.get(body['run'], {}).get('ir', '')[7:]}.json"
            if not set(names) <= set(self.members) or ir not in self.members:
                self.open.append(f"record {seq}: its policies or its input are not in the capsule")
            elif body["allow"] or body["evaluated"] or any(v["control"] != "gate" for v in body["violations"]):
                self.misfits(seq, body, json.loads(self.text(names[1])), json.loads(self.text(ir)))
                groups.setdefault(names[0], []).append((seq, body))
            else:
                self.say("not compared", f"record {seq} was denied by the gate itself, without a policy")
        done, by = 0, engine(opa)
        for bundle, group in groups.items() if by else ():
            policies = json.loads(self.text(bundle))
            plan = policies["data"]["charter"]["plan"]
            plan["revision"] = f"{plan['lifecycle']}-{bundle[8:24]}"
            for start in range(0, len(group), 200):
                part = group[start : start + 200]
                inputs = [self.text(f"attachments/{body['input'][7:]}") for _, body in part]
                try:
                    answers = list(by[1](policies, inputs))
                except Exception as error:  # an engine that fails has decided nothing
                    self.open.append(f"not made again: {len(part)} decisions, because {by[0]} failed: {error}")
                    continue
                if len(answers) != len(part):
                    self.bad.append(f"{by[0]} cannot compute a decision from every input of {bundle}")
                for (seq, body), answer in zip(part, answers):
                    done += 1
                    if answer.get("revision") != body["revision"] or form(answer) != form(body):
                        self.bad.append(f"record {seq}: {body['gate']} comes out otherwise than recorded")
        if by:
            self.say("re-decided", f"{done} of {len(self.decisions)} decisions, with {by[0]}")
        else:
            self.open.append("no decision was made again: there is no `opa` and no `regorus` here")
        if by and not groups:
            self.open.append("no decision was made again: there was none to compare")

    def misfits(self, seq, body, asked, ir):
        seen = (asked["transition"]["gate"], asked["transition"]["key"], asked["time"], asked["lifecycle"]["meaning"])
        gates = {gate["id"]: gate["controls"] for stage in ir["stages"] for gate in (stage["entry"], stage["exit"])}
        missing = body["allow"] and set(gates.get(body["gate"], ["?"])) - set(body["evaluated"])
        if seen != (body["gate"], body["key"], body["time"], ir["meaning"]) or missing:
            self.bad.append(f"record {seq}: {body['gate']} was decided on something else, or without a control")


def form(answer):
    """What a decision says, however numbers and lists are written."""

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        if isinstance(value, list):
            return [plain(part) for part in value]
        if isinstance(value, float) or (type(value) is int and abs(value) > 2**53):
            return repr(float(value))
        return value

    names = ("violations", "warnings", "obligations", "evaluated")
    lists = [sorted(json.dumps(plain(item), sort_keys=True) for item in answer.get(name, [])) for name in names]
    return answer["allow"], lists


def engine(opa):
    """Name of an engine and a function of policies and inputs; None when there is none."""
    opa = opa or os.environ.get("OPA_BIN") or shutil.which("opa")
    if opa:
        return f"opa ({opa})", lambda policies, inputs: ask_opa(opa, policies, inputs)
    try:
        import regorus
    except ImportError:
        return None

    def ask(policies, inputs):
        asked = regorus.Engine()
        for name, text in policies["modules"].items():
            asked.add_policy(name, text)
        asked.add_data_json(json.dumps(policies["data"]))
        for text in inputs:
            asked.set_input_json(text)
            yield json.loads(asked.eval_rule_as_json("data." + policies["entrypoint"].replace("/", ".")))

    return "regorus", ask


def ask_opa(opa, policies, inputs):
    """One `opa eval` for all inputs; without the functions that reach out of it, since the policies are not ours."""
    with tempfile.TemporaryDirectory() as folder:
        known = json.loads(subprocess.run([opa, "capabilities", "--current"], check=True, capture_output=True).stdout)
        known["builtins"] = [
            b for b in known["builtins"] if not re.match(r"http\.|net\.lookup|opa\.runtime", b["name"])
        ]
        files = {f"m{n}.rego": text for n, text in enumerate(policies["modules"].values())}
        files["data.json"] = '{"capsule":[%s],%s' % (",".join(inputs), json.dumps(policies["data"])[1:])
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        capabilities = os.path.join(folder, "capabilities")
        with open(capabilities, "w", encoding="utf-8") as file:
            json.dump({**known, "allow_net": []}, file)
        query = f"[d | x := data.capsule[_]; d := data.{policies['entrypoint'].replace('/', '.')} with input as x]"
        command = [opa, "eval", "--format=json", f"--capabilities={capabilities}"]
        command += [f"--data={os.path.join(folder, name)}" for name in files]
        answer = subprocess.run([*command, query], check=False, capture_output=True, timeout=600)
        if answer.returncode:
            raise OSError(f"opa failed: {(answer.stdout + answer.stderr).decode()[:400]}")
        return json.loads(answer.stdout)["result"][0]["expressions"][0]["value"]


def check_capsule(options, say):
    """Findings and gaps of a capsule."""
    with open(options.capsule, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        check = Check(data, say)
        check.manifest()
        key = parse_key(check.text("ledger/key.txt"))
        beside = notes(check.text("ledger/anchors.txt")) if "ledger/anchors.txt" in check.members else []
        mine = [note for path in options.pin for note in notes(read_text(path))]
        tree, roots = check.records(key, {read_note(note)[1] for note in [*mine, *beside]})
        lead_from(parse_key(read_text(options.key)) if options.key else key, check.rotations, key)
        size, root = open_note(check.text("ledger/checkpoint.txt"), check.rotations, key)
        pins = [open_note(note, check.rotations, key) for note in mine]
        held = [open_note(note, check.rotations, key) for note in beside]
        if (tree.size, tree.root()) != (size, root):
            check.bad.append("the records are not those that the final checkpoint signs")
        for at, expected in [*pins, *held]:
            if roots.get(at) != expected:
                check.bad.append(f"the first {at} records are not those of a kept checkpoint: rolled back or rewritten")
        check.contents()
        check.signatures()
        say("ledger", f"{key[0]}, {size} records, root {root.hex()}")
        say("key", f"{key[1].hex()}, {'as given' if options.key else 'as the capsule itself names it'}")
        changes = f", {len(check.rotations)} changes of the key by both keys" if check.rotations else ""
        kept = f"{len(pins)} of your pins, {len(held)} from beside the ledger"
        say("checkpoints", f"1 final, {kept}{changes}; each signature checked")
        say("people", f"signed statements: {len(check.signed)}, under keys of the trust root in the capsule")
        check.redecide(options.opa)
        if not any(at for at, _ in pins):
            check.open.append("not anchored: without a --pin of yours, a ledger that was signed anew as a whole passes")
        if check.gone & check.erasures:
            check.open.append(f"{len(check.gone & check.erasures)} bodies were erased, by a record that says why")
        if check.gone - check.erasures:
            first = ", ".join(map(str, sorted(check.gone - check.erasures)[:12]))
            count = len(check.gone - check.erasures)
            check.open.append(
                f"{count} bodies are MISSING WITHOUT ANY RECORD OF IT, the first of them: records {first}"
            )
        return check.bad, check.open if size else [*check.open, "the ledger is empty"]


def check_proof(options, say):
    """Section 8: one record, by its path to a signed root."""
    text = read_text(options.proof).rstrip("\n")
    proof = json.loads(text)
    members = {"format", "header", "salt", "body", "path", "checkpoint", "key"}
    form = json.dumps(proof, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if form != text or set(proof) - {"rotations"} != members or proof["format"] != "charter-proof/1":
        raise ValueError("not a proof in its one form")
    key, rotations = parse_key(proof["key"]), [read_rotation(item) for item in proof.get("rotations", [])]
    lead_from(parse_key(read_text(options.key)) if options.key else key, rotations, key)
    size, root = open_note(proof["checkpoint"], rotations, key)
    found = re.fullmatch(HEADER, proof["header"].encode())
    if found is None or found[4].decode() != key[0]:
        raise ValueError("header, key and checkpoint are not of one ledger")
    at, last, node = int(found[6]), size - 1, sha(b"\0" + proof["header"].encode())
    if at > last:
        raise ValueError("the record is beyond the checkpoint")
    for other in map(unhex, proof["path"]):  # RFC 9162, section 2.1.3.2
        if last == 0 or len(other) != 32:
            raise ValueError("the path is too long")
        if at & 1 or at == last:
            node = sha(b"\x01" + other + node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha(b"\x01" + node + other)
        at, last = at >> 1, last >> 1
    if last or node != root:
        raise ValueError("the path does not lead to the signed root")
    if (proof["salt"] is None) != (proof["body"] is None):
        raise ValueError("salt and body go together")
    if proof["body"] is not None:
        salt = unhex(proof["salt"])
        committed = sha(b"charter/ledger/v1/body\0" + salt + proof["body"].encode()).hex().encode()
        if len(salt) != 16 or committed != found[1]:
            raise ValueError("the body is not the one that the header commits to")
    _, _, kind, _, _, seq, about, time = (part.decode() for part in found.groups())
    say("record", f"{seq} of {key[0]}, {time}, {kind} about {about}")
    say("body", "shown, and the one committed to" if proof["body"] is not None else "not shown")
    return [], [] if options.key else ["signed by the key that the proof names itself: compare it, or give --key"]


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capsule", nargs="?")
    parser.add_argument("--proof", help="check the proof of one record instead")
    parser.add_argument("--key", help="the ledger's key (its ledger.pub), from a place that you trust")
    parser.add_argument("--pin", action="append", default=[], help="checkpoints that you have kept; repeatable")
    parser.add_argument("--opa", help="the opa command to decide with")
    options = parser.parse_args()
    if (options.capsule is None) == (options.proof is None):
        parser.error("name a capsule, or a proof with --proof")

    def say(name, text):
        print(f"{name:<13} {' '.join(text.split()).encode('ascii', 'backslashreplace').decode()}")

    try:
        bad, gaps = check_proof(options, say) if options.proof else check_capsule(options, say)
    except Exception as error:  # whatever is wrong with a hostile file, it is not accepted
        said = f"{error}" if isinstance(error, ValueError) else f"it cannot be read ({type(error).__name__}: {error})"
        bad, gaps = [said], []
    for text in bad:
        say("finding", text)
    for text in gaps:
        say("open", text)
    say("verdict", "REFUSED" if bad else "NOTHING WRONG, BUT INCOMPLETE" if gaps else "HOLDS")
    return 1 if bad else 6 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
