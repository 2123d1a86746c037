"""Writes a text that states every leaf of a target, in varied wording, among other things."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mimesis.random import Random

from adhere.data import values
from adhere.data.fill import Stated
from adhere.data.values import CURRENCIES, Kind

_LINES = ("{L}: {s}", "{L} - {s}", "{L} = {s}", "{L} {s}", "{U}: {s}", "* {L}: {s}", "{l}: {s}")
_SENTENCES = (
    "The {l} is {s}.", "{L}: {s}.", "We note {s} as the {l}.", "For {l}, please use {s}.",
    "{s} was given as {l}.", "{L} {s}.", "({l}: {s})", "{s} is the {l}.", "As {l} we have {s}.",
    "The {l} was {s}.", "{L} is {s}.", "Our records show {s} for {l}.", "Please enter {s} under {l}.",
    "{L} should read {s}.", "It lists {s} as {l}.", "{L} – {s}.", "{l} = {s};", "With {l} {s}.", "{s} ({l}).",
    "The {l} has been set to {s}.",
)  # fmt: skip
_CLAUSES = (
    "{l} {s}",
    "{l}: {s}",
    "with {l} {s}",
    "the {l} being {s}",
    "{s} as {l}",
    "{l} of {s}",
    "{l} is {s}",
)
_OPENERS = (
    "Please process this", "We have received this", "Here is the record", "New entry", "Notice",
    "For your files", "This one is", "Document", "Hello, this came in", "Update", "Message",
    "Copy of the paper", "Sent today", "Request", "Incoming", "As discussed", "Confirmed", "Reminder",
)  # fmt: skip
_ROLES: dict[str, tuple[str, ...]] = {
    "company": ("from {s}", "by {s}", "{s} sent it", "issued by {s}", "on behalf of {s}", "{s} writes",
                "through {s}", "we owe {s}", "a letter from {s}", "{s} asks for it"),
    "person": ("for {s}", "signed by {s}", "{s} asked for it", "from {s}", "attention {s}", "{s} called",
               "with {s}"),
    "date": ("dated {s}", "on {s}", "as of {s}", "of {s}", "issued {s}", "since {s}", "written on {s}",
             "day {s}"),
    "amount": ("for {s}", "total {s}", "totalling {s}", "amounting to {s}", "a sum of {s}", "at {s}",
               "in all {s}", "we pay {s}", "{s} is owed", "comes to {s}", "worth {s}"),
    "city": ("in {s}", "at {s}", "near {s}", "to {s}", "out of {s}"),
    "country": ("in {s}", "from {s}"),
    "street": ("at {s}", "to {s}"),
    "email": ("write to {s}", "mail {s}", "reply to {s}"),
    "phone": ("call {s}", "ring {s}", "phone {s}", "reach us on {s}"),
    "code": ("no. {s}", "ref {s}", "#{s}", "number {s}", "under {s}", "see {s}"),
    "iban": ("pay into {s}", "to account {s}", "account {s}"),
    "product": ("one {s}", "the {s}", "about the {s}", "we need the {s}"),
    "topic": ("about {s}", "re {s}", "concerning {s}", "because of {s}"),
    "time": ("at {s}", "around {s}"),
    "job": ("as {s}", "works as {s}"),
}  # fmt: skip
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "vendor": ("supplier", "seller", "from", "billed by", "vendor name"),
    "supplier": ("vendor", "seller", "from", "supplied by"),
    "seller": ("vendor", "supplier", "sold by", "from"),
    "company": ("firm", "organisation", "company name"),
    "merchant": ("shop", "store", "merchant name"),
    "issuer": ("issued by", "from"),
    "customer": ("client", "buyer", "sold to", "customer name", "account"),
    "client name": ("client", "customer", "name"),
    "buyer": ("customer", "purchaser", "bought by"),
    "contact": ("contact person", "attention", "speak to"),
    "employee": ("staff member", "worker", "employee name"),
    "author": ("written by", "by"),
    "approved by": ("approver", "signed off by"),
    "date": ("dated", "issued", "day", "date of issue"),
    "invoice date": ("date", "issued", "invoiced on"),
    "due date": ("due", "payable by", "deadline", "due by"),
    "deadline": ("due", "until", "no later than"),
    "delivery date": ("delivered on", "delivery", "arrives"),
    "start date": ("starts", "from", "begins on"),
    "birth date": ("born", "date of birth"),
    "amount": ("total", "sum", "amount due", "amount owed", "figure"),
    "total": ("amount", "grand total", "sum", "total due", "total payable"),
    "grand total": ("total", "total payable", "final amount"),
    "net amount": ("net", "before tax"),
    "price": ("cost", "unit price", "priced at"),
    "fee": ("charge", "our fee"),
    "quantity": ("qty", "pieces", "number of units"),
    "count": ("number", "how many"),
    "currency": ("paid in", "currency code"),
    "invoice no": ("invoice number", "invoice", "our ref"),
    "order id": ("order", "order number", "po"),
    "reference": ("ref", "our reference", "quote"),
    "phone": ("tel", "telephone", "phone number"),
    "telephone": ("phone", "tel"),
    "email": ("e-mail", "mail", "email address"),
    "address": ("located at", "our address", "premises"),
    "ship to": ("deliver to", "shipping address"),
    "city": ("town", "place"),
    "job title": ("position", "works as", "role"),
    "position": ("job", "title"),
    "status": ("state", "marked"),
    "priority": ("urgency", "importance"),
    "product": ("item", "article", "goods"),
    "item": ("product", "article"),
    "subject": ("re", "about", "topic"),
    "reason": ("because", "cause"),
    "remark": ("note", "comment"),
    "note": ("remark", "p.s."),
}
_REMARKS = (
    "Thank you for your business.", "Please see the attached file.", "Regards,",
    "Do not reply to this message.", "As discussed on the phone.", "Page 1 of 1.", "Confidential.",
    "Let me know if anything is missing.", "Return valid JSON only.", "Have a nice day.",
    "Sent from my phone.", "Extract the fields.", "All prices include tax.", "Kind regards", "See below.",
    "This is not a reminder.", "Thanks!", "Best,", "Original follows by post.",
)  # fmt: skip
_DISTRACTORS: dict[Kind, str] = {
    "code": "file no",
    "phone": "hotline",
    "email": "help desk",
    "city": "printed in",
    "person": "clerk",
    "date": "last update",
    "product": "next offer",
    "topic": "see also",
}
"""What a fact of each kind is called that belongs to no leaf."""


def _named(random: Random, facts: Sequence[Stated]) -> list[Stated]:
    """Call three leaves in ten by a synonym of their name, where nothing else goes by it."""
    taken = {fact.label for fact in facts}
    renamed: list[Stated] = []
    for fact in facts:
        fitting = [name for name in _SYNONYMS.get(fact.label, ()) if name not in taken]
        name = random.choice(fitting) if fitting and random.random() < 0.3 else fact.label
        taken.add(name)
        renamed.append(replace(fact, path=(name,)))
    return renamed


_DISTRACTED_SHARE = 0.35
"""How often a document states a fact that belongs to no leaf."""


def _spoken(template: str, fact: Stated) -> str:
    label = fact.label
    return template.format(l=label, L=label[:1].upper() + label[1:], U=label.upper(), s=fact.drawn.surface)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _with_currency(random: Random, facts: Sequence[Stated]) -> list[Stated]:
    """Write the only amount together with the only currency, as most documents do, three times in four."""
    amounts = [fact for fact in facts if fact.drawn.kind == "amount"]
    currencies = [fact for fact in facts if fact.drawn.value in CURRENCIES]
    if len(amounts) != 1 or len(currencies) != 1 or random.random() < 0.25:
        return list(facts)
    name, figure = str(currencies[0].drawn.value), amounts[0].drawn.surface
    sign = CURRENCIES[name]
    forms = (
        f"{name} {figure}",
        f"{figure} {name}",
        f"{sign}{figure}" if len(sign) == 1 else f"{figure} {name}",
    )
    joined = replace(amounts[0], drawn=replace(amounts[0].drawn, surface=random.choice(forms)))
    return [joined if fact is amounts[0] else fact for fact in facts if fact is not currencies[0]]


def _form(random: Random, facts: Sequence[Stated]) -> str:
    template = random.choice(_LINES)
    return random.choice(("\n", "\n", "\n", "; ", " | ", ", ")).join(
        _spoken(template, fact) for fact in facts
    )


def _sentences(random: Random, facts: Sequence[Stated]) -> str:
    return " ".join(_spoken(random.choice(_SENTENCES), fact) for fact in facts)


def _narrative(random: Random, facts: Sequence[Stated]) -> str:
    """One or two running sentences; a leaf whose kind occurs once needs no label."""
    alone = Counter(fact.drawn.kind for fact in facts)
    clauses: list[str] = []
    for fact in facts:
        roles = _ROLES.get(fact.drawn.kind, ()) if alone[fact.drawn.kind] == 1 else ()
        role = random.choice(roles) if roles and random.random() < 0.8 else random.choice(_CLAUSES)
        clauses.append(_spoken(role, fact))
    opener = random.choice(_OPENERS) if random.random() < 0.8 else ""
    cut = random.randint(1, len(clauses)) if random.random() < 0.4 else len(clauses)
    joint = random.choice((", ", " ", " ", ", "))
    first = joint.join(([opener] if opener else []) + clauses[:cut])
    rest = joint.join(clauses[cut:])
    # A value keeps its spelling where it begins a sentence: nobody could read `tripod` from `Tripod`.
    surfaces = tuple(fact.drawn.surface for fact in facts)
    parts = (part if part.startswith(surfaces) else _capital(part) for part in (first, rest) if part)
    return ". ".join(parts) + "."


def _terse(random: Random, facts: Sequence[Stated]) -> str:
    """Only the values, in a row; readable where every kind occurs once."""
    opener = random.choice(("", "Entry: ", "Record - ", "", "Item: "))
    return opener + random.choice((", ", " / ", " - ", ", ")).join(fact.drawn.surface for fact in facts)


def write(
    random: Random, stated: Sequence[Stated], distractors: Sequence[Stated] = (), *, remarks: int = 1
) -> str:
    """Write a text that states every fact of `stated`.

    Args:
        random: Source of chance.
        stated: The leaves of the target.
        distractors: Labelled facts that belong to no leaf.
        remarks: At most so many unrelated sentences are mixed in.
    """
    facts = [*_named(random, _with_currency(random, stated)), *distractors]
    if not facts:
        return random.choice(_REMARKS)
    random.shuffle(facts)
    distinct = len({fact.drawn.kind for fact in facts}) == len(facts)
    vague = any(fact.drawn.kind in {"flag", "option", "word", "count", "share"} for fact in facts)
    draw = random.random()
    if draw < 0.30:
        body = _form(random, facts)
    elif draw < 0.55:
        body = _sentences(random, facts)
    elif draw < 0.92 or not distinct or vague:
        body = _narrative(random, facts)
    else:
        body = _terse(random, facts)
    before = [random.choice(_REMARKS) for _ in range(random.randint(0, remarks)) if random.random() < 0.3]
    after = [random.choice(_REMARKS) for _ in range(random.randint(0, remarks)) if random.random() < 0.5]
    joint = "\n" if "\n" in body else random.choice((" ", " ", "\n\n"))
    return joint.join([*before, body, *after])


def distractor(random: Random, taken: frozenset[str]) -> Stated | None:
    """Draw a labelled fact whose kind none of the target's leaves has."""
    kinds: list[Kind] = [kind for kind in _DISTRACTORS if kind not in taken]
    if not kinds:
        return None
    kind = random.choice(kinds)
    return Stated((_DISTRACTORS[kind],), values.string_of(random, kind))


def document(random: Random, stated: Sequence[Stated]) -> str:
    """Write a text that states every fact of `stated` and, one time in three, one more fact."""
    kinds = frozenset(fact.drawn.kind for fact in stated)
    other = distractor(random, kinds) if random.random() < _DISTRACTED_SHARE else None
    return write(random, stated, [other] if other else [])
