deny contains "x" if { true }
