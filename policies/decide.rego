# METADATA
# title: The decision at a gate
# description: |
#   Brings together the outcomes of the charter's own controls, of the packs and of the project's policies.
#   Allow is positive: what is unknown, undefined, missing or not evaluated denies, and says so.
# entrypoint: true
package charter.main

import data.charter.controls
import data.charter.plan

# Holds when the rule below it is undefined for any reason, an absent input included.
default decision := {
	"schema": 1,
	"revision": null,
	"gate": null,
	"time": null,
	"allow": false,
	"violations": [{
		"policy": "charter",
		"control": "gate",
		"code": "undefined",
		"message": "the decision could not be computed from this input and this bundle",
		"severity": "absolute",
		"clauses": [],
		"evidence": null,
		"remedy": "compile the charter again, and check the input against the published schema",
		"waivable": false,
	}],
	"warnings": [],
	"obligations": [],
	"evaluated": [],
}

decision := {
	"schema": 1,
	"revision": plan.revision,
	"gate": input.transition.gate,
	"time": input.time,
	"allow": allow,
	"violations": [violation | some violation in violations],
	"warnings": [warning | some warning in warnings],
	"obligations": [obligation | some obligation in obligations],
	"evaluated": [name | some name in evaluated],
}

default allow := false

allow if {
	gate_controls
	count(evaluated) > 0
	every control in gate_controls {
		is_array(controls.outcomes[control].findings)
	}
	every entry in findings {
		accounted(entry)
	}
	every name, pack in plan.packs {
		count(pack.rules) > 0
		is_set(data.charter.packs[name].met)
	}
	count(violations) == 0
}

# Ids of the controls that the charter puts at this gate; undefined when the gate is unknown.
gate_controls := plan.gates[input.transition.gate]

# Nothing that was found may get lost on its way to the violations and warnings.
accounted(entry) if {
	some problem in problems
	problem.control == entry.control
	problem.code == entry.finding.code
	problem.message == entry.finding.message
}

# --- what was evaluated -------------------------------------------------------------------------

evaluated contains control if {
	some control in gate_controls
	is_array(controls.outcomes[control].findings)
}

evaluated contains rule if some rule, _ in applicable

# Rules of the packs, by `pack/rule`. A rule is left out only when its pack says that it does not apply.
applicable[id] := rule if {
	some name, pack in plan.packs
	some key, rule in pack.rules
	not exempt(name, key)
	id := sprintf("%s/%s", [name, key])
}

exempt(name, key) if {
	key in data.charter.packs[name].not_applicable
	not key in data.charter.packs[name].met
}

# --- what was found -----------------------------------------------------------------------------

# Every finding, with the control or rule it belongs to.
findings contains {"control": control, "finding": finding} if {
	some control in gate_controls
	some finding in controls.outcomes[control].findings
	not settled(control, finding)
}

# Any criterion that is met retires; the others are then no finding.
settled(control, finding) if {
	finding.code == "retirement_not_due"
	plan.controls[control].kind == "retirement"
	some other in gate_controls
	plan.controls[other].kind == "retirement"
	controls.outcomes[other].findings == []
}

problems contains object.union(describe(entry.control), entry.finding) if some entry in findings

problems contains problem if {
	some name, pack in plan.packs
	some key, rule in pack.rules
	not exempt(name, key)
	not key in data.charter.packs[name].met
	some message in reasons(name, key, rule)
	problem := {
		"policy": name,
		"control": sprintf("%s/%s", [name, key]),
		"code": "rule_not_met",
		"message": message,
		"severity": object.get(rule, "severity", "absolute"),
		"clauses": object.get(rule, "clauses", []),
		"evidence": null,
		"remedy": object.get(rule, "remedy", ""),
	}
}

reasons(name, key, rule) := messages if {
	messages := {text | some text in data.charter.packs[name].because[key]}
	count(messages) > 0
} else := {object.get(rule, "title", key)}

problems contains broken("gate_unknown", "the bundle knows no such gate") if not gate_controls

problems contains broken("lifecycle_mismatch", "the input is about another lifecycle than the bundle") if {
	plan.lifecycle != input.lifecycle.name
}

problems contains broken("nothing_evaluated", "no control and no rule was evaluated") if count(evaluated) == 0

problems contains broken("not_evaluated", message) if {
	some control in gate_controls
	not is_array(controls.outcomes[control].findings)
	message := sprintf("`%s` was not evaluated", [control])
}

problems contains broken("pack_missing", message) if {
	some name, _ in plan.packs
	not is_set(data.charter.packs[name].met)
	message := sprintf("the rules of pack `%s` are not loaded", [name])
}

problems contains broken("pack_missing", message) if {
	some name, pack in plan.packs
	count(pack.rules) == 0
	message := sprintf("pack `%s` has no rules", [name])
}

broken(code, message) := {
	"policy": "charter",
	"control": "gate",
	"code": code,
	"message": message,
	"severity": "absolute",
	"clauses": [],
	"evidence": null,
	"remedy": "compile the charter again, and decide with the bundle that this makes",
}

describe(control) := {
	"policy": object.get(known(control), "policy", "charter"),
	"control": control,
	"severity": object.get(known(control), "enforce", "absolute"),
	"clauses": object.get(known(control), "clauses", []),
	"remedy": object.get(known(control), "remedy", ""),
}

known(control) := object.get(plan, ["controls", control], {})

# --- enforcement and waivers --------------------------------------------------------------------

violations contains violation if {
	some problem in problems
	problem.severity != "advisory"
	not waiver_of(problem)
	violation := object.union(problem, {"waivable": waivable(problem)})
}

warnings contains warning if {
	some problem in problems
	problem.severity == "advisory"
	warning := object.union(problem, {"waivable": false, "waiver": null})
}

warnings contains warning if {
	some problem in problems
	waiver := waiver_of(problem)
	warning := object.union(problem, {"waivable": true, "waiver": waiver})
}

warnings contains warning if {
	some control in gate_controls
	some finding in controls.outcomes[control].warnings
	warning := object.union(
		object.union(describe(control), finding),
		{"severity": "advisory", "waivable": false, "waiver": null},
	)
}

# Only a breach can be lived with; evidence that is missing or unfit, and missing people, cannot.
waivable_codes := {"bound_breached", "policy_denied", "rule_not_met"}

default waivable(_) := false

waivable(problem) if {
	problem.severity == "mandatory"
	problem.code in waivable_codes
}

# Name of the first waiver in force: asked for in the charter, signed by its quorum, not past its last day.
waiver_of(problem) := min(names) if {
	waivable(problem)
	names := {name |
		some name, waiver in plan.waivers
		waiver.control == problem.control
		substring(input.time, 0, 10) <= waiver.until
		signatures := [signature |
			some signature in input.waivers
			signature.waiver == name
			signature.role == waiver.role
			time.parse_rfc3339_ns(signature.signed_at) <= time.parse_rfc3339_ns(input.time)
		]
		count({signature.person | some signature in signatures}) >= waiver.quorum
		count({signature.key | some signature in signatures}) >= waiver.quorum
		waiver.quorum >= 1
	}
	count(names) > 0
}

# --- obligations --------------------------------------------------------------------------------

obligations contains {
	"kind": "react",
	"control": problem.control,
	"reaction": plan.controls[problem.control].reaction,
	"to": plan.controls[problem.control].to,
	"text": plan.controls[problem.control].title,
} if {
	some problem in problems
	is_string(plan.controls[problem.control].reaction)
	problem.code != "checks_insufficient"
	not waiver_of(problem)
}

obligations contains {
	"kind": "compensate",
	"control": problem.control,
	"reaction": null,
	"to": plan.waivers[name].role,
	"text": plan.waivers[name].compensating,
} if {
	some problem in problems
	name := waiver_of(problem)
}
