package project.latin1
# café
