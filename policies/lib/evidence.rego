# METADATA
# title: Evidence and requirements
# description: Selects the records that a requirement is about, and says what is wrong with each.
package charter.lib.evidence

import data.charter.lib.numbers

# How much a record can be relied on, from what somebody says to what was measured twice.
grades := {"declared": 1, "measured": 2, "attested": 3, "reproduced": 4}

# Records of this very attempt of this stage that a requirement is about.
current(wanted) := [item |
	some index in own[wanted.metric]
	record := input.evidence[index]
	matches(record, wanted)
	item := object.union(record, {"path": sprintf("evidence/%d", [index])})
]

# Where the records of this attempt stand, by metric: looked through once, not once a requirement.
own[record.metric] contains index if {
	some index, record in input.evidence
	record.stage == input.transition.stage
	record.key == input.transition.key
}

# The same of each of the `count` checks of `stage` before this one, newest last; fewer if there were fewer.
earlier(wanted, stage, number) := [items |
	checks := [check | some check in input.history; check.stage == stage]
	some index, check in checks
	index >= count(checks) - number
	items := [item |
		some at, record in check.evidence
		matches(record, wanted)
		item := object.union(record, {"path": sprintf("history/%s/%d/%d", [stage, check.check, at])})
	]
]

matches(record, wanted) if {
	record.metric == wanted.metric
	record.each == wanted.each
	record.over == wanted.over
	record.on == wanted.on
	record.attack == wanted.attack
}

# A number of the required grade.
usable(item, wanted) if {
	is_number(item.value)
	grades[item.grade] >= grades[wanted.least_grade]
}

# Usable, and with a two-sided interval of at least the confidence that is asked for.
has_interval(item, wanted) if {
	is_number(item.low)
	is_number(item.high)
	item.low <= item.value
	item.value <= item.high
	is_number(item.confidence)
	item.confidence >= wanted.confidence
}

# METADATA
# description: |
#   What is wrong with the records of one requirement; `satisfied` holds the paths of those that clear the bound.
#   No record at all is a finding: absence of evidence is never a pass.
# scope: rule
findings(wanted, items, satisfied) := [finding(
	"evidence_missing",
	sprintf("%s was not measured for this attempt", [name(wanted)]),
	null,
	wanted,
)] if {
	count(items) == 0
} else := [found |
	some item in items
	found := problem(item, wanted, satisfied)
]

# METADATA
# description: The same over several checks, all of which must be there and clear the bound.
# scope: rule
findings_of_checks(wanted, checks, satisfied, required) := [finding(
	"checks_insufficient",
	sprintf("%s has %d of the %d checks that it needs", [name(wanted), count(checks), required]),
	null,
	wanted,
)] if {
	count(checks) < required
} else := [found |
	some items in checks
	some found in findings(wanted, items, satisfied)
]

problem(item, wanted, satisfied) := finding(
	"evidence_malformed",
	sprintf("%s is not a number", [name(item)]),
	item,
	wanted,
) if {
	not is_number(item.value)
} else := finding(
	"evidence_grade",
	sprintf("%s is only %s, must be %s or better%s", [name(item), item.grade, wanted.least_grade, raising(item, wanted)]),
	item,
	wanted,
) if {
	not usable(item, wanted)
} else := finding(
	"interval_missing",
	sprintf("%s has no confidence interval of %s%%", [name(item), numbers.text(wanted.confidence * 100)]),
	item,
	wanted,
) if {
	is_number(wanted.confidence)
	not has_interval(item, wanted)
} else := finding(
	"bound_breached",
	sprintf("%s is %s, must be %s %s", [name(item), shown(item, wanted), wanted.comparison, numbers.text(wanted.bound)]),
	item,
	wanted,
) if {
	not item.path in satisfied
}

# What raises the grade: only people do, so it is said whom to ask. What was measured, and no role could vouch for
# enough, lacks a second measurement; what was only declared cannot be measured again.
raising(item, wanted) := sprintf(": ask somebody in a role for `charter attest %s:%s --role ROLE`", [
	input.transition.stage,
	wanted.metric,
]) if {
	wanted.least_grade == "attested"
} else := sprintf(": ask somebody else for `charter reproduce %s`", [input.transition.stage]) if {
	item.grade != "declared"
} else := ""

shown(item, wanted) := sprintf("%s (%s%% interval %s to %s)", [
	numbers.text(item.value),
	numbers.text(item.confidence * 100),
	numbers.text(item.low),
	numbers.text(item.high),
]) if {
	is_number(wanted.confidence)
} else := numbers.text(item.value)

# `psi` of `income`, `demographic_parity_ratio` over `sex`: as the charter says it.
name(record) := concat("", [sprintf("`%s`", [record.metric]), of_item(record), over(record), on(record), attack(record)])

of_item(record) := sprintf(" of `%s`", [record.item]) if {
	is_string(record.item)
} else := sprintf(" of each `%s`", [record.each]) if {
	is_string(record.each)
} else := ""

over(record) := sprintf(" over `%s`", [record.over]) if {
	is_string(record.over)
} else := ""

on(record) := sprintf(" on `%s`", [record.on]) if {
	is_string(record.on)
} else := ""

attack(record) := sprintf(" under attack `%s`", [record.attack]) if {
	is_string(record.attack)
} else := ""

finding(code, message, item, wanted) := {
	"code": code,
	"message": message,
	"evidence": {
		"path": object.get(known(item), "path", null),
		"metric": wanted.metric,
		"each": wanted.each,
		"item": object.get(known(item), "item", null),
		"over": wanted.over,
		"on": wanted.on,
		"attack": wanted.attack,
		"value": object.get(known(item), "value", null),
		"low": object.get(known(item), "low", null),
		"high": object.get(known(item), "high", null),
		"n": object.get(known(item), "n", null),
		"grade": object.get(known(item), "grade", null),
		"comparison": wanted.comparison,
		"bound": wanted.bound,
	},
}

known(item) := item if {
	is_object(item)
} else := {}
