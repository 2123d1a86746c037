"""Talk: questions and answers of a chat or a call."""

from adhere.data.prose.labels import is_lead
from adhere.data.prose.layouts import items
from adhere.data.prose.outline import Outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Blanks, Form, Pieces

SPEAKERS = Pieces(
    str,
    "Q: |A: ", "Agent: |Caller: ", "A: |B: ", "[me] |[them] ", "Desk> |Caller> ", "Support: |You: ",
    "- |  - ", "Clerk: |Visitor: ", "> |< ", "Bot: |User: ", "Operator - |Caller - ", "(1) |(2) ",
)  # fmt: skip
"""Before a question and before an answer."""
STARTS = Pieces(
    str,
    "", "Call note\n", "Transcript\n\n", "Chat log\n", "[recording starts]\n", "Notes from the call:\n",
    "Conversation, as typed:\n", "-- chat --\n", "Phone call, short\n",
)  # fmt: skip
QUESTIONS = Pieces(
    Blanks.of,
    "{L}?", "What is the {l}?", "And the {l}?", "Could you give me the {l}?", "{L}, please?",
    "What about {l}?", "May I have the {l}?", "Now {l}.", "What did you note for {l}?",
    "Which {l} should I enter?", "Next one: {l}?", "I still need the {l}.", "Do you have the {l}?",
    "For {l} I write?", "Tell me the {l}.", "So the {l} is?", "How about the {l}?",
)  # fmt: skip
ANSWERS = Pieces(
    Form.of,
    "{s}.", "{s}", "That is {s}.", "It's {s}.", "{s}, as far as I can see.", "Let me see: {s}.",
    "One moment... {s}.", "{s}, thanks.", "I have {s} here.", "Here it says {s}.", "{s} I think.",
    "Then write {s}.", "Sure, {s}.",
)  # fmt: skip
PLAIN_QUESTIONS = Pieces(
    Blanks.of,
    "{L}?", "{L}, please?", "What about {l}?", "Now {l}.", "What did you note for {l}?", "Next one: {l}?",
    "For {l} I write?", "And {l}?", "What does it say for {l}?", "Then {l}?", "And under {l}?",
    "How about {l}?",
)  # fmt: skip
"""For lists, and for labels that are no nouns."""
FLAG_QUESTIONS = Pieces(
    Blanks.of,
    "{L}?", "Is it {l}?", "What about {l}?", "{L}, yes or no?", "For {l} I write?", "And {l}?",
    "Is it marked as {l}?", "Tell me about {l}.", "Then {l}.",
)  # fmt: skip
"""For yes and no."""
FLAG_ANSWERS = Pieces(
    Form.of,
    "{s}.", "{s}", "Let me see: {s}.", "{s}, thanks.", "{s} I think.", "I have {s} here.",
    "Here it says {s}.", "Then write {s}.", "{s}, I was told.", "We have {s}.", "Well, {s}.",
)  # fmt: skip
ENDINGS = Pieces(
    str,
    "Thanks, that is all.|You're welcome.", "Great, I have everything.|Good.", "Thank you!|Bye.",
    "Got it.|Anything else?", "Noted.|Thanks.", "Perfect.|Have a good day.", "All set then.|Thank you.",
    "Okay, done.|See you.",
)  # fmt: skip


def talk(pen: Pen, outline: Outline) -> None:
    """Write a question and an answer for each value that stands in no list, and the lists after them."""
    flat = outline.root.flattened()
    pen.write(pen.pick(STARTS))
    asks, answers = _speakers(pen, outline)
    for at, fact in enumerate(pen.shuffled(flat.facts)):
        pen.write(("\n" if at else "") + asks)
        is_flag, label = fact.kind == "flag", fact.label
        is_plain = fact.kind in {"series", "nothing"} or is_lead(label)
        questions = FLAG_QUESTIONS if is_flag else PLAIN_QUESTIONS if is_plain else QUESTIONS
        pen.filled(pen.pick(questions), l=label, L=label[:1].upper() + label[1:])
        pen.write("\n" + answers)
        pen.fact(pen.pick(FLAG_ANSWERS if is_flag or is_plain else ANSWERS), fact)
    if pen.chance(0.4):
        for who, said in zip((asks, answers), pen.pick(ENDINGS).split("|"), strict=True):
            pen.write(f"\n{who}{said}")
    items.after(pen, flat)


def _speakers(pen: Pen, outline: Outline) -> tuple[str, str]:
    """Choose who speaks, nobody who could be taken for a label."""
    pairs = [pair.split("|") for pair in pen.wording.of(SPEAKERS)]
    fitting = [pair for pair in pairs if not any(_word(who) in outline.labels for who in pair)]
    asks, answers = pen.one(fitting) if fitting else ("- ", "- ")
    return asks, answers


def _word(who: str) -> str:
    return who.strip(" :>-[]()<").lower()
