"""Words from which products, topics, remarks and codes are put together."""

ONSETS = tuple("b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh st t th tr v w z".split())
VOWELS = tuple("a e i o u ai ea ou ia o a e".split())
SYLLABLES = tuple(onset + vowel for onset in ONSETS for vowel in VOWELS)
CODAS = ("n", "r", "l", "s", "m", "t", "x", "nd", "rn", "ck", "", "lt", "", "", "")
LAST_SYLLABLES = tuple(syllable + coda for syllable in SYLLABLES for coda in CODAS)

SECTORS = tuple(
    """
    Logistics Foods Systems Trading Energy Textiles Media Motors Optics Chemicals Consulting Software Studio
    Labs Supplies Printing Freight Partners Tools Materials Security Health Packaging Robotics Farms
    Outfitters Telecom Hardware Services Rentals Engineering Staffing Holdings Works Utilities
    """.split()
)
SUFFIXES = tuple("Ltd Inc LLC GmbH AG SA BV Corp Co Group plc Oy KG SpA AB Pty".split())

THINGS = tuple(
    """
    lamp pump valve chair bracket sensor cable drill filter monitor printer keyboard desk bottle helmet
    battery router tray ladder mixer scale heater panel hose gasket motor switch camera tripod crate blanket
    jacket kettle notebook compressor bearing coupling relay fuse antenna projector scanner speaker charger
    adapter shelf cabinet stool mattress curtain carpet mirror clock thermometer gauge manometer beaker flask
    pipette centrifuge incubator autoclave reactor impeller nozzle gearbox piston flange bolt hinge pulley
    chisel hammer wrench plier screwdriver saw sander grinder vice clamp rope harness glove boot goggles
    backpack tent lantern stove grill toaster blender freezer oven dishwasher dryer vacuum stapler binder
    envelope folder calendar marker eraser whiteboard trolley pallet container drum barrel funnel sieve tarp
    """.split()
)
ADJECTIVES = tuple(
    """
    steel blue heavy portable digital wooden large small foldable cordless industrial green wireless thermal
    compact double outdoor red insulated hydraulic adjustable spare black white brass copper ceramic rubber
    plastic waterproof magnetic electric manual modular stainless galvanised lightweight reinforced rotary
    vertical twin sterile disposable refurbished grey yellow mini professional flexible telescopic silent
    """.split()
)
TOPIC_OBJECTS = tuple(
    """
    delivery invoice shipment password account contract printer payment order boiler lift heating parking
    badge laptop warehouse server label forklift pump uniform training inspection audit catalogue website
    insurance visa booking refund subscription packaging scanner alarm door window roof cable fire-drill
    roster timesheet expense licence backup firewall sample batch reagent calibration handover safety
    """.split()
)
TOPIC_STATES = tuple(
    """
    late missing broken wrong annual urgent double leaking expired unpaid new lost delayed damaged cancelled
    changed open disputed overdue extra faulty noisy blocked incomplete temporary final second upcoming
    repeated postponed
    """.split()
)
TOPIC_ENDINGS = (
    "request", "report", "complaint", "question", "review", "notice", "repair", "update", "problem", "check",
)  # fmt: skip
REMARK_STARTS = (
    "leave at the front desk", "call before delivery", "handle with care", "payable within thirty days",
    "do not stack", "replaces the earlier order", "approved by the board", "keep refrigerated",
    "gate code required", "discount already applied", "partial shipment", "customer will collect",
    "urgent repair", "sample only", "no signature needed", "ring the bell twice", "use the side entrance",
    "pack in one carton", "send a copy to accounting", "ask for the night shift", "label each box",
    "return the empty drums", "forklift needed", "fragile glass inside", "measured after cooling",
    "checked by a second person", "seal was intact", "colour slightly off", "to be tested again",
    "awaiting the spare part", "moved to cold storage", "no deviation seen", "filter was replaced",
    "lid was open on arrival", "please confirm by mail", "price agreed by phone", "invoice follows",
    "parking behind the hall", "two pallets missing", "shelf life checked", "documents are incomplete",
    "operator was on leave", "line stopped briefly", "cleaned before use", "photo is attached",
    "patient was fasting", "allergic to penicillin", "window seat preferred", "needs a wheelchair ramp",
    "vegetarian meal requested",
)  # fmt: skip
REMARK_ENDS = (
    "before noon", "after six", "on weekdays only", "for the new site", "as agreed", "until further notice",
    "at the north gate", "in building four", "with the old stock", "by the end of the month", "if possible",
    "during the holidays", "without extra charge", "at room temperature", "near the loading bay",
    "under the old contract", "from the second batch", "on the first floor", "within two weeks",
    "once more", "in the morning shift", "for the audit", "at your own risk", "per the last meeting",
)  # fmt: skip
ATTRIBUTES = tuple(
    """
    colour size origin grade line shift room shelf owner stage region channel source priority model version
    material finish scope zone rack level author team market season style track phase route
    """.split()
)
"""Keys of objects that take any."""

CURRENCIES = {
    "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹",
    "CHF": "CHF", "SEK": "SEK", "CAD": "CAD", "PLN": "PLN",
}  # fmt: skip
UNITS = (
    "kg", "mg", "ml", "cm", "mm", "pcs", "box", "pallet", "min", "kWh", "bar", "rpm", "mol", "ppm", "mmol/L",
    "mg/dL", "mm Hg", "km", "Hz", "litres", "metres", "hours", "tonnes", "bottles", "µg/ml", "bpm",
)  # fmt: skip
COLOURS = (
    "red", "blue", "green", "black", "white", "silver", "grey", "yellow", "orange", "purple", "brown", "navy",
    "turquoise", "beige", "maroon", "ivory",
)  # fmt: skip
DEPARTMENTS = (
    "sales", "finance", "support", "quality", "legal", "production", "procurement", "human resources",
    "logistics", "marketing", "research", "maintenance", "radiology", "cardiology", "warehouse", "security",
)  # fmt: skip
# Left out are codes that are common words too, such as IT and US: a text that says them need not mean them.
LANGUAGE_CODES = (
    "en", "de", "fr", "es", "nl", "sv", "pl", "pt", "ja", "fi", "da", "en-US", "en-GB", "de-CH", "fr-CA",
)  # fmt: skip
COUNTRY_CODES = (
    "DE", "FR", "ES", "NL", "SE", "PL", "GB", "CA", "CH", "JP", "BR", "PT", "DK", "FI", "IE", "MX",
)  # fmt: skip
AIRPORTS = (
    "AMS", "ARN", "ATL", "BCN", "BER", "BOS", "CDG", "DEL", "DUB", "FCO", "FRA", "GRU", "HND", "JFK", "LHR",
    "LIS", "MAD", "MUC", "ORD", "SFO", "SYD", "VIE", "WAW", "YYZ", "ZRH",
)  # fmt: skip
TIME_ZONES = (
    "Europe/Berlin", "Europe/Paris", "Europe/London", "America/New_York", "America/Chicago", "Asia/Tokyo",
    "Asia/Kolkata", "Australia/Sydney", "Europe/Warsaw", "America/Toronto",
)  # fmt: skip
MEDIA_TYPES = (
    "application/pdf", "application/json", "text/plain", "text/csv", "image/png", "image/jpeg", "audio/mpeg",
)  # fmt: skip
STATES = (
    "open", "closed", "pending", "active", "draft", "approved", "rejected", "done", "shipped", "on hold",
    "cancelled", "new", "in review", "completed", "released",
)  # fmt: skip
TOP_LEVEL = ("com", "org", "net", "de", "fr", "eu", "io")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
