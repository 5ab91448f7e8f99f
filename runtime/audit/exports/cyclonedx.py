"""CycloneDX 1.6 ML-BOM: the models that were trained and packaged, the data they learnt from, and what was measured."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from charter.runtime.audit.consequences import deployment, followed
from charter.runtime.audit.exports.source import Exported, identifier, last_time, latest_run
from charter.runtime.audit.past import Past, input_facts
from charter.runtime.events import EvidenceRecord
from charter.runtime.failure import ExitCode, Failure
from charter.runtime.report.trace import Index, Result, Start, trace
from charter.runtime.version import VERSION

SPECIFICATION = "1.6"


def cyclonedx(past: Past) -> Exported:
    """The latest result of each stage that acquired data, trained a model or packaged one, and what rests on what.

    Raises:
        Failure: no model was trained.
    """
    run, made = latest_run(past), followed(past)
    latest = {result.body.stage: result for result in made.results}
    trained = [result for stage, result in sorted(latest.items()) if stage.startswith("train/")]
    if run is None or not trained:
        raise Failure("nothing to export", "No model was trained yet.", exit_code=ExitCode.INCOMPLETE)
    data = [result for stage, result in sorted(latest.items()) if stage.startswith("acquire/")]
    packages = [result for stage, result in sorted(latest.items()) if stage.startswith("deploy/")]
    classes = _classes(past)
    known = {result.body.stage for result in (*data, *trained, *packages)}
    document = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{identifier(past, 'bom')}",
        "version": 1,
        "metadata": {
            "timestamp": last_time(past),
            "tools": {"components": [{"type": "application", "name": "Charter", "version": VERSION}]},
            "component": {"type": "application", "bom-ref": "system", "name": run.lifecycle, "version": run.version},
            "properties": _properties(ledger=past.ledger.origin, records=past.ledger.size, root=past.ledger.root.hex()),
        },
        "components": [
            *(_dataset(result, classes) for result in data),
            *(_model(made, result, known) for result in trained),
            *(_package(past, result) for result in packages),
        ],
        "dependencies": [
            {"ref": "system", "dependsOn": sorted(result.body.stage for result in packages or trained)},
            *(
                {"ref": result.body.stage, "dependsOn": _sources(made, result, known)}
                for result in (*data, *trained, *packages)
            ),
        ],
    }
    text = json.dumps(document, indent=1, ensure_ascii=True).encode() + b"\n"
    return Exported(text, f"{len(trained)} models, {len(data)} datasets, {len(packages)} packages")


def _component(kind: str, result: Result, artifact: str) -> dict[str, Any]:
    body = result.body
    found = {
        "type": kind,
        "bom-ref": body.stage,
        "name": body.stage.partition("/")[2],
        "version": str(body.iteration),
        "properties": _properties(record=result.seq, key=body.key),
    }
    if artifact in body.artifacts:
        digest = body.artifacts[artifact].digest.removeprefix("sha256:")
        found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    return found


def _dataset(result: Result, classes: dict[str, str]) -> dict[str, Any]:
    found = _component("data", result, "data")
    about: dict[str, Any] = {"type": "dataset", "name": found["name"]}
    if found["name"] in classes:
        about["classification"] = classes[found["name"]]
    return found | {"data": [about]}


def _model(made: Index, result: Result, known: set[str]) -> dict[str, Any]:
    used = [ref for ref in _sources(made, result, known) if ref.startswith("acquire/")]
    measured = [
        metric
        for row in trace(made, Start(result), forward=True)
        if row.result.body.stage.startswith("evaluate/") and not row.seen
        for metric in _metrics(row.result.body.evidence)
    ]
    card = {
        "modelParameters": {"datasets": [{"ref": ref} for ref in used]},
        "quantitativeAnalysis": {"performanceMetrics": measured},
    }
    return _component("machine-learning-model", result, "model") | {"modelCard": card}


def _package(past: Past, result: Result) -> dict[str, Any]:
    found = _component("file", result, "package")
    found["properties"] += _properties(live=str(deployment(past.state, result).live).lower())
    return found


def _metrics(evidence: Iterable[EvidenceRecord]) -> Iterator[dict[str, Any]]:
    for item in evidence:
        about: dict[str, Any] = {"type": item.metric, "value": str(item.value)}
        if where := ", ".join(part for part in (item.over and f"over {item.over}", item.item, item.on) if part):
            about["slice"] = where
        if item.low is not None and item.high is not None:
            about["confidenceInterval"] = {"lowerBound": item.low, "upperBound": item.high}
        yield about


def _sources(made: Index, result: Result, known: set[str]) -> list[str]:
    """What a result came from, among the components."""
    rows = trace(made, Start(result), forward=False)
    return sorted({row.result.body.stage for row in rows if row.result.body.stage in known} - {result.body.stage})


def _classes(past: Past) -> dict[str, str]:
    """How confidential each dataset is, as the charter told the gates."""
    found: dict[str, str] = {}
    for item in past.decisions:
        data = past.input(item.body) if item.body else None
        for dataset in input_facts(data).get("datasets", ()) if data else ():
            if isinstance(dataset, dict) and isinstance(dataset.get("class"), str):
                found[str(dataset.get("name"))] = dataset["class"]
    return found


def _properties(**values: object) -> list[dict[str, str]]:
    return [{"name": f"charter:{name}", "value": str(value)} for name, value in values.items()]
