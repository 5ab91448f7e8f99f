package project.function

deny contains "no evidence" if cuont(input.evidence) == 0
