"""The model artifact: predicts without its maker, the same bytes each time, and runs no code of the file."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from stage_samples import ROLES, applications

from charter.runtime.stages.api import StageRefused
from charter.runtime.stages.deterministic_zip import read_zip, write_zip
from charter.runtime.stages.features import learn_preprocessing, width
from charter.runtime.stages.model_file import load_model, save_model

pytestmark = pytest.mark.ml

ROWS = applications(80)
PREPROCESSING = learn_preprocessing(ROWS, ROLES)
WIDTH = width(PREPROCESSING)


class Odd(torch.nn.Module):
    """What a team might write: normalisation, a skip, softplus, a buffer, slices, sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(WIDTH)
        self.inner = torch.nn.Sequential(torch.nn.Linear(WIDTH, 16), torch.nn.GELU(), torch.nn.LayerNorm(16))
        self.out = torch.nn.Linear(16 + 2, 1)
        self.register_buffer("shift", torch.tensor(0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.inner(self.norm(x)) + torch.nn.functional.softplus(x.mean(dim=1, keepdim=True))
        joined = torch.cat([h, x[:, :1], torch.full((x.shape[0], 1), 2.0)], dim=1)
        return self.out(joined) * 2 - self.shift


class Attention(torch.nn.Module):
    """Each feature a token."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = torch.nn.Linear(1, 8)
        self.layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.out = torch.nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.layer(self.embed(x.unsqueeze(-1))).mean(dim=1))


def save(path: Path, module: torch.nn.Module, **more: Any) -> Path:
    return save_model(path / "model.zip", module, PREPROCESSING, trainer="test", **more)


@pytest.mark.parametrize("make", [Odd, Attention, lambda: torch.nn.Linear(WIDTH, 1)])
def test_it_predicts_what_the_module_predicts(tmp_path: Path, make: Callable[[], torch.nn.Module]) -> None:
    torch.manual_seed(1)
    module = make().eval()
    model = load_model(save(tmp_path, module))
    from charter.runtime.stages.features import columns_of, encode

    matrix = torch.from_numpy(encode(PREPROCESSING, columns_of(ROWS, model.features, what="rows")))
    expected = torch.sigmoid(module(matrix).reshape(-1)).detach().numpy()
    given = model.predict_probability(ROWS)
    assert given.shape == (80,) and np.abs(given - expected).max() < 1e-5
    assert model.predict_probability(ROWS.head(1)).shape == (1,)


def test_inputs_have_gradients(tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = Odd().eval()
    model = load_model(save(tmp_path, module))
    one, two = (torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(2)).requires_grad_() for _ in range(2))
    model.program(one).sum().backward()
    module(two).sum().backward()
    assert one.grad is not None and two.grad is not None
    assert torch.allclose(one.grad, two.grad, atol=1e-5)


def test_same_model_same_bytes(tmp_path: Path) -> None:
    digests = []
    for _ in range(2):
        torch.manual_seed(5)
        digests.append(save(tmp_path, Odd(), parameters={"b": 1, "a": 2}).read_bytes())
    assert digests[0] == digests[1]
    assert str(tmp_path).encode() not in digests[0]


class Branching(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] if x.sum() > 0 else x[:, 1]


class Random(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] + torch.rand(x.shape[0])


class Dropping(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(x, 0.5, training=True)[:, 0]


class NotANumber(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] / 0 - x[:, 0] / 0


class TwoClasses(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2]


class Printing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] * float(np.random.default_rng().random())


@pytest.mark.parametrize("module", [Branching(), Random(), Dropping(), NotANumber(), TwoClasses(), Printing()])
def test_modules_that_cannot_be_a_program(tmp_path: Path, module: torch.nn.Module) -> None:
    with pytest.raises(StageRefused):
        save(tmp_path, module)


def tampered(tmp_path: Path, **changes: bytes | None) -> Path:
    torch.manual_seed(1)
    entries = read_zip(save(tmp_path, torch.nn.Linear(WIDTH, 1)), what="it")
    for name, content in changes.items():
        entries[name] = content or b""
    return write_zip(tmp_path / "bad.zip", entries)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/charter-test-bomb"),))


def pickled_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def program(op: str, *args: Any) -> bytes:
    step = {"name": "y", "op": op, "args": list(args), "kwargs": {}}
    return json.dumps({"version": 1, "input": "x", "tensors": {}, "steps": [step], "output": "y"}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"tensors/0.npy": pickled_array()},
        {"tensors/0.npy": pickle.dumps(Bomb())},
        {"tensors/0.npy": b"\x93NUMPY half"},
        {"program.json": program("from_file.default", "/etc/passwd", False, 4)},
        {"program.json": program("__class__.__init__")},
        {"program.json": program("os.system", "touch /tmp/charter-test-bomb")},
        {"program.json": program("random_.default")},
        {"program.json": program("load")},
        {"program.json": b"{}"},
        {"program.json": b"[1, 2"},
        {"program.json": b"[" * 100_000},
        {"model.json": b'{"version": 2}'},
        {"model.json": b"[]"},
        {"preprocessing.json": b"\xff"},
    ],
)
def test_hostile_entries(tmp_path: Path, changes: dict[str, bytes]) -> None:
    with pytest.raises(StageRefused):
        load_model(tampered(tmp_path, **changes))
    assert not Path("/tmp/charter-test-bomb").exists()


def test_hostile_files(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    for content in (b"", b"PK\x03\x04 half", b"\x80\x04\x95pickle", pickle.dumps(Bomb())):
        path.write_bytes(content)
        with pytest.raises(StageRefused, match="not a whole file"):
            load_model(path)
    whole = save(tmp_path, torch.nn.Linear(WIDTH, 1)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StageRefused, match="not a whole file"):
        load_model(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20_000):
            archive.writestr(f"{number}", b"")
    with pytest.raises(StageRefused, match="file too large"):
        load_model(path)


def test_a_frame_without_the_columns(tmp_path: Path) -> None:
    model = load_model(save(tmp_path, torch.nn.Linear(WIDTH, 1)))
    with pytest.raises(StageRefused, match="no such column"):
        model.predict_probability(pd.DataFrame({"age": [1]}))
