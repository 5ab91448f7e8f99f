"""What starting costs: `charter --version`, `charter check`, and which heavy packages a check imports."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measure import CHARTER, ROOT, NotMeasured, interleaved, seconds
from bench.table import Row

EXAMPLE = Path("examples/credit-risk/credit-risk.charter")

FORBIDDEN = frozenset({"torch", "aiohttp", "fastapi", "flask", "httpx", "requests", "starlette", "uvicorn"})
"""torch and web libraries: `charter check` never imports them."""

HEAVY = FORBIDDEN | {
    "cryptography", "jinja2", "jsonschema", "networkx", "numpy", "onnx", "onnxruntime", "opa_client", "pandas",
    "psutil", "pyarrow", "regorus", "rich", "scipy", "sklearn",
}  # fmt: skip


def imported(command: Sequence[str], cwd: Path = ROOT, *, ends: int = 0) -> frozenset[str]:
    """Top-level packages that `python -m charter...` imports, by the interpreter's own account (`-X importtime`).

    Raises:
        NotMeasured: the command ended otherwise than it should.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:]],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != ends:
        raise NotMeasured(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-300:]}")
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return frozenset(line.rpartition("|")[2].strip().partition(".")[0] for line in lines)


def rows(*, runs: int = 5) -> list[Row]:
    """Figures of starting."""
    python = sys.executable
    version = interleaved(
        {
            "charter": lambda: seconds([*CHARTER, "--version"], ROOT),
            "python": lambda: seconds([python, "-c", "pass"], ROOT),
        },
        runs * 4,
    )
    check = interleaved(
        {
            "charter": lambda: seconds([*CHARTER, "check", EXAMPLE], ROOT),
            "lark": lambda: seconds([python, "-c", "import lark"], ROOT),
        },
        runs * 2,
    )
    found = imported([*CHARTER, "check", str(EXAMPLE)])
    wrong, heavy = sorted(found & FORBIDDEN), sorted(found & HEAVY)
    return [
        Row("charter --version", version["charter"], "s", "python -c pass", version["python"],
            version["charter"] / version["python"], "<= 2.5"),
        Row("charter check, credit-risk (target of a later version)", check["charter"], "s", "python -c 'import lark'",
            check["lark"], check["charter"] / check["lark"], "<= 5"),
        Row(f"torch and web packages that charter check imports: {', '.join(wrong) or 'none'}", len(wrong), "packages",
            target="== 0"),
        Row(f"other heavy packages that it imports: {', '.join(heavy) or 'none'}", len(heavy), "packages"),
    ]  # fmt: skip
