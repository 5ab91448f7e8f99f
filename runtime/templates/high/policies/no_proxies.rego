# METADATA
# title: Protected attributes and what stands in for them
# description: |
#   A dataset that a model learns from declares its protected attributes: then they are no features. Columns that say
#   much the same in other words must be declared too. Change both lists to what your data has.
package project.no_proxies

import rego.v1

protected := {"group"}

proxies := set()

deny contains message if {
	some dataset in input.datasets
	some column in (protected | proxies) - {declared | some declared in dataset.protected}
	message := sprintf("dataset `%s` does not declare `%s` as protected, so a model may use it", [dataset.name, column])
}
