"""The passes that prove what can be proved, one file each, in one declared order."""
