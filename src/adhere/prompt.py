"""Turns an example into the tokens that a model reads and, for training, those it should write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adhere.config import Form
from adhere.errors import DataError, ModelError
from adhere.records import Example
from adhere.schema import Schema
from adhere.schema.canonical import in_schema_order, spelled

SYSTEM: dict[Form, str] = {
    "plain": "Fill in the form from the text. JSON only.",
    "think": (
        "Fill in the form from the text. "
        "Reason in <think></think>, then write JSON only in <answer></answer>."
    ),
    "prose": "Do what is asked, from the text alone.",
}
PREFILL: dict[Form, str] = {"plain": "", "think": "<think>", "prose": ""}
"""What the prompt has already written of the answer, unless the user says otherwise."""


INSTRUCTION = "instruction"
"""Where a row says what is asked for, under the form `prose`."""


def beginning(form: Form, prefill: str | None) -> str:
    """Return what the prompt has already written of the answer; `None` asks for what its form wants."""
    return PREFILL[form] if prefill is None else prefill


class Tokenizer(Protocol):
    """What is asked of a Hugging Face tokenizer."""

    chat_template: str | dict[str, str] | None
    """One template, or several by name."""
    eos_token_id: int | None

    def __len__(self) -> int:
        """Return how many tokens there are, added ones included."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool = True, verbose: bool = True) -> list[int]:
        """Return the tokens of `text`; `verbose` warns of more than the model takes."""
        ...

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """Return the text of tokens."""
        ...

    def apply_chat_template(
        self,
        conversation: list[dict[str, str]],
        *,
        tokenize: bool,
        add_generation_prompt: bool,
        enable_thinking: bool,
    ) -> str:
        """Return the conversation as the model was taught to read it."""
        ...

    def save_pretrained(self, save_directory: Path) -> object:
        """Write the tokenizer's files into a directory."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """Tokens and, for each, whether it is the model's to write and to learn.

    The two travel together so that no caller can train on a prompt by forgetting the mask.
    """

    tokens: tuple[int, ...]
    is_answer: tuple[bool, ...]


def messages(example: Example, schema: Schema, *, form: Form = "plain") -> list[dict[str, str]]:
    """Return the conversation: what to do, then the schema's blank form above the text.

    Under the form `prose` the row's own instruction stands there in place of a form.

    Raises:
        DataError: It has none.
    """
    asked = instruction(example) if form == "prose" else schema.blank
    return [
        {"role": "system", "content": SYSTEM[form]},
        {"role": "user", "content": f"{asked}\n\n{example.text}"},
    ]


def instruction(example: Example) -> str:
    """Return what a row asks for in its own words: its column `instruction`.

    Raises:
        DataError: It has none.
    """
    given = example.meta.get(INSTRUCTION)
    if isinstance(given, str) and given.strip():
        return given
    raise DataError.at(
        f"row {example.id} {INSTRUCTION}",
        given,
        "the form prose asks for what the row says, and it says nothing",
        fix="Give the row an instruction such as 'Sum this up.', or use the form plain",
    )


def prompt(
    example: Example,
    schema: Schema,
    tokenizer: Tokenizer,
    *,
    form: Form = "plain",
    prefill: str | None = None,
) -> tuple[int, ...]:
    """Return the tokens that a model continues.

    A tokenizer without a chat template gets the same words as paragraphs. Where a template knows a thinking
    mode (Qwen3), it is switched off: `form` decides whether the model thinks, in the same tags for every
    model.

    Args:
        example: Its text is asked about.
        schema: Its blank form is shown.
        tokenizer: The model's own.
        form: Shape of the answer.
        prefill: Start of the answer, given to the model; `None` for the form's own.
    """
    return opened(messages(example, schema, form=form), tokenizer, beginning(form, prefill))


def opened(conversation: list[dict[str, str]], tokenizer: Tokenizer, started: str) -> tuple[int, ...]:
    """Return the tokens of a conversation, up to an answer of which `started` is written."""
    if tokenizer.chat_template:
        text = tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
    else:
        text = "\n\n".join(message["content"] for message in conversation) + "\n\n"
    return tuple(tokenizer.encode(text + started, add_special_tokens=False, verbose=False))


def answer(example: Example, schema: Schema, *, form: Form = "plain") -> str:
    """Return the right answer as the model should write it: compact, with keys in the schema's order.

    Under the form `prose` it is the target's text as it stands.

    Raises:
        DataError: The example has no target, or none that is a text under the form `prose`.
    """
    if example.target is None:
        raise DataError.at(
            f"row {example.id} target",
            example.target,
            "there is no right answer to train on",
            fix="Give the row a target, or train with `adhere grpo --reward grounded`, which needs none",
        )
    if form == "prose":
        return _text(example)
    value = spelled(in_schema_order(example.target, schema.source))
    if form == "plain":
        return value
    return f"<think>{example.reasoning or ''}</think>\n<answer>{value}</answer>"


def _text(example: Example) -> str:
    if isinstance(example.target, str):
        return example.target
    raise DataError.at(
        f"row {example.id} target",
        example.target,
        "the form prose wants a text for an answer",
        fix="Use the form plain or think for answers in JSON",
    )


def render(
    example: Example,
    schema: Schema,
    tokenizer: Tokenizer,
    *,
    form: Form = "plain",
    prefill: str | None = None,
    learn_reasoning: bool = True,
) -> Rendered:
    """Return prompt and right answer, closed by the end-of-turn token.

    Args:
        example: Its text is asked about, and its target is the right answer.
        schema: Its blank form is shown.
        tokenizer: The model's own.
        form: Shape of the answer.
        prefill: Start of the answer, given to the model; `None` for the form's own.
        learn_reasoning: Under the form `think`, mark what stands before `<answer>` too. Without it the first
            token marked is the one that begins the tag, even where it ends what stands before as well.

    Raises:
        DataError: The example has no target or not the one that the form wants, no instruction where the form
            wants it, or an answer that does not begin with `prefill`.
        ModelError: `learn_reasoning` is off, and the tokenizer does not give back the text that it was given.
    """
    started = beginning(form, prefill)
    whole = answer(example, schema, form=form)
    if not whole.startswith(started):
        raise DataError.at(
            example.id,
            whole,
            f"the right answer does not begin with the prefill {started!r}",
            fix="Shorten the prefill",
        )
    asked = prompt(example, schema, tokenizer, form=form, prefill=started)
    rest = whole[len(started) :]
    written = [*tokenizer.encode(rest, add_special_tokens=False, verbose=False)]
    unlearned = len(asked)
    if form == "think" and not learn_reasoning:
        learned = f"<answer>{answer(example, schema)}</answer>"
        unlearned += _last_start(written, learned[-len(rest) :], tokenizer)
    if tokenizer.eos_token_id is not None:
        written.append(tokenizer.eos_token_id)
    tokens = (*asked, *written)
    return Rendered(tokens, (False,) * unlearned + (True,) * (len(tokens) - unlearned))


def _last_start(tokens: Sequence[int], ending: str, tokenizer: Tokenizer) -> int:
    """Return the last place from which tokens still hold all of the text that they end with.

    Raises:
        ModelError: They do not end with it.
    """
    if not tokenizer.decode(tokens).endswith(ending):
        raise ModelError.at(
            "sft.learn_reasoning",
            ending,
            "the model's tokenizer does not give this text back, so where it begins cannot be told",
            fix="Learn the reasoning too, or take another model",
        )
    # From `first` on they hold it, from `past` on they do not.
    first, past = 0, len(tokens)
    while past - first > 1:
        middle = (first + past) // 2
        if tokenizer.decode(tokens[middle:]).endswith(ending):
            first = middle
        else:
            past = middle
    return first
