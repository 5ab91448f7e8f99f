"""Each export against its own specification, with the libraries of those who made it."""

import base64
import csv
import io
import json
import re
from hashlib import sha256

import jsonschema
import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from charter.runtime.audit.exports.lines import COLUMNS
from charter.runtime.ledger import Event, Ledger


@pytest.fixture
def export(audit):
    def call(form, *options, project=None, code=0):
        got, out, errors = audit("export", "--format", form, *options, project=project)
        assert got == code, errors
        return out

    return call


def test_lines(export, past):
    found = [json.loads(line) for line in export("jsonl").splitlines()]
    assert [item["seq"] for item in found] == list(range(69))
    assert [item["body"] for item in found] == [event.body for event in past.events]
    rows = list(csv.DictReader(io.StringIO(export("csv"))))
    assert [(row["seq"], row["id"]) for row in rows] == [(str(event.seq), event.idem) for event in past.events]
    assert json.loads(rows[30]["body"])["allow"] is False


def test_cloudevents(export, past):
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    found = json.loads(export("cloudevents"))
    for event, item in zip(past.events, found, strict=True):
        read = JSONFormat().read(CloudEvent, json.dumps(item))  # checks every attribute
        assert (read.get_id(), read.get_type()) == (event.idem, f"charter.audit.{event.kind}")
        assert (read.get_data(), read.get_subject()) == (event.body, event.subject)


def test_ocsf(export):
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.4.0")).get_class_schema("compliance_finding", profiles=[])
    validator = jsonschema.Draft202012Validator(schema)
    found = [json.loads(line) for line in export("ocsf").splitlines()]
    assert [list(validator.iter_errors(item)) for item in found] == [[]] * 25
    assert [item["metadata"]["sequence"] for item in found if item["compliance"]["status"] == "Fail"] == [30]
    assert list(validator.iter_errors({**found[0], "severity_id": "x"}))


def test_oscal(export):
    from trestle.oscal.assessment_results import Model

    text = export("oscal")
    found = Model.model_validate_json(text).assessment_results.results[0]
    assert (len(found.observations), len(found.findings)) == (25, 15)
    states = {item.title: item.target.status.state.value for item in found.findings}
    assert set(states.values()) == {"satisfied"}  # the denial was mended, and the latest decision counts
    with pytest.raises(ValueError):
        Model.model_validate_json(text.replace('"uuid"', '"uid"', 1))


def test_oscal_says_what_is_not_satisfied(export, own):
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        body = dict(next(event.body for event in ledger.events() if event.seq == 30))
        del body["attachments"]
        ledger.append([Event("gate.decided", "x", body)])
    document = json.loads(export("oscal", project=own))
    findings = document["assessment-results"]["results"][0]["findings"]
    bad = [item for item in findings if item["target"]["status"]["state"] == "not-satisfied"]
    assert [(item["title"], "must be >= 0.999" in item["description"]) for item in bad] == [("holdout.roc_auc", True)]


@pytest.fixture
def waived(own):
    """The project after the gate that denied (record 30) let the same breach pass under a waiver (record 69)."""
    with Ledger.open(own.ledger_path, key_path=own.ledger_key_path, origin="charter/loans") as ledger:
        body = dict(next(event.body for event in ledger.events() if event.seq == 30))
        del body["attachments"]
        warnings = [{**item, "waiver": "leeway"} for item in body["violations"]]
        warnings.append({"control": "advice", "code": "advised", "message": "only a warning"})
        ledger.append([Event("gate.decided", "x", {**body, "allow": True, "violations": [], "warnings": warnings})])
    return own


def test_a_waived_breach_is_not_met_in_ocsf(export, waived):
    found = json.loads(export("ocsf", project=waived).splitlines()[-1])
    compliance = found["compliance"]
    assert (compliance["status_id"], compliance["status"], found["metadata"]["sequence"]) == (2, "Warning", 69)
    (said,) = compliance["status_details"]
    assert "must be >= 0.999" in said and "waiver `leeway`" in said
    assert found["finding_info"]["desc"] == said
    assert found["message"].endswith("allowed")


def test_a_waived_breach_is_not_met_in_oscal(export, waived):
    from trestle.oscal.assessment_results import Model

    text = export("oscal", project=waived)
    Model.model_validate_json(text)
    (result,) = json.loads(text)["assessment-results"]["results"]
    bad = [item for item in result["findings"] if item["target"]["status"]["state"] == "not-satisfied"]
    assert [(item["title"], "waiver `leeway`" in item["description"]) for item in bad] == [("holdout.roc_auc", True)]
    said = result["observations"][-1]["description"]
    assert said.startswith("allowed: ") and "must be >= 0.999" in said and "every control was met" not in said


def test_in_toto_in_dsse(export, loans, past):
    from google.protobuf.json_format import Parse
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as Message

    (line,) = export("in-toto", "--sign-with", loans.root / "keys" / "oda.key").splitlines()
    envelope = json.loads(line)
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    pae = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    public = load_ssh_public_key((loans.root / "keys" / "oda.key.pub").read_bytes())
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), pae)
    Statement.copy_from_pb(Parse(payload, Message())).validate()
    statement = json.loads(payload)
    assert statement["predicate"]["verificationResult"] == "PASSED"
    packaged = next(body for _, body in past.results if body.stage == "deploy/production")
    assert statement["subject"][0]["digest"]["sha256"] == packaged.artifacts["package"].digest[7:]
    assert statement["predicate"]["inputAttestations"][0]["digest"]["sha256"] in {
        sha256(past.input(item.body)).hexdigest() for item in past.decisions
    }


def test_cyclonedx(export):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = export("cyclonedx")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace("machine-learning-model", "toy"))
    found = json.loads(text)
    model = next(item for item in found["components"] if item["type"] == "machine-learning-model")
    assert model["modelCard"]["modelParameters"]["datasets"] == [{"ref": "acquire/loans"}]
    assert "roc_auc" in {item["type"] for item in model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]}
    assert {"ref": "deploy/production", "dependsOn": ["acquire/loans", "train/scorecard"]} in found["dependencies"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "cloudevents", "ocsf", "oscal", "cyclonedx"])
def test_the_same_ledger_gives_the_same_bytes_and_they_are_inert(export, form):
    text = export(form)
    assert text == export(form)
    assert not re.search(r"[^\x20-\x7e\r\n]", text)


def test_wrong_arguments_and_empty_ledgers(audit, export, loans, tmp_path):
    assert audit("export", "--format", "xml")[0] == 2
    assert audit("export", "--format", "in-toto")[0] == 2
    assert audit("export", "--format", "csv", "--sign-with", "keys/oda.key")[0] == 2
    with Ledger.open(tmp_path / "l.db", key_path=tmp_path / "l.key", origin="charter/none", create=True):
        pass
    for form in ("oscal", "cyclonedx"):
        export(form, "--ledger", tmp_path / "l.db", code=6)
    export("in-toto", "--ledger", tmp_path / "l.db", "--sign-with", loans.root / "keys" / "oda.key", code=6)
    for form, text in (("jsonl", ""), ("csv", ",".join(COLUMNS) + "\n"), ("cloudevents", "[]\n"), ("ocsf", "")):
        assert export(form, "--ledger", tmp_path / "l.db", code=6).replace("\r", "") == text


def test_long_ledgers_show_how_far_it_is(audit, monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr("charter.runtime.cli.audit_table.Counter.show", lambda self, *at: told.append((self.noun, *at)))
    for module in ("past", "capsule"):
        monkeypatch.setattr(f"charter.runtime.audit.{module}.PROGRESS_EVERY", 30)
    assert audit("export", "--format", "jsonl")[0] == 0
    assert told == [("records read", 30, 69), ("records read", 60, 69)]
    audit("capsule", "-o", tmp_path / "a.zip")
    assert told[-1] == ("records packed", 60, 69)


@pytest.mark.parametrize(("group", "command", "goes_on"), [("audit", "export", False), ("", "run", True)])
def test_what_is_interrupted_says_what_goes_on(audit, monkeypatch, group, command, goes_on):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("click.Command.invoke", interrupt)
    code, _, errors = audit(command, *(["--format", "jsonl"] if group else []), group=group)
    assert (code, "`charter run` goes on" in errors) == (130, goes_on)
