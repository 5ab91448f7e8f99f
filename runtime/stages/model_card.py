"""The model card: what the model is for, what it learnt from, how it was measured, and who let it through.

After Mitchell et al., Model Cards for Model Reporting (FAT* 2019). Everything in it comes from the charter, the
model file and the dossier of evidence and decisions; what is not known is said to be not known.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charter.runtime.stages.model_file import Model

_TEMPLATE = Path(__file__).with_name("model_card.md.j2")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~])")

_EVIDENCE = ("stage", "metric", "over", "each", "item", "value", "unit", "low", "high", "confidence", "method", "n")
_CONTROL = ("text", "gate")
_DECISION = ("gate", "allow", "time", "seq")


def card_document(name: str, spec: Mapping[str, Any], model: Model, dossier: Mapping[str, Any]) -> dict[str, Any]:
    """The card as data, for `model_card.json` and the template."""
    declarations = dossier.get("declarations", {})
    return {
        "deployment": name,
        "model": spec["model"],
        "lifecycle": dict(dossier.get("lifecycle", {})),
        "meaning": dossier.get("meaning"),
        "target": spec["target"],
        "protected": list(spec.get("protected", ())),
        "features": [{"name": item["name"], "kind": item["kind"]} for item in model.preprocessing["features"]],
        "trainer": model.trainer,
        "parameters": dict(model.parameters),
        "threshold": model.threshold,
        "datasets": [_dataset(key, body) for key, body in declarations.items() if key.startswith("dataset/")],
        "evidence": [{field: item.get(field) for field in _EVIDENCE} for item in dossier.get("evidence", ())],
        "controls": [{field: item.get(field) for field in _CONTROL} for item in dossier.get("controls", ())],
        "decisions": [{field: item.get(field) for field in _DECISION} for item in dossier.get("decisions", ())],
    }


def _dataset(key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": key.partition("/")[2],
        **{field: body[field] for field in ("origin", "license", "class", "basis") if field in body},
    }


def render_card(document: Mapping[str, Any]) -> str:
    """The card as Markdown; text from charter and data cannot become markup."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - Markdown, not HTML: `plain` is the escape, and applies to every expression
        finalize=_escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_TEMPLATE.read_text()).render(card=document, figure=_figure)


def _escaped(value: Any) -> str:
    """One line of text in which nothing is Markdown or HTML."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
