"""An answer under a small schema that a server must give before it says that it is ready."""

import time
from contextlib import aclosing

from adhere.endpoint.canary import QUESTION, code, schema
from adhere.schema import Schema
from adhere.serve.kept import breaches
from adhere.serve.order import Backend, Ended, Obeying, Order, Refusal, Turn

_CODE = code(0x5EED_0F_C0DE)
_TOKENS = 256


async def canary(backend: Backend) -> None:
    """Have a backend write an answer under a schema, and check it.

    Raises:
        Refusal: It does not answer, or not what the schema says: a constraint would be lost.
    """
    wanted = Obeying(schema=Schema.of(schema(_CODE), name="canary"))
    order = Order(
        id="canary",
        turns=(Turn(role="user", content=QUESTION),),
        wanted=wanted,
        max_tokens=_TOKENS,
        seed=0,
        deadline=None,
    )
    began, answers = time.monotonic(), list[Ended]()
    async with aclosing(backend.write(order)) as events:
        answers = [event async for event in events if isinstance(event, Ended)]
    said = [clause for answer in answers for clause in breaches(wanted, answer.text)]
    if not said and any(answer.reason == "stop" for answer in answers):
        return
    why = "; ".join(said) or f"no whole answer in {time.monotonic() - began:.1f} s"
    raise Refusal(503, f"The model did not keep to a schema at the start: {why}.", code="not_ready")
