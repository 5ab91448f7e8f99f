package charter.lib.approval_test

import data.charter.lib.approval

wanted := {
	"approval": "release",
	"role": "risk-officer",
	"quorum": 1,
	"excluding": ["owner"],
	"valid_seconds": 86400,
}

signed(person, type, at) := {
	"approval": "release",
	"type": type,
	"person": person,
	"role": "risk-officer",
	"key": sprintf("key of %s", [person]),
	"signed_at": at,
}

codes(approvals) := [found.code |
	some found in approval.findings(wanted) with input as {
		"time": "2026-11-22T08:00:00Z",
		"people": {"owner": ["olga"]},
		"approvals": approvals,
	}
]

test_an_approval_counts_while_it_is_valid if codes([signed("ann", "approve", "2026-11-21T08:00:00Z")]) == []

test_an_approval_lapses if codes([signed("ann", "approve", "2026-11-21T07:59:59Z")]) == ["approval_missing"]

test_an_approval_of_tomorrow_does_not_count if {
	codes([signed("ann", "approve", "2026-11-22T08:00:01Z")]) == ["approval_missing"]
}

test_a_rejection_does_not_lapse if {
	fresh := signed("ann", "approve", "2026-11-22T07:00:00Z")
	codes([fresh, signed("bob", "reject", "2020-01-01T00:00:00Z")]) == ["rejected"]
}

test_a_rejection_with_a_clock_set_forward_counts if {
	fresh := signed("ann", "approve", "2026-11-22T07:00:00Z")
	codes([fresh, signed("bob", "reject", "2027-01-01T00:00:00Z")]) == ["rejected"]
}

test_who_is_excluded_can_neither_approve_nor_reject if {
	codes([signed("olga", "approve", "2026-11-22T07:00:00Z")]) == ["approval_missing"]
	codes([
		signed("ann", "approve", "2026-11-22T07:00:00Z"),
		signed("olga", "reject", "2026-11-22T07:00:00Z"),
	]) == []
}

test_one_person_under_two_keys_is_one if {
	two := object.union(wanted, {"quorum": 2})
	approvals := [
		signed("ann", "approve", "2026-11-22T07:00:00Z"),
		object.union(signed("ann", "approve", "2026-11-22T07:00:00Z"), {"key": "another"}),
	]
	found := approval.findings(two) with input as {
		"time": "2026-11-22T08:00:00Z",
		"people": {"owner": ["olga"]},
		"approvals": approvals,
	}
	[item.code | some item in found] == ["approval_missing"]
}
