"""A torch module as data: a list of core ATen operators and its tensors, which runs without the code that made it.

Written by `torch.export`, whose own file format this is not: reading that one takes seconds of imports, and it
falls back to unpickling and evaluates expressions found in the file (docs/decisions/0003-model-file.md).
Here reading looks up operators by name among those that torch tags as core ATen, and nothing else can be
named. The program is differentiable, so gradients with respect to the inputs are at hand.
"""

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from charter.runtime.stages.api import StageRefused

if TYPE_CHECKING:
    from torch.fx import Node

VERSION = 1
_PYTHON: Mapping[str, Callable[..., Any]] = {
    name: getattr(operator, name) for name in ("add", "sub", "mul", "floordiv", "mod", "getitem")
}
"""Arithmetic on sizes, and picking one of several results."""
_ALSO: frozenset[str] = frozenset({"sym_size.int"})
"""Operators beyond the core that carry sizes only."""

Tensors = Mapping[str, torch.Tensor]


class Program(torch.nn.Module):
    """A program as a module: float32 features (rows, width) in, one logit a row out, (rows,)."""

    def __init__(self, document: Mapping[str, Any], tensors: Tensors) -> None:
        """Look up every operator.

        Args:
            document: as `write_program` made it.
            tensors: by the names in the document.

        Raises:
            StageRefused: the document is not a program, or names an operator outside the core.
        """
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(_buffer(name), tensor)
        try:
            self._input = str(document["input"])
            self._tensors = {str(name): _buffer(str(key)) for name, key in document["tensors"].items()}
            self._steps = [
                (str(step["name"]), _find(str(step["op"])), step["args"], step["kwargs"]) for step in document["steps"]
            ]
            self._output = str(document["output"])
            missing = set(self._tensors.values()) - {name for name, _ in self.named_buffers()}
        except (KeyError, TypeError, AttributeError) as error:
            raise StageRefused("not a program", f"the model's program is malformed near {error}.") from error
        if missing or document.get("version") != VERSION:
            raise StageRefused("not a program", "the model's program lacks tensors, or is of another version.")

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of the rows."""
        values: dict[str, Any] = {self._input: features}
        for name, key in self._tensors.items():
            values[name] = getattr(self, key)
        for name, function, args, kwargs in self._steps:
            values[name] = function(*_read(args, values), **_read(kwargs, values))
        logits: torch.Tensor = values[self._output]
        return logits


def write_program(module: torch.nn.Module, width: int) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The module's computation as a JSON document and tensors.

    Args:
        module: takes float32 (rows, width) for any number of rows; returns (rows,) or (rows, 1) logits.
        width: features a row.

    Raises:
        StageRefused: the computation depends on values (`if x.sum() > 0`), or needs what a program cannot hold.
    """
    example = torch.zeros(3, width)
    shapes = ({0: torch.export.Dim("rows", min=1)},)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch warns of its own use of what it deprecates
            whole = torch.export.export(_OneLogitARow(module).eval(), (example,), dynamic_shapes=shapes)
            exported = whole.run_decompositions()
    except Exception as error:  # torch.export raises many kinds; all mean the same to the author of a module
        raise StageRefused(
            "module cannot be exported",
            f"torch.export cannot turn the module into a program ({_first_line(error)}). A module's steps must not "
            "depend on the values of its input, and it must take any number of rows.",
        ) from error
    signature = exported.graph_signature
    held = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    state = {**exported.state_dict, **exported.constants}
    names = {node: state[key] for node, key in held.items()}
    nodes = list(exported.graph.nodes)
    steps = [
        {"name": node.name, "op": _name(node), "args": _write(node.args), "kwargs": _write(node.kwargs)}
        for node in nodes
        if node.op == "call_function" and not _is_assertion(node)
    ]
    document = {
        "version": VERSION,
        "input": signature.user_inputs[0],
        "tensors": {node: f"{index}" for index, node in enumerate(names)},
        "steps": steps,
        "output": signature.user_outputs[0],
    }
    return document, {f"{index}": tensor.detach().contiguous() for index, tensor in enumerate(names.values())}


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


class _OneLogitARow(torch.nn.Module):
    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.module(features)
        return logits.reshape(features.shape[0])


def _is_assertion(node: "Node") -> bool:
    """Checks that export added about its own example; they compute nothing."""
    return "_assert" in str(node.target)


def _name(node: "Node") -> str:
    target = node.target
    name = str(target).removeprefix("aten.") if "aten" in str(target) else getattr(target, "__name__", str(target))
    _find(name)
    return name


def _find(name: str) -> Callable[..., Any]:
    """The operator of that name, if a program may use it."""
    if name in _PYTHON:
        return _PYTHON[name]
    packet, _, overload = name.partition(".")
    if packet.isidentifier() and overload.isidentifier() and not packet.startswith("__"):
        function = getattr(getattr(torch.ops.aten, packet, None), overload, None)
        if isinstance(function, torch._ops.OpOverload) and (torch.Tag.core in function.tags or name in _ALSO):
            return function
    raise StageRefused(
        "operator outside the core",
        f"the model's program uses `{name}`, which is not one of torch's core ATen operators. Write the module with "
        "ordinary layers, without custom operators, control flow on values or randomness.",
    )


def _write(value: Any) -> Any:
    """An argument as JSON; what JSON has no form for is `{"kind": [...]}` with one key."""
    if isinstance(value, torch.fx.Node):
        return {"step": value.name}
    if isinstance(value, list | tuple):
        return [_write(item) for item in value]
    if isinstance(value, Mapping):
        return {"map": {key: _write(item) for key, item in value.items()}}
    if isinstance(value, float):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | str):
        return value
    for kind in (torch.dtype, torch.layout, torch.memory_format, torch.device):
        if isinstance(value, kind):
            return {"torch": "cpu" if kind is torch.device else str(value).removeprefix("torch.")}
    raise StageRefused(
        "module cannot be exported", f"the module's program has an argument of the type `{type(value).__name__}`."
    )


def _read(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(item, values) for item in value]
    if not isinstance(value, Mapping):
        return value
    ((kind, item),) = value.items()
    if kind == "step":
        return values[item]
    if kind == "map":
        return {key: _read(inner, values) for key, inner in item.items()}
    if kind == "float":
        return float(item)
    found = torch.device("cpu") if item == "cpu" else getattr(torch, str(item), None)
    if isinstance(found, torch.dtype | torch.layout | torch.memory_format | torch.device):
        return found
    raise StageRefused("not a program", f"the model's program names `{item}`, which is no type of torch.")


def _buffer(name: str) -> str:
    return f"tensor_{name}"
