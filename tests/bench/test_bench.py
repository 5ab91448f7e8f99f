"""The benchmarks measure real work: every tool does all of it, and the verdicts say what was measured."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `pytest` does not put it there; `python -m pytest` does
    sys.path.append(str(ROOT))

from bench.__main__ import as_json, number, verdict  # noqa: E402
from bench.lifecycle import SHELL, snakemake, snakemake_command, tools  # noqa: E402
from bench.measure import CHARTER, NotMeasured, interleaved, seconds  # noqa: E402
from bench.startup import EXAMPLE, FORBIDDEN, imported  # noqa: E402
from bench.table import Row  # noqa: E402
from bench.workloads import Workload, chain, expected, snakemake_project, wide  # noqa: E402

from charter.runtime.project import Project  # noqa: E402
from charter.runtime.session import recorded_events  # noqa: E402
from charter.runtime.store import ArtifactStore  # noqa: E402

SMALL = (chain(4), wide(2, 3))


def test_graphs_have_the_announced_shape():
    assert len(chain(100).graph) == 100
    assert sum(map(len, chain(100).graph.values())) == 99
    graph = wide(10, 20).graph
    assert len(graph) == 200
    assert sum(not needs for needs in graph.values()) == 20
    assert sum(map(len, graph.values())) == 180 * 2
    known: set[str] = set()
    for stage, needs in graph.items():
        assert known.issuperset(needs)
        known.add(stage)


@pytest.mark.parametrize("workload", SMALL, ids=lambda item: item.name)
@pytest.mark.parametrize("name", [SHELL, "the same without the record", "Luigi"])
def test_baselines_do_all_the_work_once(tmp_path: Path, workload: Workload, name: str):
    if name == "Luigi":
        pytest.importorskip("luigi")
    tool = tools(workload, tmp_path)[name]
    for _ in range(2):
        tool.cold()
        for stage in workload.graph:
            assert (tool.at / stage).read_text() == expected(workload.graph, stage)
    times = {stage: (tool.at / stage).stat().st_mtime_ns for stage in workload.graph}
    tool.again()
    assert times == {stage: (tool.at / stage).stat().st_mtime_ns for stage in workload.graph}
    if name == SHELL:
        records = [json.loads(line) for line in (tool.at / "records").read_text().splitlines()]
        assert {record["stage"] for record in records} == set(workload.graph)
        assert len(records) == len(workload.graph)


def test_the_shell_baseline_redoes_what_was_changed_by_hand(tmp_path: Path):
    tool = tools(SMALL[0], tmp_path)[SHELL]
    tool.cold()
    (tool.at / "s0001").write_text("edited\n")
    tool.again()
    assert (tool.at / "s0001").read_text() == expected(SMALL[0].graph, "s0001")
    assert len((tool.at / "records").read_text().splitlines()) == len(SMALL[0].graph) + 1


@pytest.mark.parametrize("workload", SMALL, ids=lambda item: item.name)
def test_charter_does_the_same_work_with_gates_and_records(tmp_path: Path, workload: Workload):
    tool = tools(workload, tmp_path)["Charter"]
    tool.cold()
    project = Project(tool.at)
    events = list(recorded_events(project))
    finished = {event.body["stage"]: event.body for event in events if event.kind == "stage.finished"}
    assert len(finished) == len(workload.graph)
    for stage in workload.graph:
        digest = finished[f"acquire/{stage}"]["artifacts"]["data"]["digest"]
        assert ArtifactStore(project.store).read(digest).decode() == expected(workload.graph, stage)
    decided = [event.body for event in events if event.kind == "gate.decided"]
    assert sorted(body["point"] for body in decided) == sorted(["entry", "exit"] * len(workload.graph))
    assert all(body["allow"] for body in decided)
    tool.again()
    after = list(recorded_events(project))
    assert sum(event.kind == "stage.finished" for event in after) == len(workload.graph)


def test_the_snakefile_names_every_stage(tmp_path: Path):
    path = snakemake_project(tmp_path / "it", SMALL[1].graph)
    text = path.read_text()
    assert all(f"rule {stage}:" in text for stage in SMALL[1].graph)


@pytest.mark.skipif(
    snakemake_command() is None, reason="snakemake is not installed (`python -m bench --install-peers`)"
)
def test_snakemake_does_all_the_work(tmp_path: Path):
    tool = snakemake(SMALL[0], tmp_path)
    tool.cold()
    for stage in SMALL[0].graph:
        assert (tool.at / stage).read_text() == expected(SMALL[0].graph, stage)


def test_a_failed_command_is_no_figure(tmp_path: Path):
    with pytest.raises(NotMeasured, match="ended with 3"):
        seconds([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_rounds_are_interleaved_and_the_first_is_not_counted():
    turns = iter([100.0, 200.0, 1.0, 2.0, 3.0, 4.0])
    order: list[str] = []

    def task(name: str):
        def run() -> float:
            order.append(name)
            return next(turns)

        return run

    assert interleaved({"a": task("a"), "b": task("b")}, 2) == {"a": 2.0, "b": 3.0}
    assert order == ["a", "b"] * 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row("x", 1, "s", "y", 1, 1.0, "<= 3"), "met"),
        (Row("x", 4, "s", "y", 1, 4.0, "<= 3"), "NOT MET"),
        (Row("x", 4, "s", "y", 8, 0.5, ">= 0.5"), "met"),
        (Row("x", 0, "packages", target="== 0"), "met"),
        (Row("x", 1, "packages", target="== 0"), "NOT MET"),
        (Row("x", 1, "s", "y", None, None, "<= 3"), "no baseline"),
        (Row("x", 1, "s", "y", None, 1.0, "<= 3"), "no baseline"),
        (Row("x", 1, "s", target="quick"), "unclear target"),
        (Row("x", 1, "s"), ""),
    ],
)
def test_verdicts(row: Row, said: str):
    assert verdict(row) == said
    listed = json.loads(as_json({"startup": [row]}, {"gates": "why"}, "here"))
    assert listed["rows"][0]["verdict"] == said
    assert listed["not_measured"] == {"gates": "why"}


def test_numbers_show_three_digits():
    assert [number(value) for value in (None, 0.01234, 12345.6, 0)] == ["", "0.0123", "12,346", "0"]


@pytest.mark.parametrize("arguments", [["--version"], ["check", str(EXAMPLE)], ["--help"]], ids=lambda item: item[0])
def test_light_commands_import_neither_torch_nor_web_libraries(arguments: list[str]):
    found = imported([*CHARTER, *arguments])
    assert "charter" in found, "the account of imports is empty, so it shows nothing"
    assert not found & FORBIDDEN


def test_the_version_needs_no_command_line_library():
    assert not imported([*CHARTER, "--version"]) & {"click", "lark", "msgspec", "rich", "cryptography", "apsw"}
