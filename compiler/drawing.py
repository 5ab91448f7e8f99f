"""The lifecycle graph as Mermaid or Graphviz text: stages by kind, gates with what they decide, artifacts."""

from collections.abc import Iterator, Mapping

from charter.compiler.ir import IR, Stage


def mermaid(ir: IR) -> str:
    """A Mermaid flowchart: stages are boxes, gates that decide something are the diamonds between them."""
    names = _names(ir)
    texts = {control.id: control.text for control in ir.controls}
    entering, leaving = _ends(ir, names)
    lines = ["flowchart TD"]
    for stage in ir.stages:
        lines.append(f'  {names[stage.id]}["{_mermaid(stage.id)}"]')
        for point, text in _gates(stage, texts):
            lines.append(f'  {names[stage.id]}_{point}{{"{_mermaid(text)}"}}')
        lines += (f"  {left} --> {right}" for left, right in _within(stage, names[stage.id]))
    for edge in ir.edges:
        label = f'|"{_mermaid(edge.artifact)}"|' if edge.artifact else ""
        lines.append(f"  {leaving[edge.source]} -->{label} {entering[edge.target]}")
    return "\n".join(lines) + "\n"


def dot(ir: IR) -> str:
    """A Graphviz digraph with the same parts."""
    names = _names(ir)
    texts = {control.id: control.text for control in ir.controls}
    entering, leaving = _ends(ir, names)
    lines = [f"digraph {_quoted(ir.lifecycle.name)} {{", "  node [fontname=Helvetica];"]
    for stage in ir.stages:
        lines.append(f"  {names[stage.id]} [shape=box, label={_quoted(stage.id)}];")
        for point, text in _gates(stage, texts):
            lines.append(f"  {names[stage.id]}_{point} [shape=diamond, label={_quoted(text)}];")
        lines += (f"  {left} -> {right};" for left, right in _within(stage, names[stage.id]))
    for edge in ir.edges:
        label = f" [label={_quoted(edge.artifact)}]" if edge.artifact else " [style=dashed]"
        lines.append(f"  {leaving[edge.source]} -> {entering[edge.target]}{label};")
    return "\n".join([*lines, "}"]) + "\n"


def _names(ir: IR) -> dict[str, str]:
    """A plain identifier for each stage; ids may hold characters that the formats read as syntax."""
    return {stage.id: f"s{number}" for number, stage in enumerate(ir.stages)}


def _ends(ir: IR, names: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Where edges end and begin: at the gate, where one decides something, or else at the stage itself."""
    entering = {item.id: f"{names[item.id]}_entry" if item.entry.controls else names[item.id] for item in ir.stages}
    leaving = {item.id: f"{names[item.id]}_exit" if item.exit.controls else names[item.id] for item in ir.stages}
    return entering, leaving


def _gates(stage: Stage, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for gate in (stage.entry, stage.exit):
        if gate.controls:
            yield gate.point, "\n".join(texts[control] for control in gate.controls)


def _within(stage: Stage, name: str) -> Iterator[tuple[str, str]]:
    if stage.entry.controls:
        yield f"{name}_entry", name
    if stage.exit.controls:
        yield name, f"{name}_exit"


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
