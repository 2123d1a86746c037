"""A question that shows whether a server keeps to the schema that it is given with a request."""

from dataclasses import replace
from random import Random

from adhere.config import EvalConfig
from adhere.endpoint import Endpoint, Failed, Message, Request
from adhere.errors import ModelError
from adhere.records import JSON
from adhere.reward.wrapping import after_thought
from adhere.schema.canonical import canonical

_LEAVE_OUT = "Leave out --constrain, or name a server that decodes under a schema"


def check_constraint(config: EvalConfig) -> None:
    """Make sure that a server keeps to a schema, by one that no model obeys by chance.

    Its only value has a code of 64 bits, drawn from the seed, which the prompt does not tell. The reply is
    not kept, so every attempt of an evaluation asks anew.

    Raises:
        ConfigError: The server refuses the key.
        ModelError: It answers as if there were no schema, refuses it, or does not answer.
    """
    code = f"{Random(f'canary:{config.seed}').getrandbits(64):016x}"
    request = Request(
        messages=(Message("user", "Write today's code as JSON only."),),
        temperature=config.temperature,
        max_tokens=config.max_new_tokens,
        response_format=response_format("canary", _schema(code)),
    )
    with Endpoint(config.model, replace(config.endpoint, cache=None), where="eval.model") as endpoint:
        outcome = endpoint.reply(request)
    expected = canonical({"code": code})
    written = "".join(after_thought(outcome.text.strip()).split())
    if isinstance(outcome, Failed):
        raise _failure(config.model, outcome, may_be_kept=expected.startswith(written))
    if written != expected:
        raise ModelError.at("eval.model", config.model, _dropped(outcome.text), fix=_LEAVE_OUT)


def response_format(name: str, schema: dict[str, JSON]) -> dict[str, JSON]:
    """Spell a schema as the `response_format` of a request.

    Source: OpenAI API reference, chat completions, `response_format`; a name has up to 64 letters, digits,
    underscores and dashes.
    """
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in name)
    return {
        "type": "json_schema",
        "json_schema": {"name": plain[:64] or "schema", "schema": schema, "strict": True},
    }


def _schema(code: str) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": {"code": {"type": "string", "enum": [code]}},
        "required": ["code"],
        "additionalProperties": False,
    }


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
