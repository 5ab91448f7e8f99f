# METADATA
# title: Approvals
# description: People who must agree. Signatures are verified before the input is made; here they are counted.
package charter.lib.approval

# METADATA
# description: What is missing for `wanted.quorum` distinct people of `wanted.role`; a rejection beats every approval.
# scope: rule
findings(wanted) := array.concat(array.concat(rejections(wanted), unknown(wanted)), missing(wanted))

# Approvals that count: signed before now, and not lapsed.
in_force(wanted) := [signature |
	some signature in given(wanted, "approve")
	age_ns := time.parse_rfc3339_ns(input.time) - time.parse_rfc3339_ns(signature.signed_at)
	age_ns >= 0
	fresh(age_ns, wanted)
]

# What those who may decide have signed, however long ago: approvals lapse, a rejection does not.
given(wanted, type) := [signature |
	some signature in input.approvals
	signature.approval == wanted.approval
	signature.type == type
	signature.role == wanted.role
	not signature.person in excluded(wanted)
]

fresh(_, wanted) if wanted.valid_seconds == null

fresh(age_ns, wanted) if {
	is_number(wanted.valid_seconds)
	age_ns <= wanted.valid_seconds * 1000000000
}

# Separation of duties: who may not sign.
excluded(wanted) := {person |
	some duty in wanted.excluding
	some person in input.people[duty]
}

rejections(wanted) := [finding("rejected", sprintf("`%s` was rejected by `%s`", [wanted.approval, person])) |
	some person in {signature.person | some signature in given(wanted, "reject")}
]

unknown(wanted) := [finding("exclusion_unknown", sprintf("nobody is known to be `%s`, who may not sign", [duty])) |
	some duty in wanted.excluding
	not known(duty)
]

known(duty) if count(input.people[duty]) > 0

missing(wanted) := [finding("approval_missing", sprintf("%d of %d signatures of `%s` for `%s`", [
	signed(wanted),
	wanted.quorum,
	wanted.role,
	wanted.approval,
]))] if {
	signed(wanted) < wanted.quorum
} else := []

# One person under two keys is one person; two people with one key are one key.
signed(wanted) := min([count(people), count(keys)]) if {
	signatures := in_force(wanted)
	people := {signature.person | some signature in signatures}
	keys := {signature.key | some signature in signatures}
}

finding(code, message) := {"code": code, "message": message, "evidence": null}
