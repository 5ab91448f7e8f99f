"""Models that make text: how they come to be, what they are told, and which of their stages no version can run yet.

All of it is resolved, proved and compiled like the rest of the language. The stages are in the graph and in the IR,
with their gates, and refuse (`charter.compiler.not_run`).
"""

from collections.abc import Iterator
from typing import Any

from charter.compiler import model
from charter.compiler.normal import body_digest, normal_body


def needs_generation(declared: model.Model) -> bool:
    """Whether making the model takes more than a trainer of the team's own."""
    return declared.hosted is not None or declared.checkpoint is not None or declared.aligned_with is not None


def made_of(declared: model.Model, charter: model.Charter) -> dict[str, Any]:
    """How a model comes to be: the checkpoint, the address, the preferences; with the prompts it is used with."""
    made: dict[str, Any] = told(declared, charter)
    if declared.checkpoint is not None:
        made["fine-tuned from"] = {"checkpoint": declared.checkpoint.value, "method": declared.method}
    if declared.aligned_with is not None:
        made["aligned with"] = declared.aligned_with.text
    if declared.hosted is not None:
        hosted = declared.hosted
        made["hosted at"] = {
            "address": hosted.address.value if hosted.address else "",
            "model": hosted.model,
            "secret": hosted.secret.value if hosted.secret else None,
        }
    return made


def told(declared: model.Model, charter: model.Charter) -> dict[str, Any]:
    """The prompts of a model, by their texts and digests: another word in one is another model to whoever uses it."""
    prompts = (charter.prompts.get(name.text) for name in declared.prompts)
    return {"prompts": [_prompt(prompt, charter) for prompt in prompts if prompt is not None]}


def _prompt(prompt: model.Prompt, charter: model.Charter) -> dict[str, Any]:
    body = {key: value for key, value in normal_body(prompt, charter).items() if key != "version"}
    return {"name": prompt.name, "digest": body_digest("prompt", prompt.name, body), **body}


def text_only(charter: model.Charter) -> frozenset[str]:
    """Names of the datasets that are used by models which make text, and by no others."""
    by_task: dict[bool, set[str]] = {True: set(), False: set()}
    for declared in charter.models.values():
        by_task[declared.generative] |= {reference.parts[0] for reference, _ in declared.rows()}
    for evaluation in charter.evaluations.values():
        measured = charter.models.get(evaluation.of.text) if evaluation.of else None
        if measured is not None and evaluation.on is not None:
            by_task[measured.generative].add(evaluation.on.parts[0])
    return frozenset(by_task[True] - by_task[False])


def not_made(charter: model.Charter) -> Iterator[tuple[str, str]]:
    """Ids of the stages that this version cannot run because they make text, each with what it is asked for."""
    made = {name for name, declared in charter.models.items() if declared.generative}
    for name in made:
        yield from ((f"train/{name}", why) for why in _ways(charter.models[name]))
    for evaluation in charter.evaluations.values():
        if evaluation.of and evaluation.of.text in made:
            yield f"evaluate/{evaluation.name}", "the evaluation of texts that a model makes"
    for deployment in charter.deployments.values():
        if deployment.of and deployment.of.text in made:
            yield f"deploy/{deployment.name}", "the deployment of a model that makes text"
    for monitor in charter.monitors.values():
        if charter.watched(monitor) in made:
            yield f"monitor/{monitor.name}", "a monitor of texts that a model makes"


def _ways(declared: model.Model) -> Iterator[str]:
    if needs_generation(declared):
        yield from (f"`{way}`" for way in ("fine-tuned from", "aligned with", "hosted at") if declared.clause(way))
    elif declared.trainer_kind != "python":
        yield "the training of a model that makes text"
