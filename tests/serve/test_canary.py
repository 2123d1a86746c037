import asyncio
from collections.abc import AsyncGenerator

import pytest

from adhere.serve.canary import canary
from adhere.serve.order import Ended, Event, Order, Reason, Refusal


class Scripted:
    """A backend that answers with one text."""

    def __init__(self, text: str, reason: Reason = "stop") -> None:
        self._text = text
        self._reason: Reason = reason

    async def write(self, order: Order) -> AsyncGenerator[Event]:
        assert "json" in order.turns[0].content.lower()
        yield Ended(index=0, reason=self._reason, text=self._text, prompt_tokens=1, tokens=1)


def test_an_answer_that_obeys_makes_a_server_ready() -> None:
    asyncio.run(canary(Scripted('{"code":"0000005eed0fc0de"}')))


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        (Scripted('{"code":"0"}'), "/code: "),
        (Scripted("Hello."), "the text is not JSON"),
        (Scripted('{"code":"0000005eed0fc0de"}', "length"), "no whole answer in"),
    ],
)
def test_any_other_does_not(backend: Scripted, why: str) -> None:
    with pytest.raises(Refusal, match=f"did not keep to a schema at the start: {why}") as caught:
        asyncio.run(canary(backend))
    assert (caught.value.status, caught.value.code) == (503, "not_ready")
