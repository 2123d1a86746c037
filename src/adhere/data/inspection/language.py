"""The language of a text, by its script and its commonest words."""

import re
from collections import defaultdict
from math import lcm
from types import MappingProxyType

_COMMON = {
    "en": "the of and to in is for with was that at be by from are this it have has you we will your my a on "
    "i an me not or as some what please",
    "de": "der die das und ist von mit für den auf ein eine zu im nicht wird bei sich wir sie am dem es",
    "fr": "le la les des est et du une un pour dans au que sur par avec sont vous nous qui pas votre à",
    "es": "el la los las de y del una un para en que con por es se su al como más está fue sus lo no a o",
    "it": "il di che della per una un con del è gli nel sono alla dei le si da al delle non in questo a e",
    "pt": "de do da em que uma um para os com não as dos das no na foi por ao pela pelo são seu mais a o e",
    "nl": "de het een van en voor op met niet is dat aan te zijn bij wordt door naar ook uit heeft deze in",
    "pl": "w z na się nie do jest że przez oraz dla od po są ze jak który przy został tym będzie to i",
    "sv": "och att det som för på av är med till den har inte om ett vid från vi var kan ska en ni i de",
    "tr": "ve bir bu için ile da de olarak olan daha çok gibi ne kadar olduğu sonra en her lütfen değil",
    "cs": "je na se že pro do jsou jako byl ale nebo při které dne podle také aby od ve bude není už a v",
    "da": "og det at er på til med den for ikke der har af en et fra som vi kan blev også skal efter i de",
}
_LANGUAGES_OF: dict[str, list[str]] = defaultdict(list)
for _name, _words in _COMMON.items():
    for _word in _words.split():
        _LANGUAGES_OF[_word].append(_name)
_WHOLE = lcm(*range(1, len(_COMMON) + 1))
"""What a common word of one language alone counts; one of several languages counts for each a whole part."""
_SCRIPTS = {
    "Japanese": "\u3040-\u30ff",
    "Korean": "\uac00-\ud7a3",
    "Chinese": "\u3400-\u9fff",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
}
_SCRIPT = MappingProxyType({name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()})
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST = 1000
"""Characters that are looked at: enough for any language to show."""
_FOREIGN = 0.2
"""Share of letters in another script than the Latin from which a text is named after it. Names, units and
symbols of a text in Latin letters stay below; Japanese with many Latin names does not."""
UNKNOWN = "unknown"


def language(text: str) -> str:
    """Name the language of a text, or its script where that is not the Latin one.

    Returns:
        The language whose commonest words the text has most of, as ISO 639-1; the name of a script; or
        `unknown` where there are none, or as many of two languages. Meant for counting over many texts: a
        short one may be taken for another.
    """
    beginning = text[:_LONGEST].casefold()
    letters = 0 if beginning.isascii() else len(_LETTER.findall(beginning))
    if letters:
        for script, pattern in _SCRIPT.items():
            if len(pattern.findall(beginning)) >= _FOREIGN * letters:
                return script
    met = dict.fromkeys(_COMMON, 0)
    for word in _WORD.findall(beginning):
        languages = _LANGUAGES_OF.get(word, ())
        for name in languages:
            met[name] += _WHOLE // len(languages)
    second, first = sorted(met.values())[-2:]
    return UNKNOWN if first == second else max(met, key=lambda name: met[name])
