"""The grammars that answers are written under, one for each schema."""

from collections.abc import Iterable, Mapping

from adhere.config import Form
from adhere.decode.grammar import Grammar
from adhere.decode.vocabulary import Vocabulary
from adhere.errors import ConfigError
from adhere.model import Model
from adhere.records import Example
from adhere.schema import Schema


def grammars(
    model: Model,
    examples: Iterable[Example],
    schemas: Mapping[str, Schema],
    *,
    form: Form,
    started: str,
    verb: str,
) -> Mapping[str, Grammar]:
    """Compile the grammar of every schema that an example names, and move it past what is written already.

    Args:
        model: Its tokens are what a grammar allows.
        examples: What answers are asked about.
        schemas: By name.
        form: Shape of the answers.
        started: What the prompt has already written of each answer.
        verb: Whose settings an error names.

    Raises:
        ConfigError: The answers are free text, or none can begin with `started`.
        SchemaError: The grammar cannot guarantee a schema.
        ModelError: The model's tokenizer does not serve a grammar.
    """
    if form == "prose":
        raise ConfigError.at(
            f"{verb}.form",
            form,
            "its answers are free text, and a grammar writes JSON",
            fix="Use the form plain or think, or decode without `--constrain`",
        )
    vocabulary = Vocabulary(model)
    names = {example.schema for example in examples}
    compiled = {name: Grammar(schemas[name], vocabulary, form=form) for name in sorted(names)}
    for name, grammar in compiled.items():
        for token in model.tokenizer.encode(started, add_special_tokens=False):
            if not grammar.allowed(model.context)[token]:
                raise ConfigError.at(
                    f"{verb}.prefill",
                    started,
                    f"no answer begins with its tokens under the grammar of {name}, which is compact and in "
                    "schema order",
                    fix=_other_start(model, Grammar(schemas[name], vocabulary, form=form)),
                )
            grammar.accept(token)
    return compiled


def _other_start(model: Model, grammar: Grammar) -> str:
    """Say how an answer may be started: with what the grammar forces, where it forces anything."""
    forced = grammar.forced(model.context)
    start = f"Use `{model.tokenizer.decode(forced)}`, leave it empty" if forced else "Leave it empty"
    return f"{start}, or decode without `--constrain`"
