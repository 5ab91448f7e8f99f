package project.syntax

deny contains "never" if {
	input.lifecycle.risk ==
}
