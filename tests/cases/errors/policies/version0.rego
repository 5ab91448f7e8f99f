package project.version0

deny[msg] {
	input.lifecycle.risk == "high"
	msg := "high risk"
}
