package project.misspelt

deny contains "high risk" if input.lifecycle.rsk == "high"
