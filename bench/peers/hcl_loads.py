"""Seconds that python-hcl2 takes to load a file, its parser made before: python hcl_loads.py FILE"""

import sys
import time
from pathlib import Path

import hcl2

text = Path(sys.argv[1]).read_text("utf-8")
hcl2.loads('a = 1\nb "c" {\n  d = ["e"]\n}\n')
started = time.perf_counter()
found = hcl2.loads(text)
elapsed = time.perf_counter() - started
assert len(found["dataset"]) == text.count('dataset "')
print(elapsed)
