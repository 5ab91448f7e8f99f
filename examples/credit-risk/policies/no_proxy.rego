# METADATA
# title: Protected attributes and what stands in for them
# description: |
#   A dataset that a model learns from must declare gender and ethnicity as protected: then they are no features.
#   Columns that say much the same in other words are warned of, unless they are declared protected too.
package project.no_proxy

import rego.v1

protected := {"gender", "ethnicity"}

# `relationship` says husband or wife. Marital status is itself protected in lending in some countries (in the US by the
# Equal Credit Opportunity Act).
proxies := {"relationship", "marital-status"}

deny contains message if {
	some dataset in input.datasets
	some column in (protected - {declared | some declared in dataset.protected})
	message := sprintf("dataset `%s` does not declare `%s` as protected, so a model may use it", [dataset.name, column])
}

warn contains message if {
	some dataset in input.datasets
	some column in (proxies - {declared | some declared in dataset.protected})
	message := sprintf("`%s` of dataset `%s` stands in for gender and may be a feature", [column, dataset.name])
}
