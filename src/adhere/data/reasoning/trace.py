"""What is wrong with a trace: the words that are to lead from a text to an answer."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.data.reasoning.origins import Holder, Leaf, Origins, holders, origins, places
from adhere.data.reasoning.reading import flag_of
from adhere.data.reasoning.reasoning import ends
from adhere.records import JSON, Example
from adhere.schema import Parsed, Schema, parse_json
from adhere.schema.canonical import canonical, spelled
from adhere.text.page import Page, read
from adhere.text.stated import spans

Cause: TypeAlias = Literal[
    "empty", "tags", "too_long", "answer_inside", "unmentioned", "unstated", "unlabelled", "failed", "budget"
]
"""Why a row gets no trace. The first five are what `fault` finds. unstated: no teacher writes it, and the
text does not state every leaf. unlabelled: the row has no target. failed: the teacher did not reply. budget:
the teacher was not asked, for the tokens were spent."""

LONGEST = 6000
"""Most characters of a trace, unless the user says otherwise."""
_TAG = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
_BRACKET = re.compile(r"[\[\]{}]")
_BEGUN = re.compile(r"""[\[{]\s*["']""")
_KEY = re.compile(r"""(["'])((?:\\.|(?!\1).)+)\1\s*:""")
_TRUTHS = {True: ("true", "yes"), False: ("false", "no", "not")}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a trace."""

    cause: Cause
    detail: str
    """A clause that whoever wrote it can act on."""


def fault(trace: str, example: Example, schema: Schema, *, longest: int = LONGEST) -> Fault | None:
    """Find what is wrong with a trace for the example's target; `docs/reasoning.md` lists the rules.

    Pure.

    Args:
        trace: Without the tags around it.
        example: Has a target.
        schema: The one that the target obeys.
        longest: Most characters of a trace.
    """
    held = tuple(holders(example.target, schema))
    return fault_of(trace, example, held, origins(example, held), longest=longest)


def fault_of(
    trace: str, example: Example, held: Sequence[Holder], found: Origins, *, longest: int
) -> Fault | None:
    """Find what is wrong with a trace, once the target's leaves have been looked for.

    Args:
        trace: Without the tags around it.
        example: Has a target.
        held: The target's `holders`.
        found: The `origins` of their leaves.
        longest: Most characters of a trace.
    """
    if not trace.strip():
        return Fault("empty", "it is empty")
    tag = _TAG.search(trace)
    if tag is not None:
        return Fault("tags", f"it has the tag {tag[0]}")
    if len(trace) > longest:
        return Fault("too_long", f"it has {len(trace)} characters, and may have {longest}")
    if _has_answer(trace, held):
        return Fault("answer_inside", "it has the answer, or a part of it, as JSON")
    lacking = next(_unmentioned(trace, example, held, found), None)
    return None if lacking is None else Fault("unmentioned", lacking)


def _has_answer(trace: str, held: Sequence[Holder]) -> bool:
    """Whether a bracket holds two keys of the target (or its only one), or a list of it."""
    if "{" not in trace and "[" not in trace:
        return False
    keys = {key for holder in held if isinstance(holder.node, dict) for key in holder.node}
    lists = {canonical(holder.node) for holder in held if _is_long_list(holder)}
    for inside in _brackets(trace):
        if inside.startswith("{"):
            named = {found[2] for found in _KEY.finditer(inside)}
            if keys and len(named & keys) >= min(2, len(keys)):
                return True
        else:
            parsed = parse_json(inside)
            if isinstance(parsed, Parsed) and canonical(parsed.value) in lists:
                return True
    return False


def _is_long_list(holder: Holder) -> bool:
    """Whether a holder is the whole answer, or a list of so many items that it is no quotation."""
    return isinstance(holder.node, list) and (not holder.path or len(holder.node) > 1)


def _brackets(text: str) -> Iterator[str]:
    """Yield what stands in brackets, those inside others first; JSON that breaks off goes to the end."""
    open_at: list[int] = []
    for found in _BRACKET.finditer(text):
        if found[0] in "{[":
            open_at.append(found.start())
        elif open_at:
            yield text[open_at.pop() : found.end()]
    yield from (text[at:] for at in open_at[:1] if _BEGUN.match(text, at))


def _unmentioned(trace: str, example: Example, held: Sequence[Holder], found: Origins) -> Iterator[str]:
    """Yield what a trace does not say of the leaves that say something."""
    page = Page(trace)
    for leaf in (leaf for holder in held for leaf in holder.leaves if not leaf.is_empty):
        origin = found.get(leaf.pointer)
        if origin is None:
            if not _gives(page, leaf):
                yield f"it does not give the value of {leaf.pointer}, {_shown(leaf.value)}"
        elif not _quotes(page, origin.surface) and not _says_otherwise(page, leaf, read(example.text)):
            yield f"it does not quote what {leaf.pointer} comes from, {_shown(origin.surface)}"


def _quotes(page: Page, surface: str) -> bool:
    """Whether a trace has a stretch of text, or both ends of a long one."""
    return all(f'"{part}"' in page.text or page.spans(part.strip(), most=1) for part in ends(surface))


def _says_otherwise(page: Page, leaf: Leaf, text: Page) -> bool:
    """Whether a trace gives a yes or no, or quotes another place that states a leaf."""
    if flag_of(leaf.value, leaf.at) is not None:
        return _gives(page, leaf)
    return any(_quotes(page, text.text[slice(*span)]) for span in places(leaf, text))


def _gives(page: Page, leaf: Leaf) -> bool:
    """Whether a trace states a leaf's value; what the schema fixes counts wherever its letters stand."""
    if leaf.is_fixed and (leaf.value if isinstance(leaf.value, str) else spelled(leaf.value)) in page.text:
        return True
    flag = flag_of(leaf.value, leaf.at)
    if flag is not None:
        return any(page.spans(word, most=1) for word in _TRUTHS[flag])
    return bool(spans(leaf.value, leaf.at, page, key=leaf.key, most=1)) or _quotes(page, str(leaf.value))


def _shown(value: JSON) -> str:
    return " … ".join(ends(spelled(value)))
