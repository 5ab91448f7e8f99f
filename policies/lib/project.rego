# METADATA
# title: Project policies
# description: Adapts `deny`, `violation` and `warn` sets, as Conftest uses them, to findings.
package charter.lib.project

# A message is a string, or an object with `msg`; anything else still denies, and says that it is malformed.
findings(messages) := [finding |
	some message in messages
	finding := {"code": "policy_denied", "message": said(message), "evidence": null}
]

warnings(messages) := [finding |
	some message in messages
	finding := {"code": "policy_warned", "message": said(message), "evidence": null}
]

said(message) := message if {
	is_string(message)
} else := message.msg if {
	is_string(message.msg)
} else := "the policy gave a message that is neither text nor an object with `msg`"
