"""Importing a stage costs nothing heavy: libraries are imported by the work that needs them."""

import subprocess
import sys

import pytest

LIGHT = (
    *("acquire", "prepare", "validate", "split", "train", "evaluate", "deploy", "monitor", "retire"),
    *("serving", "model_file"),
)
HEAVY = (
    *("torch", "pandas", "numpy", "pyarrow", "sklearn", "scipy", "fairlearn"),
    *("onnx", "onnxruntime", "fastapi", "jsonschema", "jinja2"),
)


@pytest.mark.parametrize("module", LIGHT)
def test_nothing_heavy_at_import(module: str) -> None:
    code = f"import sys; import charter.runtime.stages.{module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_serving_needs_no_torch() -> None:
    """The server, ready to answer, has neither torch nor pandas."""
    code = (
        "import sys, charter.runtime.stages.server as s, onnxruntime, fastapi, uvicorn; "
        "print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
