# METADATA
# title: Core
# description: |
#   What holds for every lifecycle. A rule must show that it is met, or that it does not apply;
#   what it cannot show is a violation.
package charter.packs.core

# METADATA
# title: A prohibited practice is never built
# custom:
#   rule: not-prohibited
#   severity: absolute
#   clauses: ["eu-ai-act Art. 5"]
#   evidence: ["lifecycle.risk"]
#   remedy: change what the system does; no approval and no waiver can permit it
met contains "not-prohibited" if input.lifecycle.risk in {"high", "limited", "minimal"}

# METADATA
# title: Only what its own gate has allowed flows on, byte for byte
# custom:
#   rule: accepted-inputs
#   severity: absolute
#   clauses: ["eu-ai-act Art. 17(1)(d)"]
#   evidence: ["inputs", "lineage"]
#   remedy: run the stages before this one until their exit gates allow, then this one again
met contains "accepted-inputs" if {
	input.transition.point == "entry"
	every source in input.transition.sources {
		accepted(source)
	}
	every flowing in input.inputs {
		flowing.stage in input.transition.sources
		made(flowing)
	}
}

because["accepted-inputs"] contains message if {
	some source in input.transition.sources
	not accepted(source)
	message := sprintf("the exit gate of `%s` has not allowed its result", [source])
}

because["accepted-inputs"] contains message if {
	some name, flowing in input.inputs
	not made(flowing)
	message := sprintf("input `%s` is not what `%s` made", [name, flowing.stage])
}

accepted(source) if {
	some stage in input.lineage
	stage.stage == source
	stage.exit_allowed == true
}

# A retirement follows from what monitors saw: their breach is its reason, not an obstacle.
accepted(source) if {
	input.transition.kind == "retire"
	some stage in input.lineage
	stage.stage == source
	stage.kind == "monitor"
}

made(flowing) if {
	some stage in input.lineage
	stage.stage == flowing.stage
	stage.artifacts[flowing.artifact].digest == flowing.digest
}

# METADATA
# title: A stage that makes files names each by its digest
# custom:
#   rule: artifacts-named
#   severity: absolute
#   clauses: ["eu-ai-act Art. 12(1)"]
#   evidence: ["artifacts"]
#   remedy: make the stage write its output; an empty or missing file is no result
met contains "artifacts-named" if {
	input.transition.point == "exit"
	count(input.artifacts) > 0
	every artifact in input.artifacts {
		startswith(artifact.digest, "sha256:")
		artifact.size > 0
	}
}

# METADATA
# title: Personal data has a lawful basis
# custom:
#   rule: lawful-basis
#   severity: mandatory
#   clauses: ["gdpr Art. 6(1)"]
#   evidence: ["datasets"]
#   remedy: "declare the dataset's `basis`, or leave the personal data out"
met contains "lawful-basis" if {
	count(input.datasets) > 0
	every dataset in input.datasets {
		lawful(dataset)
	}
}

because["lawful-basis"] contains message if {
	some dataset in input.datasets
	not lawful(dataset)
	message := sprintf("dataset `%s` holds personal data without a lawful basis", [dataset.name])
}

lawful(dataset) if {
	dataset.personal == []
	not dataset.class in {"personal", "special-category"}
} else if {
	dataset.basis in {
		"consent",
		"contract",
		"legal-obligation",
		"vital-interests",
		"public-task",
		"legitimate-interests",
	}
}

# METADATA
# title: A high-risk system says how confidential its data is
# custom:
#   rule: data-classified
#   severity: mandatory
#   clauses: ["gdpr Art. 5(2)", "eu-ai-act Art. 10(2)(b)"]
#   evidence: ["datasets"]
#   remedy: "declare the dataset's `class`"
met contains "data-classified" if {
	count(input.datasets) > 0
	every dataset in input.datasets {
		dataset.class in {"public", "internal", "personal", "special-category"}
	}
}

because["data-classified"] contains message if {
	some dataset in input.datasets
	dataset.class == null
	message := sprintf("dataset `%s` declares no class", [dataset.name])
}

# METADATA
# title: The objective of a high-risk system names its hazards, each with a mitigation
# custom:
#   rule: hazards-mitigated
#   severity: mandatory
#   clauses: ["eu-ai-act Art. 9(2)"]
#   evidence: ["declaration.body.hazard"]
#   remedy: "add a `hazard` with `mitigated by` to the objective"
met contains "hazards-mitigated" if {
	count(input.declaration.body.hazard) > 0
	every hazard in input.declaration.body.hazard {
		count(hazard["mitigated by"]) > 0
	}
}

# METADATA
# title: A model is measured on rows that it was not trained on
# custom:
#   rule: unseen-rows
#   severity: mandatory
#   clauses: ["eu-ai-act Art. 15(1)"]
#   evidence: ["inputs.data", "lineage"]
#   remedy: evaluate on another part of the split, or on other data
met contains "unseen-rows" if {
	input.transition.kind == "evaluate"
	some stage in input.lineage
	stage.kind == "train"
	stage.artifacts[input.inputs.model.artifact].digest == input.inputs.model.digest
	every seen in stage.inputs {
		seen.digest != input.inputs.data.digest
	}
}

# METADATA
# title: What is deployed was evaluated, byte for byte
# custom:
#   rule: evaluated-before-deploy
#   severity: absolute
#   clauses: ["eu-ai-act Art. 9(8)", "eu-ai-act Art. 15(1)"]
#   evidence: ["inputs.model", "lineage"]
#   remedy: evaluate this very model, and let the evaluation's exit gate allow it
met contains "evaluated-before-deploy" if {
	input.transition.kind == "deploy"
	some stage in input.lineage
	stage.kind == "evaluate"
	stage.exit_allowed == true
	stage.inputs.model.digest == input.inputs.model.digest
}

# METADATA
# title: People approve a high-risk system before it goes live
# custom:
#   rule: approved-before-deploy
#   severity: mandatory
#   clauses: ["eu-ai-act Art. 14(1)"]
#   evidence: ["lineage"]
#   remedy: "add an `approval` to the charter, and name it in the deployment's `after`"
met contains "approved-before-deploy" if {
	input.transition.kind == "deploy"
	some stage in input.lineage
	stage.kind == "approve"
	stage.exit_allowed == true
	stage.iteration == input.lifecycle.iteration
}

# METADATA
# title: A high-risk system goes live only with an accepted objective
# custom:
#   rule: objective-accepted
#   severity: mandatory
#   clauses: ["eu-ai-act Art. 9(1)"]
#   evidence: ["lineage"]
#   remedy: "add an `objective` to the charter; nothing starts before its exit gate allows"
met contains "objective-accepted" if {
	input.transition.kind == "deploy"
	some stage in input.lineage
	stage.kind == "define"
	stage.exit_allowed == true
}

# --- what does not apply, by the reason ----------------------------------------------------------

not_applicable contains rule if {
	input.transition.point == "entry"
	some rule in {"artifacts-named", "hazards-mitigated"}
}

not_applicable contains rule if {
	input.transition.point == "exit"
	some rule in {
		"accepted-inputs",
		"approved-before-deploy",
		"evaluated-before-deploy",
		"objective-accepted",
		"unseen-rows",
	}
}

not_applicable contains "artifacts-named" if input.transition.kind in {"define", "validate", "approve"}

not_applicable contains "hazards-mitigated" if input.transition.kind != "define"

not_applicable contains "unseen-rows" if input.transition.kind != "evaluate"

not_applicable contains rule if {
	input.transition.kind != "deploy"
	some rule in {"approved-before-deploy", "evaluated-before-deploy", "objective-accepted"}
}

not_applicable contains rule if {
	input.lifecycle.risk in {"limited", "minimal"}
	some rule in {"approved-before-deploy", "data-classified", "hazards-mitigated", "objective-accepted"}
}

not_applicable contains rule if {
	count(input.datasets) == 0
	some rule in {"data-classified", "lawful-basis"}
}
