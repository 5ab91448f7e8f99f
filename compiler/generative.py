"""Models that make text: how they come to be, what they are told, and which of their stages no version can run yet.

All of it is resolved, proved and compiled like the rest of the language. The stages are in the graph and in the IR,
with their gates; the built-in behind them refuses by name.
"""

from typing import Any

from charter.compiler import model
from charter.compiler.normal import body_digest, normal_body

_MODULE = "charter.runtime.stages.generation"


def generation(kind: str) -> str:
    """The built-in that does the work of a stage of this kind on a generative model."""
    return f"{_MODULE}:{kind}"


def is_generation(callable_: str | None) -> bool:
    """Whether a stage's callable is one of those."""
    return callable_ is not None and callable_.startswith(f"{_MODULE}:")


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


def not_run_yet(charter: model.Charter) -> tuple[str, ...]:
    """Ids of the stages that are compiled and that this version cannot run, sorted."""
    made = {name for name, declared in charter.models.items() if declared.generative}
    live = {name for name, item in charter.deployments.items() if item.of and item.of.text in made}
    return tuple(
        sorted(
            {
                *(f"train/{name}" for name in made if _trained_by_us(charter.models[name])),
                *(f"evaluate/{item.name}" for item in charter.evaluations.values() if item.of and item.of.text in made),
                *(f"deploy/{name}" for name in live),
                *(f"monitor/{item.name}" for item in charter.monitors.values() if item.of and item.of.text in live),
            }
        )
    )


def _trained_by_us(declared: model.Model) -> bool:
    return needs_generation(declared) or declared.trainer_kind != "python"
