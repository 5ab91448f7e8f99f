# METADATA
# title: Numbers as text
# description: |
#   Engines print floats differently with `%v`, and whole numbers beyond 2^53 with any verb;
#   these forms are the same in all of them.
package charter.lib.numbers

# Whole numbers without a point, others with up to six decimals, and no digits where none is exact.
# The sign is set by hand: regorus 0.13 writes two of them.
text(number) := "more than 10^15" if {
	number > 1e15
} else := "less than -10^15" if {
	number < -1e15
} else := concat("", ["-", digits(abs(number))]) if {
	number < 0
} else := digits(number)

digits(number) := sprintf("%d", [floor(number)]) if {
	number == floor(number)
} else := trim_right(trim_right(sprintf("%.6f", [number]), "0"), ".")
