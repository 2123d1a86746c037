"""How sure a model was of each leaf of its answer, read off the tokens that spell it."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adhere.config import Form
from adhere.prompt import Tokenizer
from adhere.records import Completion
from adhere.reward.place import places_in
from adhere.reward.verdict import Obeys, Verdict, Violates
from adhere.schema.leaves import leaves

_HALF = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer gives for bytes that are no character yet."""


def confidences(
    completion: Completion, verdict: Verdict, tokenizer: Tokenizer, *, answer: str, form: Form = "plain"
) -> Mapping[str, float]:
    """Return how sure a model was of each leaf of its answer, in [0, 1], by JSON pointer.

    It is the probability of writing just this leaf after what stands before it: the product over the tokens
    that spell it. How often such a leaf is right is for a `Calibration` to say.

    The tokens of a leaf are all that write a character of it, quotation marks included: the one that opens a
    string says that it is no number and no null, and the one that closes it says that it goes on no further.
    A number has no such mark, so the token after it, which ends it, counts too. A token that also writes
    what stands around the leaf, such as the `","` between two strings, counts whole. What a grammar left no
    choice about has probability 1.

    A key that was left out has no leaf, and so no confidence. Nor has a leaf that the prefill wrote (of one
    that it began, the rest counts), nor any of an answer that is no JSON, or prose, or whose tokens do not
    give its text back piece by piece.

    Pure.

    Args:
        completion: What the model wrote.
        verdict: What became of the answer.
        tokenizer: The model's own.
        answer: All that was judged: the prefill, then what the model wrote.
        form: Where in it the answer proper stands.
    """
    if form == "prose" or not isinstance(verdict, Violates | Obeys):
        return {}
    spans = _spans(completion, tokenizer, begin=len(answer) - len(completion.text))
    places = places_in(verdict.answer, [pointer for pointer, _ in leaves(verdict.value)])
    if form == "think":
        offset = answer.index(verdict.answer, answer.rfind("<answer>") + len("<answer>"))
    else:
        # What stands before it is a thought, which may hold the same words.
        offset = answer.rindex(verdict.answer)
    found: dict[str, float] = {}
    for pointer, place in places.items():
        is_number = verdict.answer[place.end - 1].isdigit()
        start, end = offset + place.start, offset + place.end + is_number
        first = bisect_right(spans, start, key=lambda span: span.end)
        past = bisect_left(spans, end, key=lambda span: span.start)
        if first < past:
            found[pointer] = math.exp(math.fsum(span.logprob for span in spans[first:past]))
    return found


@dataclass(frozen=True, slots=True)
class _Span:
    """The characters of an answer that a token writes a part of."""

    start: int
    end: int
    """Exclusive."""
    logprob: float


def _spans(completion: Completion, tokenizer: Tokenizer, *, begin: int) -> list[_Span]:
    """Lay a completion's tokens along its text, which begins at `begin`; none where they do not add up to it.

    The token that ends the answer stands for one character after it.
    """
    tokens = completion.tokens[:-1] if completion.finished else completion.tokens
    spans: list[_Span] = []
    written = ""
    for logprob, piece in zip(completion.logprobs, _pieces(tokens, tokenizer), strict=False):
        at = begin + len(written)
        spans.append(_Span(at, at + max(1, len(piece)), logprob))
        written += piece
    if written != completion.text:
        return []
    if completion.finished:
        spans.append(_Span(begin + len(written), begin + len(written) + 1, completion.logprobs[-1]))
    return spans


def _pieces(tokens: tuple[int, ...], tokenizer: Tokenizer) -> Iterator[str]:
    """Yield what each token adds to the text; nothing while it leaves a character half written.

    Each is decoded behind those before it, as some tokenizers spell a first token otherwise.
    """
    before, done = 0, 0
    for end in range(1, len(tokens) + 1):
        known = tokenizer.decode(tokens[before:done], skip_special_tokens=False)
        now = tokenizer.decode(tokens[before:end], skip_special_tokens=False)
        if now.endswith(_HALF) and end < len(tokens):
            yield ""
            continue
        yield now[len(known) :]
        before, done = done, end
