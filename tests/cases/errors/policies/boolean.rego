package project.boolean

deny if input.lifecycle.risk == "high"
