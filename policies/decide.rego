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
	"allow": true,
	"violations": [],
	"warnings": [],
	"obligations": [],
	"evaluated": evaluated,
} if {
	clear
} else := {
	"schema": 1,
	"revision": plan.revision,
	"gate": input.transition.gate,
	"time": input.time,
	"allow": allow,
	"violations": violations,
	"warnings": warnings,
	"obligations": obligations,
	"evaluated": evaluated,
}

# Everything that applies was evaluated, and nothing was found. Most gates are: they need no list of what was found.
clear if {
	plan.lifecycle == input.lifecycle.name
	fitting
	every control in gate_controls {
		controls.outcomes[control] == {"findings": [], "warnings": []}
	}
	every pack in packs {
		pack.breached == set()
		not pack.says.missing
	}
	count(evaluated) > 0
}

default allow := false

allow if {
	gate_controls
	count(evaluated) > 0
	count(violations) == 0
	every control in gate_controls {
		control in evaluated
	}
	every entry in findings {
		accounted(entry.control)
	}
	every name, pack in packs {
		every key in pack.breached {
			accounted(plan.packs[name][key])
		}
	}
}

# What has a finding must not get lost on its way to the violations and warnings.
accounted(id) if {
	some problem in problems
	problem.control == id
}

# Charter holds every input against its schema. An OPA that decides without it may be given any: what a `deny` looks
# into must be there at least, or it would find nothing.
fitting if {
	input.schema == 2
	is_array(input.models)
}

# From an older ledger. It has no `models`, so no policy may read them.
fitting if {
	input.schema == 1
	plan.reads_models == false
}

# Ids of the controls that the charter puts at this gate; undefined when the gate is unknown.
gate_controls := plan.gates[input.transition.gate]

# --- what was evaluated -------------------------------------------------------------------------

evaluated := {control |
	some control in gate_controls
	is_array(controls.outcomes[control].findings)
} | {id |
	some pack in packs
	some id in pack.applies
}

# By pack: its rules that apply (key to id), and those of them that are not shown to be met. A rule must show that
# it is met, or that it does not apply: one that is undefined has shown neither, and is breached.
# `data.charter.in_use` is spelt out wherever it is read: under an import's name, regorus would evaluate all of it.
packs[name] := {"applies": object.remove(rules, left_out), "breached": unmet - left_out, "says": says} if {
	some name, rules in plan.packs
	says := object.get(data.charter.in_use.says, name, {"met": set(), "not_applicable": set(), "missing": true})
	unmet := object.keys(rules) - says.met
	left_out := unmet & says.not_applicable
}

# --- what was found -----------------------------------------------------------------------------

# Every finding of the charter's own controls, with the control it belongs to.
findings contains {"control": control, "finding": finding} if {
	some control in gate_controls
	some finding in controls.outcomes[control].findings
	not settled(control)
}

# Any criterion that is met retires; the others are then no finding.
settled(control) if {
	plan.controls[control].kind == "retirement"
	some other in gate_controls
	plan.controls[other].kind == "retirement"
	controls.outcomes[other].findings == []
}

problems contains object.union(about(entry.control), entry.finding) if some entry in findings

problems contains object.union(about(id), {"code": "rule_not_met", "message": message, "evidence": null}) if {
	some name, pack in packs
	some key in pack.breached
	id := plan.packs[name][key]
	some message in reasons(name, key, id)
}

problems contains broken("gate_unknown", "the bundle knows no such gate") if not gate_controls

problems contains broken(
	"input_unfit",
	"the input is not of a version that these policies read, or lacks what that version has",
) if {
	not fitting
}

problems contains broken("lifecycle_mismatch", "the input is about another lifecycle than the bundle") if {
	not plan.lifecycle == input.lifecycle.name
}

problems contains broken("nothing_evaluated", "no control and no rule was evaluated") if count(evaluated) == 0

problems contains broken("not_evaluated", sprintf("`%s` was not evaluated", [control])) if {
	some control in gate_controls
	not control in evaluated
}

problems contains broken("pack_missing", sprintf("the rules of pack `%s` are not loaded", [name])) if {
	some name, pack in packs
	pack.says.missing
}

# What a pack says of a rule that is not met, or else the rule's title.
reasons(name, key, id) := messages if {
	messages := {text | some text in data.charter.in_use.because[name][key]}
	count(messages) > 0
} else := {object.get(plan, ["rules", id, "title"], id)}

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

# What the plan says of a control or a rule; what it does not say is taken at its strictest.
about(id) := {
	"policy": object.get(planned(id), "policy", "charter"),
	"control": id,
	"severity": object.get(planned(id), "enforce", "absolute"),
	"clauses": object.get(planned(id), "clauses", []),
	"remedy": object.get(planned(id), "remedy", ""),
}

planned(id) := plan.controls[id] if {
	plan.controls[id]
} else := object.get(plan, ["rules", id], {})

# --- enforcement and waivers --------------------------------------------------------------------

violations contains object.union(problem, {"waivable": waivable(problem)}) if {
	some problem in problems
	problem.severity != "advisory"
	not problem in waived
	not problem in excepted
}

warnings contains object.union(problem, {"waivable": false, "waiver": null}) if {
	some problem in problems
	problem.severity == "advisory"
}

warnings contains object.union(problem, {"waivable": true, "waiver": in_force[problem.control]}) if {
	some problem in waived
}

warnings contains object.union(problem, {"waivable": waivable(problem), "waiver": glass}) if {
	some problem in excepted
	not problem in waived
}

warnings contains object.union(
	object.union(about(control), finding),
	{"severity": "advisory", "waivable": false, "waiver": null},
) if {
	some control in gate_controls
	some finding in controls.outcomes[control].warnings
}

waived contains problem if {
	some problem in problems
	waivable(problem)
	in_force[problem.control]
}

# Broken glass that does not cover what is denied here: whoever broke it was shown something else.
warnings contains {
	"policy": "charter",
	"control": "gate",
	"code": "glass_elsewhere",
	"message": "the glass of this gate was broken for other breaches or under other controls; it does not cover this",
	"severity": "advisory",
	"clauses": [],
	"evidence": null,
	"remedy": "mend what is denied, or break the glass again for what is shown now",
	"waivable": false,
	"waiver": null,
} if {
	glass_broken(glass)
	some problem in problems
	problem.severity != "advisory"
	not problem in waived
	not problem in excepted
}

# An administrator broke the glass at this gate, for this work, and was shown exactly this breach; the review of that
# is open. It lets pass what is mandatory, people who have not signed included; never what is absolute, and never
# against a rejection.
excepted contains problem if {
	some problem in problems
	problem.severity == "mandatory"
	problem.code in (waivable_codes | {"approval_missing"})
	glass_broken(sprintf("%s %s %s: %s", [glass, problem.control, problem.code, problem.message]))
}

glass := sprintf("break-glass:%s", [input.transition.gate])

glass_broken(name) if {
	some signature in input.waivers
	signature.waiver == name
	time.parse_rfc3339_ns(signature.signed_at) <= time.parse_rfc3339_ns(input.time)
}

# Only a breach can be lived with; evidence that is missing or unfit, and missing people, cannot.
waivable_codes := {"bound_breached", "policy_denied", "rule_not_met"}

default waivable(_) := false

waivable(problem) if {
	problem.severity == "mandatory"
	problem.code in waivable_codes
}

# By control, the name of the first waiver in force: asked for in the charter, signed by its quorum, not past its last
# day. An undefined value would make regorus 0.13.0 lose the other keys, hence the count before `min`.
in_force[control] := min(names) if {
	some control in {waiver.control | some waiver in plan.waivers}
	names := {name |
		some name, waiver in plan.waivers
		waiver.control == control
		signed(name, waiver)
	}
	count(names) > 0
}

signed(name, waiver) if {
	waiver.quorum >= 1
	substring(input.time, 0, 10) <= waiver.until
	signatures := [signature |
		some signature in input.waivers
		signature.waiver == name
		signature.role == waiver.role
		time.parse_rfc3339_ns(signature.signed_at) <= time.parse_rfc3339_ns(input.time)
	]
	count({signature.person | some signature in signatures}) >= waiver.quorum
	count({signature.key | some signature in signatures}) >= waiver.quorum
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
	not problem in waived
}

obligations contains {
	"kind": "compensate",
	"control": problem.control,
	"reaction": null,
	"to": plan.waivers[name].role,
	"text": plan.waivers[name].compensating,
} if {
	some problem in waived
	name := in_force[problem.control]
}
