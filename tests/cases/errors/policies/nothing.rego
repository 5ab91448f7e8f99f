package project.nothing

high_risk if input.lifecycle.risk == "high"
