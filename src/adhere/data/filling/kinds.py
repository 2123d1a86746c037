"""Which kind of value a property asks for, by what it is called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from adhere.data.filling import moments, values, vocabulary
from adhere.data.filling.values import MAKERS, Maker, one_of, text_of, words

Style: TypeAlias = Literal[
    "amount", "price", "count", "share", "fraction", "percent", "temperature", "year", "age", "score",
    "latitude", "longitude", "month", "port", "label", "size",
]  # fmt: skip
"""What a number measures."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What a schema and the keys around it call a value."""

    key: str
    """The key that it has, or that the list has in which it stands."""
    parent: str = ""
    """The key of the object that holds it."""
    title: str = ""
    description: str = ""


_NAMELESS = re.compile(r"(name|value|text|content|title|label|code|number|no|description|body|data)s?")
"""Keys that say less than the key of the object that they stand in."""

_STRINGS: tuple[tuple[str, Maker], ...] = (
    (r"e_?mail|reply_to|mail_address", MAKERS["email"]),
    (r"iban|bank_account|(^|_)account(_no|_number)?$", MAKERS["iban"]),
    (r"(^|_)(bic|swift)", text_of("code", values.bic)),
    (r"phone|mobile|(^|_)fax|(^|_)tel$|hotline|telefon", MAKERS["phone"]),
    (r"currency", MAKERS["currency"]),
    (r"time_?zone|(^|_)tz$", one_of("term", vocabulary.TIME_ZONES)),
    (r"birth|(^|_)dob$|born", values.born),
    (r"timestamp|date_?time|(created|updated|modified|deleted|started|ended|finished|completed)_at$",
     MAKERS["moment"]),
    (r"duration|lead_time$", text_of("word", moments.duration)),
    (r"(^|_)date|date$|(^|_)day$|(?<!runs)(?<!based)(?<!depends)_on$|_at$|expir|deadline|issued|(^|_)due$|valid_(until|from|to)|effective",
     MAKERS["date"]),
    (r"(^|_)time$|(^|_)hour$|clock", MAKERS["time"]),
    (r"(^|_)(year|since|until)$", text_of("term", lambda random: str(random.randint(1985, 2029)))),
    (r"(^|_)(month|period)$", text_of("term", values.month)),
    (r"uuid|guid", text_of("code", values.uuid)),
    (r"(^|_)(url|uri|link|href|website|web_?site|homepage|webhook|endpoint|avatar|image|logo|photo)$",
     MAKERS["link"]),
    (r"(^|_)(host|hostname|domain|server|fqdn)$", text_of("link", values.host)),
    (r"file_?name|filename|attachment|(^|_)(file|path)$", text_of("link", values.file_name)),
    (r"mime|media_type|content_type", one_of("term", vocabulary.MEDIA_TYPES)),
    (r"(^|_)(hash|checksum|digest|sha\d*|md5|commit|fingerprint)$", text_of("code", values.hash_text)),
    (r"version|revision$", text_of("code", values.version)),
    (r"(zip|postal|post)_?code|(^|_)zip$|postal$|(^|_)plz$", text_of("code", values.postcode)),
    (r"country_code|(^|_)country_iso", one_of("country", vocabulary.COUNTRY_CODES)),
    (r"(language|locale|lang)_?(code|tag)?$", MAKERS["term"]),
    (r"(^|_)(batch|lot)", text_of("code", values.batch)),
    (r"serial|(^|_)(imei|vin|mac_address)$", text_of("code", values.serial)),
    (r"(equipment|instrument|machine|asset|tank|reactor)_?(id|no|number|tag|code)?$",
     text_of("code", values.equipment)),
    (r"(^|_)isbn", text_of("code", values.isbn)),
    (r"(vat|tax)_?(no|id|number|code)|(^|_)(ein|tin)$", text_of("code", values.tax_number)),
    (r"(licen[cs]e_)?plate|registration_(no|number)$", text_of("code", values.plate)),
    (r"(^|_)(no|id|ids|nr|num|number|code|ref|reference|sku|ticket|order|key|serial|identifier|token|docket)$"
     r"|^(invoice|order|po|tracking|case|claim|policy|booking)$|system_?id", MAKERS["code"]),
    (r"country|origin$|(^|_)nation", MAKERS["country"]),
    (r"(^|_)(state|province|county|region|district)$", text_of("term", values.state)),
    (r"city|(^|_)town|location|(^|_)site|(^|_)place|venue|destination|airport|departure$|arrival$|port_of|(^|_)station$",
     MAKERS["city"]),
    (r"address|street|ship|(^|_)road|line_?[12]?$|residence", MAKERS["street"]),
    (r"department|(^|_)(team|unit_name|division|cost_center|ward)$", one_of("term", vocabulary.DEPARTMENTS)),
    (r"(^|_)(job|position|role|occupation|profession)s?(_|$)|job_?title", MAKERS["job"]),
    (r"universit|school|college|institution|alma", text_of("term", values.university)),
    (r"first_?name|given(_?name)?$|forename|nickname|middle_?name", text_of("person", values.first_name)),
    (r"last_?name|family(_?name)?$|surname", text_of("person", values.last_name)),
    (r"user_?name|(^|_)(login|handle|slug|nick|namespace|branch|repo|repository|bucket|tag_name|image_name)$",
     text_of("word", values.slug)),
    (r"vendor|supplier|company|seller|manufactur|issuer|employer|(^|_)firm|merchant|brand|organi[sz]ation|bill"
     r"|insurer|carrier|publisher|laborator|hospital|airline|(^|_)bank|hotel|restaurant|(^|_)(shop|store)$|payer|payee|landlord|contractor",
     MAKERS["company"]),
    (r"colou?r", one_of("term", vocabulary.COLOURS)),
    (r"(^|_)(unit|units|uom|unit_of_measure|measure)$", one_of("term", vocabulary.UNITS)),
    (r"(^|_)(status|stage|outcome)$", one_of("term", vocabulary.STATES)),
    (r"ingredient|dish|(^|_)(food|meal|recipe|diet)s?$", text_of("product", values.food)),
    (r"product|(^|_)items?($|_)|article|goods|(^|_)parts?$|device|equipment|material|reagent|component"
     r"|(^|_)(sample|model|vehicle|drug|medication)s?(_name)?$", MAKERS["product"]),
    (r"subject|topic|reason|issue|problem|title|summary|cause|symptom|diagnosis|event|complaint|headline"
     r"|(^|_)(task|project|procedure|action|finding|display|skill|tag|category|label|keyword|goal|condition)s?$",
     MAKERS["topic"]),
    (r"remark|note|comment|instruction|message|description|details|feedback|observation|justification|text"
     r"|body|query|question|content|review|paragraph|result|conclusion|term", MAKERS["remark"]),
    (r"name|customer|client|contact|patient|employee|author|buyer|manager|person|guest|operator|owner|(^|_)by$"
     r"|assignee|reporter|approver|reviewer|signed|recipient|sender|passenger|student|practitioner|doctor"
     r"|driver|tenant|attendee|participant|member|user|agent|inspector|beneficiary|holder|candidate",
     MAKERS["person"]),
)  # fmt: skip
"""The first that is found in a name decides; the commoner reading of a word comes first."""

_CODES: tuple[tuple[str, Maker], ...] = (
    (r"country|nation|region", one_of("country", vocabulary.COUNTRY_CODES)),
    (r"lang|locale", one_of("term", vocabulary.LANGUAGE_CODES)),
    (r"origin|destination|airport|^from$|^to$|departure|arrival", one_of("term", vocabulary.AIRPORTS)),
)
"""Short codes, for names whose schema turns down whole words."""

_NUMBERS: tuple[tuple[str, Style], ...] = (
    (r"(^|_)lat(itude)?$", "latitude"),
    (r"(^|_)(lon|lng|longitude)$", "longitude"),
    (r"year", "year"),
    (r"(^|_)month$", "month"),
    (r"(^|_)age$", "age"),
    (r"(^|_)port$", "port"),
    (r"temperature|(^|_)temp(_|$)|celsius|fahrenheit", "temperature"),
    (r"probability|confidence|fraction|likelihood", "fraction"),
    (r"percent|(^|_)pct|vat|(^|_)rate$|discount|humidity|utili[sz]ation|yield|purity", "percent"),
    (r"(^|_)(stars|rating|score|grade|severity|priority|level)$", "score"),
    (r"(^|_)(id|no|number|code|nr|zip|account|identifier)$", "label"),
    (r"share|ratio|weight|height|width|length|depth|distance|volume|pressure|concentration|speed|(^|_)ph$|_kg$"
     r"|_mm$|_cm$|_ml$|_km$|size|density|dose|dosage", "share"),
    (r"(^|_)(unit_)?price$|price_per|cost_per|hourly|(^|_)fare$|(^|_)fee$|(^|_)tip$", "price"),
    (r"amount|total|price|cost|(^|_)net|gross|(^|_)tax|salary|balance|(^|_)fee|(^|_)sum|paid|(^|_)due|budget"
     r"|charge|revenue|deposit|wage|rent|premium|refund|payment|fare", "amount"),
    (r"count|quantity|qty|(^|_)(units|pages|seats|boxes|nights|people|rooms|copies|stock|items|pieces)$",
     "count"),
    (r"bytes|memory|duration|seconds|minutes|timeout|(^|_)ms$|limit|capacity|population|mileage", "size"),
)  # fmt: skip

_FIGURES: tuple[tuple[str, Maker], ...] = (
    (r"(^|_)(amount|total|price|cost|net|gross|salary|balance|fee|sum|fare|budget|revenue|deposit|rent)$",
     text_of("term", values.cents)),
    (r"(^|_)(count|quantity|qty|age)$", text_of("term", lambda random: str(random.randint(1, 99)))),
)  # fmt: skip
"""Figures that a schema keeps as strings."""


def string_maker(called: Called) -> Maker:
    """Return what draws strings that suit a name."""
    return _found(called, _STRINGS) or _found(called, _FIGURES) or MAKERS["word"]


def code_maker(called: Called) -> Maker | None:
    """Return what draws the short codes that some names have; `None` for other names."""
    return _found(called, _CODES)


def says_string(called: Called) -> bool:
    """Whether a name says that its value is a string, and of which kind."""
    return _found(called, _STRINGS) is not None


def number_style(called: Called) -> Style | None:
    """Return what a number of a name measures; `None` where the name does not say."""
    return _found(called, _NUMBERS)


def _found(called: Called, table: Sequence[tuple[str, T]]) -> T | None:
    """Look a name up; where the key says little, the key of the object around it comes first."""
    key, parent = _spelled(called.key), _spelled(called.parent)
    told = [key, _spelled(called.title), _spelled(called.description), parent]
    if parent and _NAMELESS.fullmatch(key):
        told.insert(0, f"{parent}_{key}" if key in {"code", "number", "no"} else parent)
    for name in told:
        for expression, found in table if name else ():
            if re.search(expression, name):
                return found
    return None


def _spelled(name: str) -> str:
    return re.sub(r"[^\w]+", "_", words(name)).strip("_")
