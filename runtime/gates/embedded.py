"""The embedded engine: regorus. What came with Charter is interpreted here, what did not in a process with limits.

A regorus engine used from another thread raises `PanicException`, which is a `BaseException`; so each thread makes
its own, from the same bundle.
"""

import hashlib
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from charter.compiler.ir import Bundle
from charter.compiler.rego.bundle import foreign_modules
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.fitness import require_fit
from charter.runtime.gates.interpreter import Interpreter, InterpreterFailure

if TYPE_CHECKING:
    from charter.runtime.gates.policy_worker import Limits, PolicyWorker

_PACKAGE = "gordon-to-regorus"


class EmbeddedEngine:
    """`PolicyEngine` on regorus.

    Regorus has no time-out and holds the interpreter's lock, so a bundle with modules of other authors than Charter
    is decided in a process that is ended when it takes too long or too much memory.

    Args:
        limits: of that process.
        guard: use it for every bundle, such as one from a ledger that somebody else wrote.
    """

    name = "regorus"

    def __init__(self, *, limits: "Limits | None" = None, guard: bool = False) -> None:
        self.version = _installed_version()
        self.revision: str | None = None
        self._limits = limits
        self._guard = guard
        self._bundle: Bundle | None = None
        self._worker: PolicyWorker | None = None
        self._local = threading.local()

    @property
    def digest(self) -> str:
        """SHA-256 of the compiled library; read when the first decision asks for it."""
        return _library_digest()

    @property
    def guarded(self) -> bool:
        """Whether the loaded bundle is decided in a process of its own."""
        return self._worker is not None

    def load(self, bundle: Bundle) -> None:
        """Load one bundle, in place of any other.

        Raises:
            EngineFailure: `bundle_altered`, `bundle_refused`, `policy_stopped`, or `engine_failed` with the
                engine's words.
        """
        require_fit(bundle)
        self._forget()
        if self._guard or foreign_modules(bundle):
            from charter.runtime.gates.policy_worker import Limits, PolicyWorker

            self._worker = self._worker or PolicyWorker(self._limits or Limits())
            self._worker.load(bundle, _query(bundle))
        else:
            self._stop_worker()
        self._bundle = bundle
        if self._worker is None:
            self._interpreter()
        self.revision = bundle.revision

    def decide(self, input_bytes: bytes) -> dict[str, Any]:
        """The decision document.

        Raises:
            EngineFailure: no bundle, an error of the engine, more than its limits, or an undefined result.
        """
        try:
            answer = msgspec.json.decode(self._answer(input_bytes))
        except InterpreterFailure as failure:
            if failure.panicked:
                self._local = threading.local()
            raise EngineFailure("engine_failed", failure.message) from failure
        except msgspec.DecodeError as error:  # `<undefined>`
            raise EngineFailure("engine_failed", f"the engine's answer is no JSON: {error}") from error
        if not isinstance(answer, dict):
            raise EngineFailure("result_undefined", "the bundle's entrypoint is undefined for this input")
        return answer

    def close(self) -> None:
        """Forget the bundle, and end the process if there is one."""
        self._forget()
        self._stop_worker()

    def _answer(self, input_bytes: bytes) -> bytes | str:
        if self._worker is not None and self._bundle is not None:
            return self._worker.decide(input_bytes)
        return self._interpreter().evaluate(input_bytes.decode())

    def _forget(self) -> None:
        self._bundle = None
        self.revision = None
        self._local = threading.local()

    def _stop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _interpreter(self) -> Interpreter:
        """This thread's."""
        found: Interpreter | None = getattr(self._local, "interpreter", None)
        if found is None:
            bundle = self._bundle
            if bundle is None:
                raise EngineFailure("engine_not_loaded", "no bundle is loaded, so nothing can be decided")
            try:
                found = Interpreter(bundle.modules, msgspec.json.encode(bundle.data).decode(), _query(bundle))
            except InterpreterFailure as failure:
                raise EngineFailure("engine_failed", failure.message) from failure
            self._local.interpreter = found
        return found


def _query(bundle: Bundle) -> str:
    return "data." + bundle.entrypoint.replace("/", ".")


@cache
def _installed_version() -> str:
    """The package's version, from the name of its metadata directory: `importlib.metadata` takes 40 ms to say it."""
    import regorus

    stem = _PACKAGE.replace("-", "_")
    found = list(Path(regorus.__file__).parent.parent.glob(f"{stem}-*.dist-info"))
    if len(found) == 1:
        return found[0].name.removeprefix(f"{stem}-").removesuffix(".dist-info")
    from importlib import metadata

    return metadata.version(_PACKAGE)


@cache
def _library_digest() -> str:
    """SHA-256 of the compiled library that decides."""
    import regorus

    for file in sorted(Path(regorus.__file__).parent.iterdir()):
        if file.suffix in {".so", ".pyd"}:
            with file.open("rb") as library:
                return f"sha256:{hashlib.file_digest(library, 'sha256').hexdigest()}"
    return "unknown"
