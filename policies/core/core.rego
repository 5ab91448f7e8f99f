# METADATA
# title: Core
# description: |
#   What holds for every lifecycle. Each rule must show positively that it is met or that it does not apply;
#   whatever it cannot show is a violation.
package charter.packs.core

# METADATA
# title: A prohibited practice is never built
# scope: rule
# custom:
#   rule: not-prohibited
#   severity: absolute
#   clauses: [eu-ai-act Art. 5]
#   remedy: change what the system does; no approval and no waiver can permit it
met contains "not-prohibited" if input.lifecycle.risk in {"high", "limited", "minimal"}
