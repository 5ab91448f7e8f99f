# METADATA
# title: No proxies of protected attributes among the features
package project.no_proxy

import rego.v1

deny contains msg if {
	some column in input.declaration.body.features
	column == "postcode"
	msg := "postcode stands in for origin"
}
