"""The rows of nano-base: made-up documents, asked for in many ways and answered in many conventions."""

from random import Random

from conventions import STRICT_SHARE, draw
from recipe import Mix
from requested import HOUSE_SHARE, asked
from rows import Row
from spelling import spelled

from adhere import prompt


def rendered(
    random: Random,
    row: Row,
    tokenizer: prompt.Tokenizer,
    *,
    strict: float = STRICT_SHARE,
    house: float = HOUSE_SHARE,
) -> prompt.Rendered:
    """Return a request and one right answer to it, closed by the end-of-turn token.

    With `strict` and `house` 1 it is what `prompt.render` returns.

    Args:
        random: Source of chance; the same state gives the same tokens.
        row: The document.
        tokenizer: The model's own.
        strict: As for `conventions.draw`.
        house: As for `requested.asked`.
    """
    messages, answered = _drawn(random, row, strict=strict, house=house)
    started = prompt.beginning(row.form, None)
    unanswered = prompt.opened(messages, tokenizer, started)
    written = tokenizer.encode(answered.removeprefix(started), add_special_tokens=False, verbose=False)
    end = () if tokenizer.eos_token_id is None else (tokenizer.eos_token_id,)
    tokens = (*unanswered, *written, *end)
    return prompt.Rendered(tokens, (False,) * len(unanswered) + (True,) * (len(tokens) - len(unanswered)))


def words(random: Random, row: Row, mix: Mix) -> tuple[str, ...]:
    """Return the words of a request and of an answer, from which a tokenizer is made."""
    messages, answered = _drawn(random, row, strict=mix.strict, house=mix.house)
    return (*(message["content"] for message in messages), answered)


def _drawn(random: Random, row: Row, *, strict: float, house: float) -> tuple[list[dict[str, str]], str]:
    question = asked(random, row.example, row.schema, form=row.form, house=house)
    convention = draw(random, strict=strict, occasion=question.occasion)
    return question.messages, spelled(convention, row.example, row.schema, form=row.form)
