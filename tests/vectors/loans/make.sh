#!/bin/sh
# Makes this folder anew: a real lifecycle with one denial, one approval and one deployment, as frozen for the audit
# tests. Run it from the repository's root; it needs the [ml] extra and takes about a minute. The keys are for tests only.
set -eu
here=$(pwd)
charter="$here/.venv/bin/charter"
made=/tmp/loans
rm -rf "$made" && mkdir -p "$made" && cd "$made"
awk '/^```charter loans.charter/{p=1;next}/^```/{p=0}p' "$here/README.md" > loans.charter
awk '/^```python make_data.py/{p=1;next}/^```/{p=0}p' "$here/README.md" > make_data.py
sed -i 's/range(2000)/range(1200)/' make_data.py
"$here/.venv/bin/python" make_data.py && rm make_data.py
mkdir -m 700 keys
for who in oda emil rita; do "$charter" keys new keys/$who.key; done
"$charter" trust init --person oda@bank.example --name 'Oda Owner' --key keys/oda.key.pub --sign-with keys/oda.key
"$charter" trust add emil@bank.example --name 'Emil Engineer' --key keys/emil.key.pub --sign-with keys/oda.key
"$charter" trust add rita@bank.example --name 'Rita Risk' --key keys/rita.key.pub --role risk-officer --sign-with keys/oda.key
"$charter" run --key keys/emil.key --set min-auc=0.999 || test $? = 1
"$charter" run --key keys/emil.key || test $? = 5
"$charter" approve release --key keys/rita.key --yes
"$charter" run --key keys/emil.key
# Kept are the events (whatever form ledgers have, tests append them to one) and the compiled charters.
out="$here/tests/vectors/loans"
"$here/.venv/bin/python" - "$out/events.jsonl" <<'P'
import json, sys
from pathlib import Path
from charter.runtime.ledger import Ledger

with Ledger.open_read_only(Path(".charter/ledger.db")) as ledger, open(sys.argv[1], "w") as file:
    for event in ledger.events():
        body = dict(event.body)
        attached = {name: ledger.attachment(item["digest"]).decode() for name, item in body.pop("attachments", {}).items()}
        kept = {"kind": event.kind, "subject": event.subject, "time": event.time, "body": body, "attachments": attached}
        file.write(json.dumps(kept, sort_keys=True) + "\n")
P
rm -rf "$out/compiled" "$out/keys" && mkdir "$out/compiled"
for file in $(grep -l '"bundle":{' -r .charter/store); do
  cp "$file" "$out/compiled/$(sha256sum < "$file" | cut -c-64).json" && chmod u+w "$out/compiled"/*
done
cp -r keys loans.charter loans.csv charter.trust.json "$out"
