"""Which built-in functions a policy may call: the same answer on every engine, at any time, from the input alone."""

_NAMES = """
    abs array.concat array.reverse array.slice base64.decode base64.encode base64.is_valid base64url.decode
    base64url.encode base64url.encode_no_pad bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor ceil concat
    contains count endswith floor format_int glob.match glob.quote_meta graph.reachable graph.reachable_paths
    hex.decode hex.encode indexof indexof_n intersection is_array is_boolean is_null is_number is_object is_set
    is_string json.filter json.is_valid json.marshal json.patch json.remove json.unmarshal lower max min
    object.filter object.get object.keys object.remove object.subset object.union object.union_n product
    regex.find_all_string_submatch_n regex.find_n regex.is_valid regex.match regex.replace regex.split
    regex.template_match replace round semver.compare semver.is_valid sort split sprintf startswith
    strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n strings.reverse substring sum
    time.add_date time.clock time.date time.diff time.format time.parse_duration_ns time.parse_ns
    time.parse_rfc3339_ns time.weekday to_number trim trim_left trim_prefix trim_right trim_space trim_suffix
    type_name union units.parse units.parse_bytes upper urlquery.decode urlquery.decode_object urlquery.encode
    urlquery.encode_object walk
"""
ALLOWED = frozenset(_NAMES.split())

_CLOCK = "reads the clock; a gate's time is `input.time`"
_CHANCE = "gives another answer each time, so no audit could repeat the decision"
_NETWORK = "reaches for the network; a policy knows only its input"
_ENVIRONMENT = "reads the environment of the engine; a policy knows only its input"
_ENDLESS = "can use any amount of memory; write the items out, or count what is in the input"
_NOISE = "prints, which is no part of a decision; say it in the message"
_WITH = "changes what the policy is given or what a function does; it belongs in tests"
_ENGINES = "is not the same in every engine"

FORBIDDEN = {
    "http.send": _NETWORK,
    "net": _NETWORK,
    "providers": _NETWORK,
    "time.now_ns": _CLOCK,
    "rand": _CHANCE,
    "uuid": _CHANCE,
    "opa.runtime": _ENVIRONMENT,
    "numbers.range": _ENDLESS,
    "numbers.range_step": _ENDLESS,
    "with": _WITH,
    "print": _NOISE,
    "trace": _NOISE,
    "crypto": _ENGINES,
    "io": _ENGINES,
    "rego": _ENGINES,
    "graphql": _ENGINES,
    "yaml": _ENGINES,
    "json": _ENGINES,
    "cast_array": _ENGINES,
}
"""Why, by function or by the family before its first dot."""


def why_forbidden(function: str) -> str | None:
    """The reason against a known built-in, None when nothing of this name is known."""
    return FORBIDDEN.get(function) or FORBIDDEN.get(function.partition(".")[0])
