"""The embedded engine: regorus, in this process, one engine a thread.

An `Engine` used from another thread raises `PanicException`, which is a `BaseException`; so each thread makes
its own, from the same bundle. The interpreter decides, not regorus' faster virtual machine: in 0.13.0 that one
leaves out `not rule` when the rule is undefined, and a gate must not be decided by what is left out.
"""

import hashlib
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from charter.compiler.ir import Bundle
from charter.runtime.gates.engine import EngineFailure
from charter.runtime.gates.fitness import require_fit

if TYPE_CHECKING:
    from regorus import Engine

_PACKAGE = "gordon-to-regorus"


class EmbeddedEngine:
    """`PolicyEngine` on regorus. It has no time-out: only bundles whose Rego was checked belong here."""

    name = "regorus"

    def __init__(self) -> None:
        self.version = _installed_version()
        self.revision: str | None = None
        self._bundle: Bundle | None = None
        self._local = threading.local()

    @property
    def digest(self) -> str:
        """SHA-256 of the compiled library; read when the first decision asks for it."""
        return _library_digest()

    def load(self, bundle: Bundle) -> None:
        """Load one bundle, in place of any other.

        Raises:
            EngineFailure: `bundle_altered`, `bundle_refused`, or `engine_failed` with the engine's words.
        """
        require_fit(bundle)
        self._bundle = bundle
        self._local = threading.local()
        self.revision = bundle.revision
        self._engine()

    def decide(self, input_bytes: bytes) -> dict[str, Any]:
        """The decision document.

        Raises:
            EngineFailure: no bundle, an error of the engine, or an undefined result.
        """
        engine = self._engine()
        try:
            engine.set_input_json(input_bytes.decode())
            # Not `eval_query_as_json`: the same answer, but it prepares the query anew each time (85 us).
            # An undefined rule comes back as the text `<undefined>`, which is no document.
            answer = msgspec.json.decode(engine.eval_rule_as_json(self._query()))
        except Exception as error:
            raise EngineFailure("engine_failed", _words(error)) from error
        except BaseException as error:
            _reraise_unless_panic(error)
            self._local = threading.local()
            raise EngineFailure("engine_failed", _words(error)) from error
        if not isinstance(answer, dict):
            raise EngineFailure("result_undefined", "the bundle's entrypoint is undefined for this input")
        return answer

    def close(self) -> None:
        """Forget the bundle."""
        self._bundle = None
        self.revision = None
        self._local = threading.local()

    def _query(self) -> str:
        assert self._bundle is not None
        return "data." + self._bundle.entrypoint.replace("/", ".")

    def _engine(self) -> "Engine":
        """This thread's engine."""
        engine: Engine | None = getattr(self._local, "engine", None)
        if engine is None:
            if self._bundle is None:
                raise EngineFailure("engine_not_loaded", "no bundle is loaded, so nothing can be decided")
            engine = _new_engine(self._bundle)
            self._local.engine = engine
        return engine


def _new_engine(bundle: Bundle) -> "Engine":
    import regorus

    engine = regorus.Engine()
    try:
        for path, text in bundle.modules.items():
            engine.add_policy(path, text)
        engine.add_data_json(msgspec.json.encode(bundle.data).decode())
    except Exception as error:
        raise EngineFailure("engine_failed", f"the bundle does not load: {_words(error)}") from error
    except BaseException as error:
        _reraise_unless_panic(error)
        raise EngineFailure("engine_failed", f"the bundle does not load: {_words(error)}") from error
    return engine


def _reraise_unless_panic(error: BaseException) -> None:
    """Ctrl-C and exit pass; a Rust panic is an engine failure."""
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error


def _words(error: BaseException) -> str:
    """The engine's message in one line, without its stack."""
    message, _, _ = str(error).partition("Stack backtrace")
    return " ".join(message.split())[:500] or type(error).__name__


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
