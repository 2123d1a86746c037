import pytest

from adhere.decode.grammars import grammars
from adhere.errors import ConfigError
from adhere.model import load
from adhere.records import Example
from adhere.schema import Schema

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"vendor": {"type": "string"}},
        "required": ["vendor"],
        "additionalProperties": False,
    }
)


def test_a_start_that_the_grammar_refuses_is_answered_with_one_that_it_takes() -> None:
    model = load("nano")
    rows = [Example(id="a", text="Bill from Ada.", schema="invoice", target=None)]

    def compiled(started: str) -> None:
        grammars(model, rows, {"invoice": SCHEMA}, form="plain", started=started, verb="grpo")

    # The tokenizer has a token for `{"`, so that a lone `{` is no beginning of what the model would write.
    with pytest.raises(
        ConfigError, match="no answer begins with its tokens under the grammar of invoice"
    ) as no:
        compiled("{")
    assert 'Use `{"vendor`, leave it empty, or decode' in str(no.value)
    compiled('{"vendor')
