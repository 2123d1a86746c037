"""What is known of a run beside its completions: its rows, its prompts, a longer limit, other packages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal, TypeAlias

from adhere import prompt
from adhere.config import Form
from adhere.measure.statistics import Rate
from adhere.prompt import Tokenizer
from adhere.records import JSON, Example
from adhere.reward.grounded import support
from adhere.reward.loading import Attempt, Reward
from adhere.schema import Schema
from adhere.schema.leaves import field_of, leaves_at
from adhere.schema.places import pointer_of
from adhere.train.trial import OPENED

ROWS = 1000
"""Labelled rows that are read closely: enough for a share to a few percent, within seconds."""
REWARDED = 32
"""Right answers that are rewarded: few, since a reward of the user's own may cost money."""
SHOWN = 3
"""Values that are named where a text does not state them."""

Part: TypeAlias = Literal["instruction", "schema", "text"]
"""What every prompt must show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The right answers of some rows, and how they fare before any model is asked."""

    tokens: tuple[int, ...]
    """How long each is, with what the form puts around it and its end."""
    stated: Rate | None
    """Share of their free values that the text states; `None` where they have none."""
    unstated: tuple[str, ...]
    """A few values that it does not, each with its row and pointer."""
    reward: float
    """Mean of what they earn."""
    reward_of_nothing: float
    """Mean of what an empty completion earns on the same rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The prompts as the model reads them."""

    count: int
    lacking: Mapping[Part, int]
    """How many of them do not show a part; parts that all of them show are left out."""
    opens_thinking: bool
    """Whether the chat template has already begun to think."""
    can_switch_thinking: bool
    """Whether the chat template knows a thinking mode, which is then switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a run beside its completions; nothing, where nobody looked."""

    rows: str = "DATA"
    """Where the rows lie."""
    labelled: bool = True
    """Whether every row has a right answer."""
    opening: str = "{"
    """What every answer begins with; empty where that is not always the same."""
    answers: Answers | None = None
    prompts: Prompts | None = None
    ended: Mapping[int, Rate] = field(default_factory=dict[int, Rate])
    """By a higher token limit: how many of the completions that were cut off ended within it."""
    trl: str | None = None
    """Version of TRL, where it is installed."""


def answers(
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    reward: Reward,
    tokenizer: Tokenizer | None,
    *,
    form: Form,
    longest: int,
) -> Answers | None:
    """Look at the right answers of the first labelled rows; `None` where there are none.

    Args:
        examples: The rows of the run.
        schemas: Theirs, by name.
        reward: The run's.
        tokenizer: The model's; without one, lengths are not known.
        form: What stands around an answer.
        longest: Characters beyond which a string is taken for echoed text.
    """
    labelled = [example for example in examples if example.target is not None][:ROWS]
    if not labelled:
        return None
    written = [prompt.answer(example, schemas[example.schema], form=form) for example in labelled]
    right = [
        Attempt(text, each, schemas[each.schema])
        for text, each in zip(written[:REWARDED], labelled, strict=False)
    ]
    nothing = [Attempt("", each.example, each.schema) for each in right]
    # A text that answers another need not repeat it.
    read = [] if form == "prose" else labelled
    found = [stated for each in read for stated in _stated(each, schemas[each.schema], longest=longest)]
    lacking = [where for where, is_stated in found if not is_stated]
    encoded = [tokenizer.encode(text, add_special_tokens=False) for text in written] if tokenizer else []
    return Answers(
        tokens=tuple(len(tokens) + 1 for tokens in encoded),
        stated=Rate(len(found) - len(lacking), len(found)) if found else None,
        unstated=tuple(lacking[:SHOWN]),
        reward=fmean(scored.total for scored in reward(right)),
        reward_of_nothing=fmean(scored.total for scored in reward(nothing)),
    )


def prompts(
    read: Sequence[str],
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    tokenizer: Tokenizer,
    *,
    form: Form,
) -> Prompts:
    """Look at prompts for what a model must be shown.

    Args:
        read: The prompts as text, without what they have already written of the answer.
        examples: Those that they ask about, in the same order.
        schemas: Theirs, by name.
        tokenizer: Its chat template says whether it knows a thinking mode.
        form: The shape of the answer that they ask for.
    """
    lacking: dict[Part, int] = {}
    for text, example in zip(read, examples, strict=True):
        shown = _folded(text)
        for part, content in _parts(example, schemas[example.schema], form):
            if _folded(content) not in shown:
                lacking[part] = lacking.get(part, 0) + 1
    return Prompts(
        count=len(read),
        lacking=lacking,
        opens_thinking=any(text.rstrip().endswith(OPENED) for text in read),
        can_switch_thinking="enable_thinking" in str(tokenizer.chat_template),
    )


def _parts(example: Example, schema: Schema, form: Form) -> tuple[tuple[Part, str], ...]:
    if form == "prose":
        return ("instruction", prompt.instruction(example)), ("text", example.text)
    return ("instruction", prompt.SYSTEM[form]), ("schema", schema.blank), ("text", example.text)


def opening(schemas: Mapping[str, Schema]) -> str:
    """Return what the answers to all these schemas begin with: a brace, a bracket, or nothing."""
    starts = {schema.blank[:1] for schema in schemas.values()}
    return starts.pop() if len(starts) == 1 and starts <= {"{", "["} else ""


def _stated(example: Example, schema: Schema, *, longest: int) -> Iterator[tuple[str, bool]]:
    """Yield, for each value of the right answer that a text could state, where it stands and whether it does.

    Values that the schema lists are left out: a class such as `urgent` is right without being written. A
    string that the text has to the letter is stated, even one that `grounded` would not pay for.
    """
    listed = {leaf.pointer for leaf in schema.leaves if leaf.enum is not None}
    values = {pointer_of(path): (path, value) for path, value in leaves_at(example.target)}
    for pointer, span in support(example.target, example.text, schema, longest=longest).spans.items():
        path, value = values[pointer]
        if field_of(path) not in listed:
            is_verbatim = isinstance(value, str) and _folded(value) in _folded(example.text)
            yield f"row {example.id} {pointer} = {_short(value)}", span is not None or is_verbatim


def _short(value: JSON) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def _folded(text: str) -> str:
    """Return a text without what a tokenizer may change and a reader does not miss: blanks and capitals."""
    return "".join(text.split()).casefold()
