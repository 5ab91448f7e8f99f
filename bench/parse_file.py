"""Seconds from the text of a file to its AST with spans, the parser made before: python parse_file.py FILE"""

import sys
import time
from pathlib import Path

from charter.dsl.parse import parse
from charter.dsl.source import Source

text = Path(sys.argv[1]).read_text("utf-8")
parse(Source("warm", "charter 1\nmodel m {\n  parameters { a: [1] }\n}\n"))
started = time.perf_counter()
tree, findings = parse(Source(sys.argv[1], text))
elapsed = time.perf_counter() - started
assert findings == ()
assert sum(item.kind == "dataset" for item in tree.declarations) == text.count("\ndataset ")
print(elapsed)
