"""Seconds of the processor from a charter to its IR, and peak resident memory in bytes: python compile_file.py FILE"""

import resource
import sys
import time
from pathlib import Path

from charter.compiler.compile import compile_charter

started = time.process_time()
result = compile_charter(Path(sys.argv[1]))
elapsed = time.process_time() - started
assert result.ir is not None, result.diagnostics[:3]
print(elapsed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
