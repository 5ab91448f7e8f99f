"""Licences: no rows whose licence forbids commercial use are on the way to a commercial deployment.

A deployment is commercial unless it says `use non-commercial`. Whatever its model has learnt from, was measured on
before it, or is watched with counts as used for it. What one dataset says of a file holds for all that read it.
"""

from collections.abc import Iterator
from itertools import islice

from charter.compiler import clauses as read
from charter.compiler import model
from charter.compiler.codes import error, warning
from charter.compiler.licences import PERMITTED, commercial_use
from charter.compiler.passes.context import Context
from charter.dsl.diagnostics import Diagnostic, Related
from charter.dsl.messages import shorten
from charter.dsl.suggest import closest

_MOST_RELATED = 5


def check_licences(context: Context) -> Iterator[Diagnostic]:
    """CH1308 non-commercial rows in commercial use, CH1309 a licence that nobody knows."""
    uses = _commercial_uses(context)
    used: dict[str, list[model.Deployment]] = {}
    for dataset in context.charter.datasets.values():
        licence = read.text(dataset.clause("license"), "value")
        use = commercial_use(licence.value) if licence is not None else "own terms"
        if licence is None or use in ("permitted", "own terms"):
            continue
        file = context.charter.data_file(dataset)
        if not file or file not in used:
            found = (item for same in context.charter.of_same_file(dataset) for item in _used_for(same, uses, context))
            used[file] = list(islice({item.name: item for item in found}.values(), _MOST_RELATED))
        deployments = used[file]
        if use == "forbidden" and deployments:
            names = ", ".join(f"`{item.name}`" for item in deployments)
            detail = (
                f"The licence of `{dataset.name}` forbids commercial use, and its rows are used for {names}. Take "
                "other rows, ask for another licence, or say `use non-commercial` in the deployment if it is so."
            )
            related = (Related(item.node.header_span, "a commercial deployment") for item in deployments)
            yield error("CH1308", licence.span, detail, *related)
        elif deployments:
            meant = closest(licence.value.lower(), _OFTEN_MEANT)
            hint = f" Did you mean `{_OFTEN_MEANT[meant]}`?" if meant else ""
            detail = (
                f"Nothing is known of the licence `{shorten(licence.value)}`, so whether it permits commercial use is "
                f"not checked.{hint} Write its SPDX identifier, or `LicenseRef-NAME` for terms that you have read."
            )
            yield warning("CH1309", licence.span, detail)


_CREATIVE_COMMONS = (f"CC-BY{kind}-4.0" for kind in ("", "-SA", "-ND", "-NC", "-NC-SA", "-NC-ND"))
_OFTEN_MEANT = {name.lower(): name for name in (*sorted(PERMITTED), *_CREATIVE_COMMONS)}


def _commercial_uses(context: Context) -> dict[str, tuple[model.Deployment, list[str]]]:
    """Every commercial deployment by name, with the stages that count as its use: itself, and what watches it."""
    found = {
        item.name: (item, [f"deploy/{item.name}"])
        for item in context.charter.deployments.values()
        if is_commercial(item)
    }
    for monitor in context.charter.monitors.values():
        if monitor.of is not None and monitor.of.text in found:
            found[monitor.of.text][1].append(f"monitor/{monitor.name}")
    return found


def _used_for(
    dataset: model.Dataset, uses: dict[str, tuple[model.Deployment, list[str]]], context: Context
) -> Iterator[model.Deployment]:
    if context.ancestry is None:
        return
    for deployment, stages in uses.values():
        if context.ancestry.precedes(f"acquire/{dataset.name}", stages):
            yield deployment


def is_commercial(deployment: model.Deployment) -> bool:
    """Unless it says otherwise."""
    return read.word(deployment.clause("use"), "kind") != "non-commercial"
