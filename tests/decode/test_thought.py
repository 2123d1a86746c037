"""Answers that think first, written under a grammar."""

import re
from random import Random

import numpy as np
import pytest

from adhere.data.store import Dataset
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Sampling
from adhere.decode.thought import Tag, Thought
from adhere.decode.vocabulary import Vocabulary
from adhere.model import Model, load
from adhere.predict import predict
from adhere.records import Example
from adhere.reward.verdict import Obeys, judge
from adhere.schema import Schema

CLOSED = Schema.of(
    {
        "type": "object",
        "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)


def written(model: Model, *, limit: int, seed: int) -> str:
    """What chance writes of all that is allowed, the end of the turn left out."""
    vocabulary, random = Vocabulary(model), Random(seed)
    grammar = Grammar(CLOSED, vocabulary, form="think")
    tokens: list[int] = []
    while len(tokens) < limit:
        remaining = limit - len(tokens)
        for token in grammar.forced(remaining) or (
            random.choice(np.flatnonzero(grammar.allowed(remaining))),
        ):
            if vocabulary.end_V[token]:
                return model.tokenizer.decode(tokens)
            tokens.append(int(token))
            grammar.accept(int(token))
    return pytest.fail("it was cut off")


@pytest.mark.parametrize("reference", ["text", "nano"])
def test_chance_writes_a_thought_and_then_a_value_in_tags(model: Model, reference: str) -> None:
    # The tags are text to one of the two, and tokens of their own to nano.
    writer = model if reference == "text" else load("nano")
    for seed in range(3):
        text = written(writer, limit=150, seed=seed)
        assert re.fullmatch(r"<think>.*</think>\n<answer>\{.*\}</answer>", text, re.DOTALL), text
        assert isinstance(judge(text, CLOSED, form="think"), Obeys)
        # It was free until the tokens left were needed.
        assert text.index("</think>") > 30


@pytest.mark.parametrize("reference", ["text", "nano"])
@pytest.mark.parametrize("thought", ["", 'a < b, "quoted" {n} [1]\n</th x', "é 漢 1,250.00"])
def test_a_thought_is_any_text_without_its_end(model: Model, reference: str, thought: str) -> None:
    writer = model if reference == "text" else load("nano")
    vocabulary = Vocabulary(writer)
    grammar = Grammar(CLOSED, vocabulary, form="think")
    text = f'<think>{thought}</think>\n<answer>{{"item":"mug","count":2}}</answer>'
    for token in writer.tokenizer.encode(text, add_special_tokens=False):
        assert grammar.allowed(400)[token], writer.tokenizer.decode([token])
        grammar.accept(token)
    assert vocabulary.end_V[list(grammar.forced(400))].all()


def test_no_turn_ends_within_a_thought(model: Model) -> None:
    vocabulary = Vocabulary(model)
    grammar = Grammar(CLOSED, vocabulary, form="think")
    for token in model.tokenizer.encode("<think>so ", add_special_tokens=False):
        grammar.accept(token)
    assert not (grammar.allowed(400) & vocabulary.end_V).any()


@pytest.mark.parametrize(
    ("begun", "tag"),
    [("", "</think>"), ("<", "/think>"), ("</thin", "k>"), ("<</", "think>"), ("</think ", "</think>")],
)
def test_a_thought_that_has_begun_to_end_is_ended_from_there(model: Model, begun: str, tag: str) -> None:
    vocabulary = Vocabulary(model)
    grammar = Grammar(CLOSED, vocabulary, form="think")
    for token in model.tokenizer.encode(f"<think>no{begun}", add_special_tokens=False):
        grammar.accept(token)
    # A byte a token: the way to the end takes 42 to 48.
    assert "".join(rest(grammar, vocabulary, model, remaining=50)).startswith(f"{tag}\n<answer>")


def rest(grammar: Grammar, vocabulary: Vocabulary, model: Model, *, remaining: int) -> list[str]:
    """What is written where every token is needed for the end."""
    pieces: list[str] = []
    while True:
        tokens = grammar.forced(remaining) or (int(np.flatnonzero(grammar.allowed(remaining))[0]),)
        for token in tokens:
            if vocabulary.end_V[token]:
                return pieces
            pieces.append(model.tokenizer.decode([token]))
            grammar.accept(token)
            remaining -= 1


def test_a_tag_is_a_token_of_its_own_where_the_tokenizer_has_it(model: Model) -> None:
    assert Tag.of("<think>", Vocabulary(model).native) == Tag("<think>", None)
    nano = load("nano")
    (token,) = nano.tokenizer.encode("<think>", add_special_tokens=False)
    tag = Tag.of("<think>", Vocabulary(nano).native)
    assert (tag.token, tag.rule) == (token, f"<[{token}]>")


def test_a_thought_in_text_is_over_at_its_tag_whatever_tokens_it_comes_in() -> None:
    thought = Thought(Tag("</think>", None))
    for spelled in [b"so </", b"thi", b"nk"]:
        thought = thought.after(7, spelled)
        assert not thought.is_over
    assert thought.after(7, b">\n").is_over
    assert not thought.after(7, b" >").is_over


def test_random_weights_obey_after_a_thought(model: Model, order: Schema) -> None:
    rows = Dataset({"order": order}, tuple(Example(id=f"{n}", text="mug", schema="order") for n in range(2)))
    sampling = Sampling(temperature=0.0, max_new_tokens=140)
    for prediction in predict(model, rows, constrain=True, sampling=sampling, form="think"):
        assert isinstance(prediction.verdict, Obeys)
        assert prediction.answer.startswith("<think>")
        assert {"/item", "/count"} <= prediction.confidence.keys()
