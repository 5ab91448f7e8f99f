package charter.packs.core_test

import data.charter.packs.core

# A high-risk deployment at its entry gate, with all that it needs.
deploy := {
	"lifecycle": {"name": "sample", "risk": "high", "iteration": 2},
	"transition": {"gate": "deploy/production:entry", "point": "entry", "kind": "deploy", "sources": ["approve/release", "train/scorecard"]},
	"declaration": null,
	"evidence": [],
	"artifacts": {},
	"inputs": {"model": {"stage": "train/scorecard", "artifact": "model", "digest": "sha256:m", "size": 3}},
	"datasets": [dataset],
	"lineage": [define, train, evaluate, approve],
}

dataset := {"name": "applications", "class": "personal", "basis": "consent", "personal": ["email"]}

define := {"stage": "define/fair", "kind": "define", "iteration": 2, "exit_allowed": true, "inputs": {}, "artifacts": {}}

train := {
	"stage": "train/scorecard",
	"kind": "train",
	"iteration": 2,
	"exit_allowed": true,
	"inputs": {"train": {"digest": "sha256:train"}, "validation": {"digest": "sha256:validation"}},
	"artifacts": {"model": {"digest": "sha256:m", "size": 3}},
}

evaluate := {
	"stage": "evaluate/holdout",
	"kind": "evaluate",
	"iteration": 2,
	"exit_allowed": true,
	"inputs": {"model": {"digest": "sha256:m"}, "data": {"digest": "sha256:test"}},
	"artifacts": {},
}

split := {
	"stage": "split/applications",
	"kind": "split",
	"iteration": 2,
	"exit_allowed": true,
	"inputs": {},
	"artifacts": {"test": {"digest": "sha256:test", "size": 3}},
}

approve := {"stage": "approve/release", "kind": "approve", "iteration": 2, "exit_allowed": true, "inputs": {}, "artifacts": {}}

# The evaluation at its entry gate.
measure := object.union(deploy, {
	"transition": {"gate": "evaluate/holdout:entry", "point": "entry", "kind": "evaluate", "sources": ["train/scorecard", "split/applications"]},
	"lineage": [define, train, evaluate, approve, split],
	"inputs": {
		"model": {"stage": "train/scorecard", "artifact": "model", "digest": "sha256:m", "size": 3},
		"data": {"stage": "split/applications", "artifact": "test", "digest": "sha256:test", "size": 3},
	},
})

# An objective at its exit gate.
objective := object.union(deploy, {
	"transition": {"gate": "define/fair:exit", "point": "exit", "kind": "define", "sources": ["define/fair"]},
	"declaration": {"body": {"hazard": [{"title": "bias", "mitigated by": ["parity"]}]}},
	"inputs": {},
	"datasets": [],
	"lineage": [],
})

# A training at its exit gate.
trained := object.union(deploy, {
	"transition": {"gate": "train/scorecard:exit", "point": "exit", "kind": "train", "sources": ["train/scorecard"]},
	"artifacts": {"model": {"digest": "sha256:m", "size": 3}},
})

without(document, key) := json.remove(document, [key])

at(document, path, value) := json.patch(document, [{"op": "add", "path": path, "value": value}])

transition(document, change) := object.union(document, {"transition": change})

risk(document, level) := object.union(document, {"lifecycle": {"risk": level}})

# A rule holds at a gate when it is met, or does not apply; otherwise it is a violation.
holds(rule) if rule in core.met

holds(rule) if rule in core.not_applicable

rules := {
	"not-prohibited",
	"accepted-inputs",
	"artifacts-named",
	"lawful-basis",
	"data-classified",
	"hazards-mitigated",
	"unseen-rows",
	"evaluated-before-deploy",
	"approved-before-deploy",
	"objective-accepted",
}

test_all_hold_where_all_is_there if {
	every sample in [deploy, measure, objective, trained] {
		every rule in rules {
			holds(rule) with input as sample
		}
	}
}

test_applies_only_where_it_can_be_shown if {
	core.met == {
		"not-prohibited",
		"accepted-inputs",
		"lawful-basis",
		"data-classified",
		"evaluated-before-deploy",
		"approved-before-deploy",
		"objective-accepted",
	} with input as deploy
	core.not_applicable == {"artifacts-named", "hazards-mitigated", "unseen-rows"} with input as deploy
	core.not_applicable == {
		"accepted-inputs",
		"artifacts-named",
		"lawful-basis",
		"data-classified",
		"unseen-rows",
		"evaluated-before-deploy",
		"approved-before-deploy",
		"objective-accepted",
	} with input as objective
	core.not_applicable == {
		"artifacts-named",
		"hazards-mitigated",
		"evaluated-before-deploy",
		"approved-before-deploy",
		"objective-accepted",
	} with input as measure
}

test_nothing_holds_without_input if {
	every rule in rules {
		not holds(rule) with input as {}
	}
}

# --- not-prohibited

test_prohibited if {
	every level in ["high", "limited", "minimal"] {
		"not-prohibited" in core.met with input as risk(deploy, level)
	}
	not holds("not-prohibited") with input as risk(deploy, "prohibited")
	not holds("not-prohibited") with input as risk(deploy, "unknown")
	not holds("not-prohibited") with input as without(deploy, "lifecycle")
}

# --- accepted-inputs

test_source_not_allowed if {
	refused := at(deploy, "/lineage/1/exit_allowed", false)
	not holds("accepted-inputs") with input as refused
	core.because["accepted-inputs"] == {"the exit gate of `train/scorecard` has not allowed its result"} with input as refused
}

test_source_unknown if {
	not holds("accepted-inputs") with input as at(deploy, "/lineage/1/stage", "train/other")
	not holds("accepted-inputs") with input as at(deploy, "/lineage/3/stage", "approve/other")
}

test_other_bytes_flow_in if {
	other := at(deploy, "/inputs/model/digest", "sha256:other")
	not holds("accepted-inputs") with input as other
	core.because["accepted-inputs"] == {"input `model` is not what `train/scorecard` made"} with input as other
	not holds("accepted-inputs") with input as at(deploy, "/inputs/model/artifact", "other")
	not holds("accepted-inputs") with input as at(deploy, "/inputs/model/stage", "approve/release")
}

test_input_from_a_stage_that_is_not_waited_for if {
	not holds("accepted-inputs") with input as at(deploy, "/transition/sources", ["approve/release"])
}

test_nothing_to_say_where_all_is_accepted if {
	every messages in core.because {
		count(messages) == 0
	} with input as deploy
}

test_inputs_are_looked_at_on_entry_only if {
	not "accepted-inputs" in core.met with input as trained
}

test_retirement_follows_a_breach if {
	watched := {"stage": "monitor/drift", "kind": "monitor", "exit_allowed": false}
	retire := at(transition(deploy, {"kind": "retire", "sources": ["monitor/drift"]}), "/lineage/-", watched)
	bare := at(retire, "/inputs", {})
	"accepted-inputs" in core.met with input as bare
	not "accepted-inputs" in core.met with input as transition(bare, {"kind": "deploy"})
	not "accepted-inputs" in core.met with input as transition(bare, {"sources": ["monitor/other"]})
	not "accepted-inputs" in core.met with input as at(bare, "/lineage/4/kind", "train")
}

# --- artifacts-named

test_no_artifact if {
	not holds("artifacts-named") with input as at(trained, "/artifacts", {})
}

test_empty_artifact if {
	not holds("artifacts-named") with input as at(trained, "/artifacts/model/size", 0)
	"artifacts-named" in core.met with input as at(trained, "/artifacts/model/size", 1)
}

test_artifact_without_digest if {
	not holds("artifacts-named") with input as at(trained, "/artifacts/model/digest", "model.pt")
	not holds("artifacts-named") with input as at(trained, "/artifacts/log", {"digest": "", "size": 3})
}

test_kinds_that_make_no_files if {
	every kind in ["define", "validate", "approve"] {
		"artifacts-named" in core.not_applicable with input as transition(trained, {"kind": kind})
	}
	every kind in ["acquire", "prepare", "split", "train", "evaluate", "deploy", "monitor", "retire"] {
		not "artifacts-named" in core.not_applicable with input as transition(trained, {"kind": kind})
	}
}

test_artifacts_are_met_only_at_an_exit if {
	not "artifacts-named" in core.met with input as transition(trained, {"point": "entry"})
}

# --- lawful-basis

test_personal_data_without_basis if {
	bare := at(deploy, "/datasets/0/basis", null)
	not holds("lawful-basis") with input as bare
	core.because["lawful-basis"] == {"dataset `applications` holds personal data without a lawful basis"} with input as bare
	not holds("lawful-basis") with input as at(deploy, "/datasets/0/basis", "because")
}

test_personal_columns_need_a_basis_whatever_the_class_says if {
	public := at(at(deploy, "/datasets/0/basis", null), "/datasets/0/class", "public")
	not holds("lawful-basis") with input as public
	"lawful-basis" in core.met with input as at(public, "/datasets/0/personal", [])
}

test_classes_that_need_a_basis if {
	every class in ["personal", "special-category"] {
		bare := object.union(dataset, {"basis": null, "class": class, "personal": []})
		not holds("lawful-basis") with input as at(deploy, "/datasets", [bare])
	}
}

test_every_dataset_counts if {
	bare := object.union(dataset, {"name": "second", "basis": null})
	not holds("lawful-basis") with input as at(deploy, "/datasets", [dataset, bare])
	not holds("lawful-basis") with input as at(deploy, "/datasets", [bare, dataset])
}

test_each_lawful_basis if {
	every basis in ["consent", "contract", "legal-obligation", "vital-interests", "public-task", "legitimate-interests"] {
		"lawful-basis" in core.met with input as at(deploy, "/datasets/0/basis", basis)
	}
}

test_no_dataset_no_basis if {
	"lawful-basis" in core.not_applicable with input as at(deploy, "/datasets", [])
	not "lawful-basis" in core.met with input as at(deploy, "/datasets", [])
	not "lawful-basis" in core.not_applicable with input as deploy
}

# --- data-classified

test_no_class if {
	bare := at(deploy, "/datasets/0/class", null)
	not holds("data-classified") with input as bare
	core.because["data-classified"] == {"dataset `applications` declares no class"} with input as bare
	not holds("data-classified") with input as at(deploy, "/datasets/0/class", "secret")
}

test_each_class if {
	every class in ["public", "internal", "personal", "special-category"] {
		"data-classified" in core.met with input as at(deploy, "/datasets/0/class", class)
	}
}

test_class_is_asked_of_high_risk_only if {
	bare := at(deploy, "/datasets/0/class", null)
	every level in ["limited", "minimal"] {
		"data-classified" in core.not_applicable with input as risk(bare, level)
	}
	not holds("data-classified") with input as risk(bare, "prohibited")
	not "data-classified" in core.not_applicable with input as deploy
}

test_no_dataset_no_class if {
	"data-classified" in core.not_applicable with input as at(deploy, "/datasets", [])
	not "data-classified" in core.met with input as at(deploy, "/datasets", [])
}

# --- hazards-mitigated

test_hazards if {
	"hazards-mitigated" in core.met with input as objective
	not holds("hazards-mitigated") with input as at(objective, "/declaration/body/hazard", [])
	not holds("hazards-mitigated") with input as at(objective, "/declaration/body", {})
	not holds("hazards-mitigated") with input as at(objective, "/declaration", null)
}

test_every_hazard_is_mitigated if {
	not holds("hazards-mitigated") with input as at(objective, "/declaration/body/hazard/0/mitigated by", [])
	not holds("hazards-mitigated") with input as at(objective, "/declaration/body/hazard/-", {"title": "other"})
}

test_hazards_are_asked_of_high_risk_objectives_only if {
	bare := at(objective, "/declaration/body/hazard", [])
	every level in ["limited", "minimal"] {
		"hazards-mitigated" in core.not_applicable with input as risk(bare, level)
	}
	not holds("hazards-mitigated") with input as risk(bare, "prohibited")
	"hazards-mitigated" in core.not_applicable with input as transition(bare, {"point": "entry"})
	"hazards-mitigated" in core.not_applicable with input as transition(bare, {"kind": "train"})
	not "hazards-mitigated" in core.not_applicable with input as objective
}

# --- unseen-rows

test_rows_it_was_trained_on if {
	"unseen-rows" in core.met with input as measure
	not holds("unseen-rows") with input as at(measure, "/inputs/data/digest", "sha256:train")
	not holds("unseen-rows") with input as at(measure, "/inputs/data/digest", "sha256:validation")
}

test_training_unknown if {
	not holds("unseen-rows") with input as at(measure, "/lineage", [])
	not holds("unseen-rows") with input as at(measure, "/inputs/model/digest", "sha256:other")
	not holds("unseen-rows") with input as at(measure, "/inputs/model/artifact", "other")
	not holds("unseen-rows") with input as at(measure, "/lineage/1/kind", "prepare")
	not holds("unseen-rows") with input as without(measure, "inputs")
}

test_unseen_rows_are_asked_of_evaluations_only if {
	seen := at(measure, "/inputs/data/digest", "sha256:train")
	"unseen-rows" in core.not_applicable with input as transition(seen, {"kind": "train"})
	"unseen-rows" in core.not_applicable with input as transition(seen, {"point": "exit"})
	not "unseen-rows" in core.not_applicable with input as seen
}

# --- evaluated-before-deploy

test_not_evaluated if {
	not holds("evaluated-before-deploy") with input as at(deploy, "/lineage", [define, train, approve])
	not holds("evaluated-before-deploy") with input as at(deploy, "/lineage/2/kind", "train")
	not holds("evaluated-before-deploy") with input as at(deploy, "/lineage/2/exit_allowed", false)
	not holds("evaluated-before-deploy") with input as at(deploy, "/lineage/2/inputs/model/digest", "sha256:other")
	not holds("evaluated-before-deploy") with input as without(deploy, "inputs")
}

test_evaluation_is_asked_of_deployments_only if {
	bare := at(deploy, "/lineage", [])
	"evaluated-before-deploy" in core.not_applicable with input as transition(bare, {"kind": "train"})
	"evaluated-before-deploy" in core.not_applicable with input as transition(bare, {"point": "exit"})
	not "evaluated-before-deploy" in core.not_applicable with input as deploy
}

# --- approved-before-deploy

test_not_approved if {
	not holds("approved-before-deploy") with input as at(deploy, "/lineage", [define, train, evaluate])
	not holds("approved-before-deploy") with input as at(deploy, "/lineage/3/kind", "evaluate")
	not holds("approved-before-deploy") with input as at(deploy, "/lineage/3/exit_allowed", false)
	not holds("approved-before-deploy") with input as at(deploy, "/lineage/3/iteration", 1)
}

test_approval_is_asked_of_high_risk_deployments_only if {
	bare := at(deploy, "/lineage", [])
	every level in ["limited", "minimal"] {
		"approved-before-deploy" in core.not_applicable with input as risk(bare, level)
	}
	not holds("approved-before-deploy") with input as risk(bare, "prohibited")
	"approved-before-deploy" in core.not_applicable with input as transition(bare, {"kind": "train"})
	"approved-before-deploy" in core.not_applicable with input as transition(bare, {"point": "exit"})
	not "approved-before-deploy" in core.not_applicable with input as deploy
}

# What is met is said to be evaluated: a rule for deployments is neither at a training's gate.
test_rules_of_one_kind_are_met_at_that_kind_only if {
	of_deployments := {"evaluated-before-deploy", "approved-before-deploy", "objective-accepted"}
	of_deployments - core.met == set() with input as deploy
	of_deployments & core.met == set() with input as transition(deploy, {"kind": "train"})
	"unseen-rows" in core.met with input as measure
	not "unseen-rows" in core.met with input as transition(measure, {"kind": "train"})
}

# --- objective-accepted

test_no_objective if {
	not holds("objective-accepted") with input as at(deploy, "/lineage", [train, evaluate, approve])
	not holds("objective-accepted") with input as at(deploy, "/lineage/0/kind", "train")
	not holds("objective-accepted") with input as at(deploy, "/lineage/0/exit_allowed", false)
}

test_objective_is_asked_of_high_risk_deployments_only if {
	bare := at(deploy, "/lineage", [])
	every level in ["limited", "minimal"] {
		"objective-accepted" in core.not_applicable with input as risk(bare, level)
	}
	not holds("objective-accepted") with input as risk(bare, "prohibited")
	"objective-accepted" in core.not_applicable with input as transition(bare, {"kind": "train"})
	"objective-accepted" in core.not_applicable with input as transition(bare, {"point": "exit"})
	not "objective-accepted" in core.not_applicable with input as deploy
}
