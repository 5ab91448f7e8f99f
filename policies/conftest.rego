# METADATA
# title: The decision as Conftest asks for it
# description: |
#   `conftest test --namespace charter.conftest`: each violation of the gate that the input is about as `deny`,
#   each warning as `warn`. What cannot be decided is a violation too.
package charter.conftest

import data.charter.main

deny contains said(violation) if some violation in main.decision.violations

deny contains {"msg": "the gate is not allowed"} if not main.decision.allow

warn contains said(warning) if some warning in main.decision.warnings

said(finding) := object.union({"msg": finding.message}, object.remove(finding, ["message"]))
