"""The lifecycle graph as Mermaid or Graphviz text: stages by kind, gates with what they decide, artifacts."""

from collections.abc import Iterator

from charter.compiler.ir import IR, Control, Stage


def mermaid(ir: IR) -> str:
    """A Mermaid flowchart: stages are boxes, gates that decide something are the diamonds between them."""
    names = _names(ir)
    lines = ["flowchart TD"]
    for stage in ir.stages:
        lines.append(f'  {names[stage.id]}["{_mermaid(stage.id)}"]')
        for point, text in _gates(stage, ir):
            lines.append(f'  {names[stage.id]}_{point}{{"{_mermaid(text)}"}}')
        lines += (f"  {left} --> {right}" for left, right in _within(stage, names[stage.id]))
    for edge in ir.edges:
        label = f'|"{_mermaid(edge.artifact)}"|' if edge.artifact else ""
        lines.append(f"  {_exit(ir, names, edge.source)} -->{label} {_entry(ir, names, edge.target)}")
    return "\n".join(lines) + "\n"


def dot(ir: IR) -> str:
    """A Graphviz digraph with the same parts."""
    names = _names(ir)
    lines = [f"digraph {_quoted(ir.lifecycle.name)} {{", "  node [fontname=Helvetica];"]
    for stage in ir.stages:
        lines.append(f"  {names[stage.id]} [shape=box, label={_quoted(stage.id)}];")
        for point, text in _gates(stage, ir):
            lines.append(f"  {names[stage.id]}_{point} [shape=diamond, label={_quoted(text)}];")
        lines += (f"  {left} -> {right};" for left, right in _within(stage, names[stage.id]))
    for edge in ir.edges:
        label = f" [label={_quoted(edge.artifact)}]" if edge.artifact else " [style=dashed]"
        lines.append(f"  {_exit(ir, names, edge.source)} -> {_entry(ir, names, edge.target)}{label};")
    return "\n".join([*lines, "}"]) + "\n"


def _names(ir: IR) -> dict[str, str]:
    """A plain identifier for each stage; ids may hold characters that the formats read as syntax."""
    return {stage.id: f"s{number}" for number, stage in enumerate(ir.stages)}


def _gates(stage: Stage, ir: IR) -> Iterator[tuple[str, str]]:
    by_id = {control.id: control for control in ir.controls}
    for gate in (stage.entry, stage.exit):
        if gate.controls:
            yield gate.point, "\n".join(_text(by_id[control]) for control in gate.controls)


def _text(control: Control) -> str:
    return control.text


def _within(stage: Stage, name: str) -> Iterator[tuple[str, str]]:
    if stage.entry.controls:
        yield f"{name}_entry", name
    if stage.exit.controls:
        yield name, f"{name}_exit"


def _exit(ir: IR, names: dict[str, str], stage: str) -> str:
    has_gate = next(item for item in ir.stages if item.id == stage).exit.controls
    return f"{names[stage]}_exit" if has_gate else names[stage]


def _entry(ir: IR, names: dict[str, str], stage: str) -> str:
    has_gate = next(item for item in ir.stages if item.id == stage).entry.controls
    return f"{names[stage]}_entry" if has_gate else names[stage]


def _mermaid(text: str) -> str:
    """Text inside a quoted Mermaid label, with everything escaped that Mermaid or HTML reads as syntax."""
    escaped = "".join(
        character if character.isalnum() or character in " _-./,:=%()\n" else f"#{ord(character)};"
        for character in text
    )
    return escaped.replace("\n", "<br/>")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
