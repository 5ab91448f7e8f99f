"""What is declared and has no effect: usually a forgotten `after`, or a name that was meant to be used."""

from collections.abc import Iterator
from typing import get_args

from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.controls import stages_named
from charter.compiler.ir import StageKind
from charter.compiler.passes.context import Context
from charter.compiler.passes.references import references
from charter.dsl import ast
from charter.dsl.diagnostics import Diagnostic
from charter.dsl.suggest import did_you_mean

_KINDS = get_args(StageKind)


def check_unused(context: Context) -> Iterator[Diagnostic]:
    """CH0405 never used (a warning), CH0110 and CH0408 a policy at no gate."""
    charter = context.charter
    used = {(kind, reference.target) for reference in references(charter) for kind in reference.kinds}
    misspelt = {kind for kind, name in used if name not in charter.by_kind[kind]}
    for kind in ("parameter", "role", "dataset", "prompt", "model"):
        if kind in misspelt:
            continue  # the unknown name may be meant for one of these
        for declared in charter.by_kind[kind].values():
            # What stands in an imported file or a baseline is there for others, too.
            own = declared.node.span.path == charter.file.span.path
            if own and (kind, declared.name) not in used:
                detail = f"Nothing refers to the {kind} `{declared.name}`. Use it, or remove it."
                yield warning("CH0405", declared.node.name.span, detail)
    yield from _gating_nothing(context)
    for policy in charter.policies.values():
        yield from _policy(policy, context)


def _gating_nothing(context: Context) -> Iterator[Diagnostic]:
    charter = context.charter
    if not charter.deployments or context.ancestry is None:
        return
    gates: tuple[tuple[str, model.Declared], ...] = (
        *(("evaluate", item) for item in charter.evaluations.values()),
        *(("approve", item) for item in charter.approvals.values()),
    )
    for stage, declared in gates:
        if f"{stage}/{declared.name}" not in context.deployed_after:
            detail = (
                f"No deployment waits for `{declared.name}`: the model goes live whatever it says. Name it in an "
                "`after` on the way to the deployment, or remove it."
            )
            yield warning("CH0405", declared.node.name.span, detail)


def _policy(policy: model.Policy, context: Context) -> Iterator[Diagnostic]:
    found = [stages_named(word.text, context.graph) for word in policy.before]
    for word, stages in zip(policy.before, found, strict=True):
        if not stages:
            yield _no_stage(word, policy, context)
    misspelt = any(word.text not in _KINDS for word, stages in zip(policy.before, found, strict=True) if not stages)
    if policy.before and not any(found) and not misspelt:
        detail = f"The policy `{policy.name}` stands at no gate, so it would never be asked. Name stages in `before`."
        yield error("CH0408", policy.node.name.span, detail)


def _no_stage(word: ast.Name, policy: model.Policy, context: Context) -> Diagnostic:
    kinds = sorted({node.kind for node in context.graph.nodes.values()})
    names = sorted({node.name for node in context.graph.nodes.values()})
    hint = did_you_mean(word.text, [*kinds, *names])
    listed = ", ".join(f"`{kind}`" for kind in kinds)
    detail = (
        f"No stage of this lifecycle is called `{word.text}`, and none is of that kind.{hint} Its kinds are {listed}; "
        "the name of a declaration means all its stages."
    )
    return error("CH0110", word.span, detail)
