from dataclasses import replace
from typing import cast

import pytest
from tokenizers.models import BPE
from tokenizers.normalizers import Lowercase
from transformers import PreTrainedTokenizerFast

from adhere import prompt
from adhere.errors import DataError, ModelError
from adhere.model import Model
from adhere.records import JSON, Example
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "title": "Cup",
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["item", "count"],
    }
)
EXAMPLE = Example(
    id="e", text="Two mugs", schema="Cup", target={"count": 2, "item": "mug"}, reasoning="Two is 2."
)


def text(model: Model, tokens: tuple[int, ...]) -> str:
    return model.tokenizer.decode(list(tokens), skip_special_tokens=False)


def test_a_prompt_shows_task_form_and_text_in_the_model_s_own_template(model: Model) -> None:
    assert text(model, prompt.prompt(EXAMPLE, SCHEMA, model.tokenizer)) == (
        "<|im_start|>system\nFill in the form from the text. JSON only.<|im_end|>\n"
        '<|im_start|>user\n{"item":"string","count":"integer"}\n\nTwo mugs<|im_end|>\n'
        "<|im_start|>assistant\n"
    )


def test_a_model_without_a_template_gets_paragraphs(model: Model) -> None:
    model.tokenizer.chat_template = None
    assert text(model, prompt.prompt(EXAMPLE, SCHEMA, model.tokenizer)) == (
        'Fill in the form from the text. JSON only.\n\n{"item":"string","count":"integer"}\n\nTwo mugs\n\n'
    )


def test_the_answer_is_compact_and_in_the_schema_s_order() -> None:
    assert prompt.answer(EXAMPLE, SCHEMA) == '{"item":"mug","count":2}'


def test_a_thinking_answer_has_its_tags() -> None:
    whole = prompt.answer(EXAMPLE, SCHEMA, form="think")
    assert whole == '<think>Two is 2.</think>\n<answer>{"item":"mug","count":2}</answer>'


@pytest.mark.parametrize(
    ("form", "prefill"), [("plain", None), ("plain", '{"'), ("think", None), ("think", "")]
)
def test_what_is_the_model_s_to_write_is_marked(model: Model, form: prompt.Form, prefill: str | None) -> None:
    row = prompt.render(EXAMPLE, SCHEMA, model.tokenizer, form=form, prefill=prefill)
    asked = prompt.prompt(EXAMPLE, SCHEMA, model.tokenizer, form=form, prefill=prefill)
    assert row.tokens[: len(asked)] == asked
    assert row.is_answer == (False,) * len(asked) + (True,) * (len(row.tokens) - len(asked))
    started = prompt.PREFILL[form] if prefill is None else prefill
    written = text(model, row.tokens[len(asked) :])
    assert started + written == prompt.answer(EXAMPLE, SCHEMA, form=form) + "<|im_end|>"


PROSE = Schema.of({"type": "string"}, name="prose")
TOLD = Example(
    id="p", text="Two mugs", schema="prose", target="2 mugs.", meta={"instruction": "Sum this up."}
)


def test_under_prose_the_row_says_what_to_do_and_no_form_is_shown(model: Model) -> None:
    assert text(model, prompt.prompt(TOLD, PROSE, model.tokenizer, form="prose")) == (
        "<|im_start|>system\nDo what is asked, from the text alone.<|im_end|>\n"
        "<|im_start|>user\nSum this up.\n\nTwo mugs<|im_end|>\n<|im_start|>assistant\n"
    )
    assert prompt.answer(TOLD, PROSE, form="prose") == "2 mugs."


@pytest.mark.parametrize("given", [None, "", "  ", 5])
def test_under_prose_a_row_needs_an_instruction(model: Model, given: JSON) -> None:
    silent = replace(TOLD, meta={} if given is None else {"instruction": given})
    with pytest.raises(DataError, match=r"row p instruction = .*Give the row an instruction such as"):
        prompt.prompt(silent, PROSE, model.tokenizer, form="prose")


def test_under_prose_the_answer_is_a_text() -> None:
    with pytest.raises(DataError, match=r"row e target = \{.*wants a text for an answer. Use the form plain"):
        prompt.answer(EXAMPLE, SCHEMA, form="prose")


def test_an_example_without_a_target_cannot_be_rendered(model: Model) -> None:
    unlabelled = Example(id="u", text="Two mugs", schema="Cup")
    with pytest.raises(DataError, match=r"row u target = None: there is no right answer.*grounded"):
        prompt.render(unlabelled, SCHEMA, model.tokenizer)


def test_a_prefill_that_the_answer_does_not_begin_with_is_refused(model: Model) -> None:
    with pytest.raises(DataError, match="does not begin with the prefill"):
        prompt.render(EXAMPLE, SCHEMA, model.tokenizer, prefill="[")


THOUGHT = replace(EXAMPLE, reasoning="It says <answer>. \u00fc: two.")
ANSWERED = '<answer>{"item":"mug","count":2}</answer>'


def merged(model: Model, *merges: tuple[str, str]) -> prompt.Tokenizer:
    """The model's tokenizer, with pairs of tokens that it writes as one."""
    tokenizer = cast("PreTrainedTokenizerFast", model.tokenizer)
    vocabulary = tokenizer.get_vocab()
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    backend = tokenizer.backend_tokenizer
    backend.model = BPE(vocabulary, list(merges))
    return cast("prompt.Tokenizer", tokenizer)


@pytest.mark.parametrize(
    ("merges", "learned"),
    [
        pytest.param((), ANSWERED, id="a token for each byte"),
        pytest.param(
            (("\u010a", "<"),), f"\n{ANSWERED}", id="one token for the line's end and the tag's begin"
        ),
        pytest.param((("<", "a"), ("<a", "n")), ANSWERED, id="one token for the tag's begin"),
    ],
)
def test_without_the_reasoning_only_the_answer_is_marked(
    model: Model, merges: tuple[tuple[str, str], ...], learned: str
) -> None:
    tokenizer = merged(model, *merges)
    whole = prompt.render(THOUGHT, SCHEMA, tokenizer, form="think")
    row = prompt.render(THOUGHT, SCHEMA, tokenizer, form="think", learn_reasoning=False)
    assert row.tokens == whole.tokens
    start = row.is_answer.index(True)
    assert all(row.is_answer[start:])
    assert tokenizer.decode(row.tokens[start:]) == f"{learned}<|im_end|>"


@pytest.mark.parametrize("form", ["plain", "prose"])
def test_what_has_no_reasoning_is_marked_whole(model: Model, form: prompt.Form) -> None:
    example, schema = (TOLD, PROSE) if form == "prose" else (EXAMPLE, SCHEMA)
    rendered = [
        prompt.render(example, schema, model.tokenizer, form=form, learn_reasoning=learned)
        for learned in (True, False)
    ]
    assert rendered[0] == rendered[1]


def test_a_prefill_within_the_answer_leaves_its_rest(model: Model) -> None:
    prefill = f'<think>{THOUGHT.reasoning}</think>\n<answer>{{"item":'
    row = prompt.render(
        THOUGHT, SCHEMA, model.tokenizer, form="think", prefill=prefill, learn_reasoning=False
    )
    start = row.is_answer.index(True)
    assert text(model, row.tokens[start:]) == '"mug","count":2}</answer><|im_end|>'


def test_a_tokenizer_that_changes_a_text_cannot_leave_its_reasoning_out(model: Model) -> None:
    tokenizer = cast("PreTrainedTokenizerFast", model.tokenizer)
    tokenizer.backend_tokenizer.normalizer = Lowercase()
    shouting = replace(THOUGHT, target={"item": "MUG", "count": 2})
    with pytest.raises(ModelError, match=r"sft.learn_reasoning = .*MUG.* does not give this text back"):
        prompt.render(shouting, SCHEMA, model.tokenizer, form="think", learn_reasoning=False)
