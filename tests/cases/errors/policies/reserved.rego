package charter.main

deny contains "mine" if input.lifecycle.risk == "high"
