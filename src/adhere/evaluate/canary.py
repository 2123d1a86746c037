"""Whether a server to be measured keeps to the schema that it is given with a request."""

from dataclasses import replace
from random import Random

from adhere.config import EvalConfig
from adhere.endpoint import Endpoint, Failed, Message, Request, canary
from adhere.errors import ModelError
from adhere.reward.wrapping import after_thought

_LEAVE_OUT = "Leave out --constrain, or name a server that decodes under a schema"


def check_constraint(config: EvalConfig) -> None:
    """Make sure that a server keeps to a schema, by one that no model obeys by chance.

    Its only value has a code of 64 bits, drawn from the seed, which the prompt does not tell. The reply is
    not kept, so every attempt of an evaluation asks anew.

    Raises:
        ConfigError: The server refuses the key.
        ModelError: It answers as if there were no schema, refuses it, or does not answer.
    """
    code = canary.code(Random(f"canary:{config.seed}").getrandbits(64))
    request = Request(
        messages=(Message("user", canary.QUESTION),),
        temperature=config.temperature,
        max_tokens=config.max_new_tokens,
        response_format=canary.response_format("canary", canary.schema(code)),
    )
    with Endpoint(config.model, replace(config.endpoint, cache=None), where="eval.model") as endpoint:
        outcome = endpoint.reply(request)
    written = after_thought(outcome.text.strip())
    if isinstance(outcome, Failed):
        raise _failure(config.model, outcome, may_be_kept=canary.may_be_kept(written, code))
    if not canary.is_kept(written, code):
        raise ModelError.at("eval.model", config.model, _dropped(outcome.text), fix=_LEAVE_OUT)


def _failure(reference: str, failed: Failed, *, may_be_kept: bool) -> ModelError:
    if failed.is_refusal:
        why, fix = f"the server refuses response_format: {failed.message}", _LEAVE_OUT
    elif may_be_kept:
        why = f"whether the server keeps to a schema cannot be told: {failed.message}"
        fix = "Mend the server, or raise --max-new-tokens where the reply was cut off"
    else:
        why = f"{_dropped(failed.text)}, unless it was still thinking when it was cut off"
        fix = f"{_LEAVE_OUT}, or raise --max-new-tokens"
    return ModelError.at("eval.model", reference, why, fix=fix)


def _dropped(text: str) -> str:
    return f"the server drops response_format: it answered {text[:60]!r}, which the schema forbids"
