"""E-mails and letters: what frames a text between two people."""

from collections.abc import Callable
from dataclasses import replace

from adhere.data.prose.layouts import running, sheet
from adhere.data.prose.outline import Fact, Outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import Blanks, Pieces

MAIL_HEADS = Pieces(
    Blanks.of,
    "From: {person} <{email}>\nTo: {email}\nSubject: {subject}\n\n", "Subject: {subject}\n\n",
    "From: {person}\nSubject: {subject}\n\n", "Subject: {subject}\nFrom: {email}\n\n",
    "From: {person} <{email}>\nSent: {date}\nSubject: {subject}\n\n", "SUBJECT: {subject}\n\n",
    "To: {email}\nCc: {email}\nSubject: {subject}\n\n", "Fwd: {subject}\n\n", "RE: {subject}\n\n",
    "---------- Forwarded message ---------\nFrom: {person} <{email}>\nDate: {date}\nSubject: {subject}\n\n",
    "> From: {email}\n> Subject: {subject}\n\n", "To: all\nSubject: {subject}\n\n", "AW: {subject}\n\n",
)  # fmt: skip
LETTER_HEADS = Pieces(
    Blanks.of,
    "{city}, {date}\n\n", "{company}\n{city}\n\n", "{person}\n{street}\n{city}\n\nRe: {subject}\n\n",
    "Re: {subject}\n\n", "{company}, {street}, {city}\n\n{date}\n\n", "Concerning: {subject}\n\n",
    "BY POST\n\n", "{date}\n\n{subject}\n\n", "Registered post\n\nRe: {subject}\n\n", "By courier\n\n",
    "Without prejudice\n\n",
)  # fmt: skip
SUBJECTS = Pieces(
    str,
    "details as requested", "your question", "for your files", "as discussed this morning", "please check",
    "data for the system", "information needed", "what you asked for", "one more for today", "for the record",
    "kindly process", "see below",
)  # fmt: skip
GREETINGS = Pieces(
    str,
    "Hello,", "Hi all,", "Dear Sir or Madam,", "Dear colleagues,", "Good morning,", "Hi there,", "Dear team,",
    "Good afternoon,", "To whom it may concern,", "Dear all,", "Hi,", "Hello again,",
)  # fmt: skip
INTROS = Pieces(
    str,
    "please find the details below.", "here is what you asked for.", "thank you for your message.",
    "this is what we have on file.", "I am sending you the data again.", "could you enter this, please?",
    "as promised, the particulars:", "I hope you are well.", "we write to you about the following.",
    "this came in today and should go into the system.", "you will find everything in this message.",
    "sorry for the delay.", "just for your information:",
)  # fmt: skip
CLOSINGS = Pieces(
    str,
    "Kind regards,", "Best,", "Many thanks,", "Yours sincerely,", "Yours faithfully,", "Thanks and regards,",
    "Best wishes,", "Cheers,", "With kind regards,", "Thank you,", "Respectfully,",
)  # fmt: skip
OFFICES = Pieces(
    str,
    "The office", "Back office", "Front desk", "Your team", "Records office", "The secretariat", "Reception",
    "Head office",
)  # fmt: skip
"""Sign where a person's name could be taken for a value."""
_TOPICS = frozenset({"subject", "topic", "re", "title", "about"})
"""Labels of a value that stands in the subject line of a message."""


def mail(pen: Pen, outline: Outline) -> None:
    """Write an e-mail."""
    _framed(pen, outline, MAIL_HEADS)


def letter(pen: Pen, outline: Outline) -> None:
    """Write a letter."""
    _framed(pen, outline, LETTER_HEADS)


_BODIES: tuple[tuple[float, Callable[[Pen, Outline], None]], ...] = (
    (0.35, running.sentences),
    (0.65, running.paragraph),
    (0.85, sheet.form),
    (1.0, sheet.bullets),
)


def _framed(pen: Pen, outline: Outline, heads: Pieces[Blanks]) -> None:
    taken = outline.kinds | outline.doubtful
    inner = _headed(pen, outline, heads, taken)
    greeting, intro = pen.pick(GREETINGS), pen.pick(INTROS) if pen.chance(0.6) else ""
    pen.write(greeting + "\n\n")
    draw = pen.random.random()
    body = next(write for until, write in _BODIES if draw < until)
    if intro:
        # After a comma the sentence goes on; most people begin it with a capital all the same.
        pen.write(intro[:1].upper() + intro[1:] + ("\n\n" if body in {sheet.form, sheet.bullets} else " "))
    body(pen, inner)
    pen.write("\n\n" + pen.pick(CLOSINGS) + "\n")
    if "person" in taken:
        pen.write(pen.pick(OFFICES))
    else:
        pen.invented("person")


def _headed(pen: Pen, outline: Outline, heads: Pieces[Blanks], taken: frozenset[str]) -> Outline:
    """Write a head that has no value like one of the target's; return what is left to state."""
    root = outline.root
    about = [fact for fact in root.facts if fact.label in _TOPICS and fact.kind not in {"series", "nothing"}]
    fitting = [head for head in pen.wording.of(heads) if taken.isdisjoint(head.places)]
    subject: Fact | str = pen.pick(SUBJECTS)
    if len(about) == 1 and not _TOPICS.isdisjoint(outline.labels):
        subject = about[0]
        fitting = [head for head in fitting if "subject" in head.places]
    elif "topic" in taken:
        fitting = [head for head in fitting if "subject" not in head.places]
    if not fitting:
        return outline
    pen.filled(pen.one(fitting), subject=subject)
    rest = [fact for fact in root.facts if fact is not subject]
    # Where there is nothing else to say, the body says it again.
    return replace(outline, root=replace(root, facts=rest)) if rest else outline
