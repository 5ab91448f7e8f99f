# METADATA
# title: Project policies
# description: |
#   Adapts `deny`, `violation` and `warn` sets, as Conftest and Gatekeeper use them, and `compliance_report`
#   documents to findings.
package charter.lib.project

# A message is a string, or an object with `msg`; anything else still denies, and says that it is malformed.
findings(messages) := [finding |
	some message in messages
	finding := {"code": "policy_denied", "message": said(message), "evidence": details(message)}
]

warnings(messages) := [finding |
	some message in messages
	finding := {"code": "policy_warned", "message": said(message), "evidence": details(message)}
]

said(message) := message if {
	is_string(message)
} else := message.msg if {
	is_string(message.msg)
} else := "the policy gave a message that is neither text nor an object with `msg`"

# What a message says beside its text, as Gatekeeper's do.
details(message) := {"details": message.details} if {
	message.details != null
} else := null

# With `in`, since OPA refuses to load a bundle that compares what it knows to be a text with `true`.
affirmed(value) if value in {true}

# A report must show that all is well: every verdict in it is a yes, there is one, and it lists no violation.
compliant(report) if {
	is_object(report)
	verdicts := [verdict | some key in verdict_keys; verdict := report[key]]
	every verdict in verdicts { verdict == true }
	count(verdicts) + count([report.status | report.status == "PASS"]) > 0
	count(object.get(report, "violations", [])) == 0
}

verdict_keys := {"allow", "allowed", "compliant", "overall_compliant", "overall_result"}

# The words of a report that is not compliant, if it has any.
reasons(report) := {reason |
	is_object(report)
	some path in [["reason"], ["details", "message"]]
	reason := object.get(report, path, null)
	is_string(reason)
}
