# METADATA
# title: Numbers as text
# description: Engines print floats differently with `%v`; these forms are the same in all of them.
package charter.lib.numbers

# Whole numbers without a point, others with up to six decimals.
text(number) := sprintf("%d", [floor(number)]) if {
	number == floor(number)
	abs(number) < 1e15
} else := trim_right(trim_right(sprintf("%.6f", [number]), "0"), ".")
