"""What is known of licences for data: whether they permit commercial use.

Identifiers and expressions are those of SPDX (https://spdx.org/licenses/, specification 2.3, annex D). Whether a use is
commercial, and what own terms say, is for people to judge; unknown is never taken for permitted in silence.
"""

import re
from collections.abc import Sequence
from typing import Literal

Use = Literal["permitted", "forbidden", "own terms", "unknown"]

_FORBIDDEN = re.compile(r"(?i)CC-BY-NC(-.+)?|PolyForm-Noncommercial-.+|NCGL-UK-.+")
_CREATIVE_COMMONS = re.compile(r"(?i)CC-BY(-SA|-ND)?-\d\.\d(-[A-Z]+)?")
_SAID_IN_WORDS = re.compile(
    r"(?i)\bnon-?\s?commercial|\bresearch (use )?only|\bacademic (use )?only|\bCC[ -]BY[ -]NC\b"
)

PERMITTED = frozenset(
    """
    0BSD AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC-PDDC CC-PDM-1.0
    CC0-1.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 CDLA-Sharing-1.0 DL-DE-BY-2.0 DL-DE-ZERO-2.0 EPL-2.0 EUPL-1.2
    GFDL-1.3-only GFDL-1.3-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ISC LGPL-2.1-only
    LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0 MPL-2.0 NLOD-1.0 NLOD-2.0 O-UDA-1.0 ODC-By-1.0 ODbL-1.0
    OGL-Canada-2.0 OGL-UK-1.0 OGL-UK-2.0 OGL-UK-3.0 PDDL-1.0 PSF-2.0 PostgreSQL Unlicense Zlib etalab-2.0
    """.split()  # noqa: SIM905 - forty lines of quotes read worse
)
"""Identifiers that are known to permit commercial use, beside those of Creative Commons; many have other conditions."""

_LOWER = frozenset(name.lower() for name in PERMITTED)
_OWN = re.compile(r"(?i)(DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+")
_WORD = re.compile(r"\(|\)|[^\s()]+")
_RANK: tuple[Use, ...] = ("permitted", "own terms", "unknown", "forbidden")
_MOST_WORDS = 200


def commercial_use(licence: str) -> Use:
    """Whether a licence permits commercial use. Of `A OR B` the better counts, of `A AND B` the worse."""
    words: list[str] = _WORD.findall(licence)
    if _SAID_IN_WORDS.search(licence) and not any(word.upper() == "OR" for word in words):
        return "forbidden"
    if not words or len(words) > _MOST_WORDS:
        return "unknown"
    return _expression(words)


def worst(uses: Sequence[Use]) -> Use:
    """What all of these permit together."""
    return max(uses, key=_RANK.index)


def _expression(words: list[str]) -> Use:
    """Shunting-yard over `AND`, `OR` and parentheses; whatever is no expression is unknown."""
    values: list[Use] = []
    operators: list[str] = []
    wanted = True
    position = 0
    while position < len(words):
        word, upper = words[position], words[position].upper()
        position += 1
        if wanted and word == "(":
            operators.append(word)
        elif wanted:
            values.append(_one(word))
            wanted = False
        elif upper == "WITH":  # an exception to a licence only permits more
            position += 1
        elif word == ")":
            while operators and operators[-1] != "(":
                _apply(operators.pop(), values)
            if not operators:
                return "unknown"
            operators.pop()
        elif upper in ("AND", "OR"):
            while operators and operators[-1] != "(" and (operators[-1] == "AND" or upper == "OR"):
                _apply(operators.pop(), values)
            operators.append(upper)
            wanted = True
        else:
            return "unknown"
    if wanted or "(" in operators:
        return "unknown"
    while operators:
        _apply(operators.pop(), values)
    return values[0]


def _apply(operator: str, values: list[Use]) -> None:
    right, left = values.pop(), values.pop()
    choose = max if operator == "AND" else min
    values.append(choose(left, right, key=_RANK.index))


def _one(identifier: str) -> Use:
    name = identifier.removesuffix("+")
    if _FORBIDDEN.fullmatch(name):
        return "forbidden"
    if name.lower() in _LOWER or _CREATIVE_COMMONS.fullmatch(name):
        return "permitted"
    return "own terms" if _OWN.fullmatch(name) else "unknown"
