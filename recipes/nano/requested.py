"""Requests: the house's own, and the many others in which a base model has been asked for the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from conventions import MANY, Language, Notation, Occasion

from adhere import prompt
from adhere.config import Form
from adhere.records import Example
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.leaves import leaf_count

HOUSE_SHARE = 0.6
"""Of the requests that are the house's own, to which the base model's answers are measured."""
_LONGEST_SOURCE = 1200
"""Characters of a JSON Schema that is shown as it is; nano reads 1,024 tokens in all."""
Shown: TypeAlias = Literal["blank", "source", "keys", "typed"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation up to the answer, and what of it sways the answer."""

    messages: list[dict[str, str]]
    occasion: Occasion


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instruction:
    """What a request says above the form or below it."""

    words: str
    language: Language = "en"
    wanted: Notation = "json"
    is_vague: bool = False


def asked(
    random: Random, example: Example, schema: Schema, *, form: Form = "plain", house: float = HOUSE_SHARE
) -> Asked:
    """Draw a request.

    Args:
        random: Source of chance; the same state gives the same request.
        example: Its text is asked about.
        schema: It is shown as its blank form, as it is, or as a list of its keys; as its blank form where the
            answer has many values.
        form: Under another one than `plain`, the request is the house's own.
        house: Share in [0, 1] of the requests that are the house's own, `prompt.messages`.
    """
    leaves = leaf_count(example.target)
    usual = Occasion.of(example, leaves)
    if form != "plain" or random.random() < house:
        return Asked(prompt.messages(example, schema, form=form), usual)
    instruction = _instruction(random, is_long=leaves >= MANY)
    what = _shown("blank" if leaves >= MANY else random.choice(_SHOWN), schema)
    opening, closing = random.choice(_AROUND)
    text = f"{opening}{example.text}{closing}"
    order = random.random()
    if order < 0.6:
        content = f"{instruction.words}\n{what}\n\n{text}"
    elif order < 0.8:
        content = f"{text}\n\n{instruction.words}\n{what}"
    else:
        content = f"{what}\n\n{text}\n\n{instruction.words}"
    user = {"role": "user", "content": content}
    system = random.choice(_SYSTEMS) if random.random() < 0.6 else ""
    messages = [{"role": "system", "content": system}, user] if system else [user]
    occasion = Occasion(
        leaves=leaves,
        is_sheet=usual.is_sheet,
        wanted=instruction.wanted,
        is_vague=instruction.is_vague,
        language=instruction.language,
    )
    return Asked(messages, occasion)


def _instruction(random: Random, *, is_long: bool) -> _Instruction:
    draw = random.random()
    if draw < 0.5 or is_long:
        return random.choice(_IN_JSON)
    if draw < 0.7:
        return random.choice(_VAGUE)
    return random.choice(_ELSEWHERE if draw < 0.9 else _IN_OTHER)


def _shown(shown: Shown, schema: Schema) -> str:
    """Spell what is to be filled in; a schema too long for nano as its blank form."""
    match shown:
        case "source":
            source = spelled(schema.source)
            return source if len(source) <= _LONGEST_SOURCE else schema.blank
        case "keys":
            return ", ".join(_name(leaf.pointer) for leaf in schema.leaves)
        case "typed":
            return "\n".join(
                f"- {_name(leaf.pointer)} ({leaf.format or leaf.type})"
                + (f": {', '.join(map(str, leaf.enum))}" if leaf.enum else "")
                for leaf in schema.leaves
            )
        case "blank":
            return schema.blank


def _name(pointer: str) -> str:
    """Spell a pointer as people write one: `/items/*/price` as items[].price."""
    return pointer.removeprefix("/").replace("/*", "[]").replace("/", ".")


_SHOWN: Sequence[Shown] = ("blank", "blank", "source", "source", "keys", "typed")
_SYSTEMS = (
    "You are a helpful assistant.",
    "You are an assistant that extracts data from texts.",
    "You extract information.",
    "Extract structured data. Reply in JSON.",
    "Read the text and answer.",
    "Be brief.",
    "Fill in the form from the text.",
)
_IN_JSON = tuple(
    _Instruction(words=words)
    for words in (
        "Extract these fields as JSON:",
        "Return a JSON object with these keys:",
        "Fill in this form. Answer in JSON.",
        "Answer with a JSON object that fits this schema:",
        "Give the values below as JSON, nothing else:",
        "Write JSON with what the text says for:",
        "What does the text say? Use this JSON:",
        "Read the text and complete this JSON.",
        "JSON only, please:",
        "Find the following in the text and return valid JSON.",
    )
)
_VAGUE = tuple(
    _Instruction(words=words, is_vague=True)
    for words in (
        "Extract the following:",
        "Fill in this form.",
        "What does the text say about these?",
        "Find these values in the text.",
        "Please list:",
        "Give me these details:",
        "Complete:",
    )
)
_ELSEWHERE = (
    _Instruction(words="Fülle das Formular aus. Nur JSON.", language="de"),
    _Instruction(words="Lies diese Angaben aus dem Text und antworte in JSON:", language="de"),
    _Instruction(words="Was steht dazu im Text?", language="de", is_vague=True),
    _Instruction(words="Remplis ce formulaire. Réponds en JSON.", language="fr"),
    _Instruction(words="Extrais ces champs en JSON :", language="fr"),
    _Instruction(words="Que dit le texte ?", language="fr", is_vague=True),
    _Instruction(words="Rellena el formulario. Solo JSON.", language="es"),
    _Instruction(words="Extrae estos datos en JSON:", language="es"),
    _Instruction(words="Compila il modulo. Solo JSON.", language="it"),
    _Instruction(words="Estrai questi dati in JSON:", language="it"),
)
_IN_OTHER = (
    _Instruction(words="Answer in YAML:", wanted="yaml"),
    _Instruction(words="Extract these as YAML.", wanted="yaml"),
    _Instruction(words="Answer in a markdown table:", wanted="table"),
    _Instruction(words="One line each, name and value:", wanted="lines"),
    _Instruction(words="Give a bullet list of:", wanted="bullets"),
    _Instruction(words="Write it between XML tags:", wanted="tags"),
    _Instruction(words="Say it in one sentence:", wanted="prose"),
    _Instruction(words="Return a Python dict:", wanted="python"),
)
_AROUND = (
    ("", ""),
    ("", ""),
    ("Text: ", ""),
    ("Text:\n", ""),
    ('"""\n', '\n"""'),
    ("<text>\n", "\n</text>"),
    ("### Text\n", ""),
    ("---\n", "\n---"),
    ("Document:\n", ""),
)
"""What stands before and after the text."""
