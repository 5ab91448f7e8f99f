"""What is shipped: every package is listed, and a wheel from a clean copy has all its data files."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("dsl", "compiler", "runtime", "policies")


def _tracked() -> list[Path]:
    """Files of the four packages that version control knows: a stray file in the working tree ships nowhere."""
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so what belongs to the project is unknown")
    return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_every_package_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    present = {"charter." + ".".join(path.parent.parts) for path in _tracked() if path.name == "__init__.py"}
    assert present == set(listed)


def test_a_wheel_from_a_clean_copy_has_everything(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in [*_tracked(), Path("pyproject.toml"), Path("README.md"), Path("LICENSE")]:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(copy)],
        check=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        missing = {f"charter/{path}" for path in _tracked()} - packed
        assert not missing
        archive.extractall(tmp_path / "site")
    version = subprocess.run(
        [sys.executable, "-c", "import charter.runtime.main as m, sys; sys.argv=['charter','--version']; m.main()"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert version.stdout.startswith("charter ")
