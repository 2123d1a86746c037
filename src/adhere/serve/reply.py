"""What an order hears of one of its answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from adhere.decode.answer import Answer
from adhere.decode.confidence import confidences
from adhere.model import Model
from adhere.records import Completion
from adhere.reward.verdict import Obeys
from adhere.schema.parse import Parsed, parse_json
from adhere.serve.order import AnyObject, Calling, Ended, Event, Obeying, Order, Token, Written
from adhere.serve.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Spelling:
    """How tokens are spelled that stand alone."""

    text: Callable[[int], str]
    bytes: Callable[[int], bytes]
    """None of a token that is no text."""


class Reply:
    """Turns what is written of an answer into events; whoever steps the answer asks after each step."""

    def __init__(self, order: Order, index: int, answer: Answer, model: Model, spelling: Spelling) -> None:
        self._order, self._index, self._answer = order, index, answer
        self._model, self._spelling = model, spelling
        self._transcript = Transcript(model.tokenizer, order.stop)
        self._heard = 0
        """Tokens that are in the transcript."""
        self._told = self._told_tokens = 0
        """Characters and tokens that were told."""
        self._is_followed = order.streamed or bool(order.stop)
        self.is_over = False
        """Whether the end was told."""

    @property
    def answer(self) -> Answer:
        """What is written."""
        return self._answer

    def heard(self, *, prompt_tokens: int, cached_tokens: int) -> list[Event]:
        """Return what is new; an answer in which a text to stop at was written is closed."""
        if self.is_over or not (self._is_followed or self._answer.is_over):
            return []
        self._follow()
        is_over = self._answer.is_over
        events: list[Event] = [*self._pieces(is_last=is_over)] if self._order.streamed or is_over else []
        if is_over:
            self.is_over = True
            events.append(self._end(prompt_tokens, cached_tokens))
        return events

    def _follow(self) -> None:
        """Bring the transcript up to what is written."""
        answer, transcript = self._answer, self._transcript
        text = answer.tokens[:-1] if answer.finished else answer.tokens
        new = text[self._heard :]
        self._heard = len(text)
        # One by one where it matters how far each token goes.
        size = 1 if self._order.alternatives is not None or self._order.stop else max(1, len(new))
        for start in range(0, len(new), size):
            transcript.add(new[start : start + size])
            if transcript.is_cut:
                answer.is_closed = True
                return
        if answer.is_over:
            transcript.end()

    def _pieces(self, *, is_last: bool) -> Iterator[Written]:
        certain = len(self._transcript.text) if is_last else self._transcript.certain
        tokens = self._tokens(certain)
        if certain > self._told or tokens:
            yield Written(
                index=self._index, text=self._transcript.text[self._told : certain], tokens=tuple(tokens)
            )
        self._told = certain

    def _tokens(self, certain: int) -> list[Token]:
        """Return the tokens whose text is certain, where they are told."""
        if self._order.alternatives is None:
            return []
        ends, answer = self._transcript.ends[: self._transcript.whole], self._answer
        made: list[Token] = []
        while self._told_tokens < len(ends) and ends[self._told_tokens] <= certain:
            place = self._told_tokens
            text = self._transcript.text[ends[place - 1] if place else 0 : ends[place]]
            raw = self._spelling.bytes(answer.tokens[place])
            beside = ((self._spelling.text(token), sure) for token, sure in answer.beside[place])
            made.append(
                Token(
                    text=text,
                    logprob=answer.logprobs[place],
                    alternatives=tuple(beside),
                    raw=b"" if raw == text.encode() else raw,
                )
            )
            self._told_tokens += 1
        return made

    def _end(self, prompt_tokens: int, cached_tokens: int) -> Ended:
        answer, text = self._answer, self._transcript.text
        is_whole = answer.finished or self._transcript.is_cut
        return Ended(
            index=self._index,
            reason="stop" if is_whole else "length",
            text=text,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
            tokens=len(answer.tokens),
            confidence=self._confidence(text),
        )

    def _confidence(self, text: str) -> Mapping[str, float] | None:
        if not isinstance(self._order.wanted, Obeying | Calling | AnyObject):
            return None
        parsed = parse_json(text)
        if not isinstance(parsed, Parsed):
            return None
        answer = self._answer
        completion = Completion(
            example_id=self._order.id,
            index=self._index,
            text=text,
            tokens=tuple(answer.tokens),
            logprobs=tuple(answer.plain),
            finished=answer.finished,
        )
        return confidences(completion, Obeys(parsed.value, text), self._model.tokenizer, answer=text)
