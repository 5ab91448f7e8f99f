# METADATA
# title: Data under a licence that we know
# description: A model learns only from data whose licence is on this list. Change the list to what your team may use.
package project.known_licence

import rego.v1

known := {"CC0-1.0", "CC-BY-4.0", "proprietary, ours"}

deny contains message if {
	some dataset in input.datasets
	not dataset.license in known
	message := sprintf("dataset `%s` is under no licence that is on the list", [dataset.name])
}
