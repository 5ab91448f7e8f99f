"""Large charters: time grows with the text, and mistakes without end are cut off."""

import cProfile
import pstats
import sys
import time
from pathlib import Path

from base import BASE, CASES

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `pytest` does not put it there; `python -m pytest` does
    sys.path.append(str(ROOT))

from bench.charters import charter, lines_for  # noqa: E402

from charter.compiler.compile import check_charter, compile_charter  # noqa: E402


def large(size: int) -> str:
    parts = ["charter 1", *BASE.values()]
    for i in range(size):
        parts.append(
            f"evaluation e{i} of scorecard on applications.test {{\n  require roc_auc >= 0.75\n"
            "  require demographic_parity_ratio over sex >= 0.8\n}"
        )
        parts.append(f"deployment p{i} of scorecard {{\n  after e{i}, release\n}}")
        parts.append(f"monitor w{i} of p{i} every 1 day {{\n  require psi of each feature <= 0.2\n}}")
        parts.append(
            f'objective o{i} {{\n  problem "x"\n  hazard "h" {{\n    likelihood low\n    impact low\n'
            f"    mitigated by e{i}\n  }}\n}}"
        )
    whens = "".join(f"  when w{i}.psi > 0.3\n" for i in range(size))
    return "\n\n".join([*parts, f"retirement of scorecard {{\n{whens}}}"]) + "\n"


def seconds(size: int) -> float:
    started = time.process_time()
    result = check_charter(CASES / "any.charter", as_text=large(size))
    assert result.draft is not None, result.diagnostics
    return time.process_time() - started


def test_time_grows_with_the_text():
    seconds(1)
    small, big = seconds(30), seconds(150)
    assert big < small * 5 * 2.5, "five times the declarations took far more than five times as long"


def calls(declarations: int, tmp_path: Path) -> dict[str, int]:
    """How often each function is called in a compilation: a measure that no other load on the machine disturbs."""
    text = charter(lines_for(declarations))
    (tmp_path / "data.csv").write_text("sex,age_group,outcome\n")
    profile = cProfile.Profile()
    profile.enable()
    result = compile_charter(tmp_path / "any.charter", as_text=text)
    profile.disable()
    assert result.ir is not None, result.diagnostics
    stats: dict[tuple[str, int, str], tuple[int, int]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return {f"{Path(file).name}:{line}:{name}": counts[1] for (file, line, name), counts in stats.items()}


def test_no_function_is_called_more_than_in_proportion(tmp_path: Path):
    calls(4, tmp_path)
    small, big = calls(60, tmp_path), calls(240, tmp_path)
    steep = {name: (small.get(name, 0), count) for name, count in big.items() if count > 600}
    assert not {name: pair for name, pair in steep.items() if pair[1] > 4 * 1.2 * max(pair[0], 100)}


def test_mistakes_without_end_are_cut_off():
    parts = [f"evaluation e{i} of scorecrad on aplications.test {{\n  require roc_auk >= 75\n}}" for i in range(3000)]
    text = "\n\n".join(["charter 1", *BASE.values(), *parts]) + "\n"
    started = time.process_time()
    result = compile_charter(CASES / "any.charter", as_text=text)
    assert time.process_time() - started < 20
    assert sum(item.severity == "error" for item in result.diagnostics) == 201
    assert "CH0040" in {item.code for item in result.diagnostics}
