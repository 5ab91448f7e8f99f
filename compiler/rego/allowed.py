"""Which built-in functions a policy may call: those that answer from the input alone, alike on every engine.

Where an allowed function still differs by its arguments, `arguments.py` refuses what it can see, and docs/policies.md
says what is left.
"""

_NAMES = """
    abs array.concat array.reverse array.slice base64.encode base64url.encode base64url.encode_no_pad bits.and
    bits.lsh bits.negate bits.or bits.rsh bits.xor concat contains count endswith floor format_int
    glob.match graph.reachable graph.reachable_paths hex.decode hex.encode indexof indexof_n intersection
    is_array is_boolean is_null is_number is_object is_set is_string json.filter json.patch json.remove max min
    object.filter object.get object.keys object.remove object.subset object.union object.union_n product
    regex.find_all_string_submatch_n regex.find_n regex.match regex.replace regex.split replace round
    semver.compare semver.is_valid sort split sprintf startswith strings.any_prefix_match
    strings.any_suffix_match strings.reverse substring sum time.add_date time.clock time.date time.diff
    time.parse_rfc3339_ns time.weekday trim trim_left trim_prefix trim_right trim_space trim_suffix type_name
    union walk
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

_CASE = 'treats some letters differently in each engine; compare with `regex.match("(?i)^...$", text)`'
_NUMERAL = "takes other texts for a number in each engine, and errs on the rest; have the input hold a number"
_JSON = "reads and writes numbers differently in each engine; have the input hold the value"
_BASE64 = "takes other texts for valid in each engine; have the input hold the text itself"
_URL = "encodes other characters in each engine"
_LAYOUT = "reads its layout differently in each engine; use `time.parse_rfc3339_ns`, `time.date` and `time.clock`"

DIFFERING = {
    "base64.decode": _BASE64,
    "base64.is_valid": _BASE64,
    "base64url.decode": _BASE64,
    "ceil": "makes of a number between -1 and 0 one that is above 0 in OPA; compare the number itself, or use `floor`",
    "glob.quote_meta": "makes patterns while the policy runs; write the pattern out",
    "json.is_valid": _JSON,
    "json.marshal": _JSON,
    "json.unmarshal": _JSON,
    "lower": _CASE,
    "regex.is_valid": "takes other patterns for valid in each engine; write the pattern out",
    "regex.template_match": "reads its pattern differently in each engine; use `regex.match`",
    "strings.count": "counts overlapping texts in one engine only",
    "strings.replace_n": "replaces in another order in each engine; use `replace`",
    "time.format": _LAYOUT,
    "time.parse_ns": _LAYOUT,
    "time.parse_duration_ns": _NUMERAL,
    "to_number": _NUMERAL,
    "units.parse": _NUMERAL,
    "units.parse_bytes": _NUMERAL,
    "upper": _CASE,
    "urlquery.decode": _URL,
    "urlquery.decode_object": _URL,
    "urlquery.encode": _URL,
    "urlquery.encode_object": _URL,
}
"""Built-ins that both engines have, with different answers. New policies may not call them; a bundle that was compiled
earlier is still decided, so that its decisions can be repeated."""


def why_forbidden(function: str) -> str | None:
    """The reason against a known built-in in any bundle, None when nothing of this name is known."""
    return FORBIDDEN.get(function) or FORBIDDEN.get(function.partition(".")[0])
