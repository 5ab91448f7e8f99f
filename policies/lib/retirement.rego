# METADATA
# title: Retirement criteria
# description: A criterion is met when each of the last checks of its monitor has a usable record that meets it.
package charter.lib.retirement

import data.charter.lib.evidence
import data.charter.lib.numbers

# METADATA
# description: |
#   `hits` holds, for each of the last checks, whether some record met the bound. Fewer checks than asked for,
#   or a check without usable evidence, leave it not due.
# scope: rule
findings(wanted, hits) := [] if {
	count(hits) == wanted.checks
	every hit in hits { hit == true }
} else := [{
	"code": "retirement_not_due",
	"message": sprintf("not due: `%s` %s %s held in %d of the last %d checks", [
		wanted.name,
		wanted.comparison,
		numbers.text(wanted.bound),
		count([hit | some hit in hits; hit == true]),
		wanted.checks,
	]),
	"evidence": null,
}]

# Usable records of the last checks of the criterion's monitor, one array a check.
checks(wanted) := [[item | some item in items; evidence.usable(item, wanted)] |
	some items in history(wanted)
]

# Whatever it is of: the worst feature or group counts. `age` is since the deployment, as the runtime measured it.
history(wanted) := [[record | some record in check.evidence; record.metric == wanted.metric] |
	all := [check | some check in input.history; check.stage == wanted.stage]
	some index, check in all
	index >= count(all) - wanted.checks
] if {
	is_string(wanted.stage)
} else := [[record |
	some record in input.evidence
	record.metric == wanted.metric
	record.unit == "seconds"
	startswith(record.stage, "deploy/")
]]
