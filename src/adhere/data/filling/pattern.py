"""Strings that a regular expression matches."""

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from random import Random
from typing import Any, TypeAlias

from adhere.data.filling.drawing import Undrawable
from adhere.data.filling.values import invented

_PARSER: Any = import_module("re._parser")
"""Where Python parses regular expressions; it has no types."""

Draw: TypeAlias = Callable[[Random, int], str]
"""Draws a string; the number is how often at most what may be repeated without end is repeated beyond what it
must be. Below 0, it is repeated exactly so often."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_WORD = _LETTERS + _LETTERS.upper() + _DIGITS
_PRINTED = _WORD + " -.,:/_+#&()'@!?%*=;<>[]{}|~^$\"\\`"
"""What a class that is described by what is not in it is drawn from, commoner characters first."""
_CATEGORIES = {
    "CATEGORY_DIGIT": _DIGITS,
    "CATEGORY_NOT_DIGIT": _LETTERS + _LETTERS.upper(),
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": _WORD,
    "CATEGORY_WORD": _WORD,
    "CATEGORY_NOT_WORD": " -.,/",
}
_SCRIPTS = {
    "L": "A-Za-zÀ-ÖØ-öø-ÿ", "Letter": "A-Za-zÀ-ÖØ-öø-ÿ", "Alphabetic": "A-Za-z", "Latin": "A-Za-z",
    "Lu": "A-Z", "Uppercase_Letter": "A-Z", "Ll": "a-z", "Lowercase_Letter": "a-z",
    "N": "0-9", "Nd": "0-9", "Number": "0-9", "digit": "0-9", "Alpha": "A-Za-z",
    "P": r"\-.,:", "S": "+=", "Z": " ", "Zs": " ", "Sc": "$€",
    "Cyrillic": "а-яА-Я", "Greek": "α-ω", "Han": "一-龥",
}  # fmt: skip
"""What of a property of Unicode is drawn."""
_PROPERTY = re.compile(r"\\p(?:\{(?:[A-Za-z_]+=)?(\w+)\}|(\w))")
_LONGEST = 2**20
"""Characters; an answer has no more."""
_PRONOUNCED = 4
"""So many small letters in a row are drawn as a word is spoken."""


def pattern_maker(pattern: str) -> tuple[Draw, int]:
    """Return what draws strings that a pattern of the dialect matches, and the length of the shortest.

    Most of what is drawn matches; word boundaries and the like are left to whoever checks.

    Raises:
        Undrawable: It is written in a way that is not read here, or every match is too long.
    """
    try:
        parsed: Any = _PARSER.parse(_translated(pattern))
    except re.error as fault:
        raise Undrawable(
            "pattern", f"is written in a way that no string is drawn for ({fault.msg})"
        ) from fault
    shortest: int = parsed.getwidth()[0]
    if shortest > _LONGEST:
        raise Undrawable("pattern", f"asks for more than {_LONGEST} characters")
    return _sequence(parsed), shortest


def _translated(pattern: str) -> str:
    """Write in Python what JavaScript and Rust write otherwise: names of groups, code points, properties."""

    def of_property(found: re.Match[str]) -> str:
        characters = _SCRIPTS.get(found[1] or found[2], "A-Za-z")
        # Within brackets the characters join the others there.
        opened = pattern.rfind("[", 0, found.start())
        is_inside = opened >= 0 and "]" not in pattern[opened : found.start()].replace("\\]", "")
        return characters if is_inside else f"[{characters}]"

    text = _PROPERTY.sub(of_property, pattern)
    text = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", text)
    text = re.sub(r"\\u\{([0-9A-Fa-f]+)\}", lambda found: re.escape(chr(int(found[1], 16))), text)
    text = re.sub(r"\\c([A-Za-z])", lambda found: re.escape(chr(ord(found[1].upper()) - 64)), text)
    return text.replace("\\z", "\\Z").replace("[^]", r"[\s\S]")


# Any: a parsed expression is an untyped tree of (operation, argument).


def _sequence(nodes: Sequence[Any]) -> Draw:
    parts = [_node(str(operation), argument) for operation, argument in nodes]
    if len(parts) == 1:
        return parts[0]
    return lambda random, slack: "".join([part(random, slack) for part in parts])


def _node(operation: str, argument: Any) -> Draw:
    match operation:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _repeat(*argument)
        case "SUBPATTERN" | "ATOMIC_GROUP":
            return _sequence(argument[-1] if operation == "SUBPATTERN" else argument)
        case "BRANCH":
            branches = [_sequence(branch) for branch in argument[1]]
            return lambda random, slack: random.choice(branches)(random, slack)
        case "AT":
            return lambda _random, _slack: ""
        case _:
            characters = _characters(operation, argument)
            return lambda random, _slack: characters[int(random.random() * len(characters))]


def _repeat(least: int, most: object, inner: Sequence[Any]) -> Draw:
    # The end of an endless repetition is a constant of the parser, larger than any text.
    bound = int(str(most)) if str(most).isdecimal() else _LONGEST
    draw = _sequence(inner)
    operation, argument = (str(inner[0][0]), inner[0][1]) if len(inner) == 1 else ("", None)
    is_spoken = _LETTERS in _characters(operation, argument) if operation in {"IN", "ANY"} else False

    def repeated(random: Random, slack: int) -> str:
        span = min(bound - least, abs(slack))
        count = least + (span if slack < 0 else int(random.random() * (span + 1)))
        if is_spoken and count >= _PRONOUNCED:
            return _spoken(random, count)
        return "".join([draw(random, slack // 2) for _ in range(count)])

    return repeated


def _spoken(random: Random, count: int) -> str:
    text = invented(random)
    while len(text) < count:
        text += invented(random)
    return text[:count]


def _characters(operation: str, argument: Any) -> str:
    """List the characters that one character of an expression stands for, each once."""
    match operation:
        case "LITERAL":
            return chr(argument)
        case "NOT_LITERAL":
            return _PRINTED.replace(chr(argument), "")
        case "ANY":
            return _WORD
        case "CATEGORY":
            return _CATEGORIES[str(argument)]
        case "RANGE":
            low, high = argument
            return "".join(map(chr, range(low, min(high, low + 1000) + 1)))
        case "IN":
            return _class(argument)
        case _:
            raise Undrawable("pattern", f"has what no string is drawn for ({operation.lower()})")


def _class(members: Sequence[Any]) -> str:
    is_negated = str(members[0][0]) == "NEGATE"
    listed = "".join(_characters(str(kind), value) for kind, value in members[is_negated:])
    if is_negated:
        kept = [character for character in _PRINTED if character not in listed]
        return "".join(kept) or "é"
    return "".join(dict.fromkeys(listed))
