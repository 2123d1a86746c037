"""A hundred schemas like those that people have: of interfaces, records, tool calls, papers and settings."""

# ruff: noqa: E501  # one schema, one line: a table of a hundred that can be looked over

from typing import TypeAlias

from adhere.records import JSON

Keywords: TypeAlias = dict[str, JSON]

TEXT: Keywords = {"type": "string"}
COUNT: Keywords = {"type": "integer", "minimum": 0}
NUMBER: Keywords = {"type": "number"}
FLAG: Keywords = {"type": "boolean"}
DATE: Keywords = {"type": "string", "format": "date"}
MOMENT: Keywords = {"type": "string", "format": "date-time"}
MAIL: Keywords = {"type": "string", "format": "email"}
LINK: Keywords = {"type": "string", "format": "uri"}
UUID: Keywords = {"type": "string", "format": "uuid"}
MONEY: Keywords = {"type": "number", "minimum": 0, "multipleOf": 0.01}
PERCENT: Keywords = {"type": "number", "minimum": 0, "maximum": 100}


def choice(*options: JSON) -> Keywords:
    return {"enum": list(options)}


def like(pattern: str, **more: JSON) -> Keywords:
    return {"type": "string", "pattern": pattern, **more}


def between(low: float, high: float, kind: str = "integer") -> Keywords:
    return {"type": kind, "minimum": low, "maximum": high}


def many(items: Keywords, **more: JSON) -> Keywords:
    return {"type": "array", "items": items, **more}


def maybe(schema: Keywords) -> Keywords:
    """As Pydantic writes what may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Keywords:
    return {"$ref": f"#/$defs/{name}"}


def record(optional: str = "", /, **properties: Keywords) -> Keywords:
    """An object with these keys and no others; those named first may be left out."""
    left_out = optional.split()
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [key for key in properties if key not in left_out],
        "additionalProperties": False,
    }


def loose(required: str, /, **properties: Keywords) -> Keywords:
    """An object that may have other keys too, with those named first."""
    return {"type": "object", "properties": dict(properties), "required": list(required.split())}


ADDRESS = record("state", street=TEXT, city=TEXT, state=TEXT, postal_code=TEXT, country=like("^[A-Z]{2}$"))
LINE = record(
    "sku", description=TEXT, sku=like("^[A-Z]{3}-[0-9]{4}$"), quantity=between(1, 999), unit_price=MONEY
)

PAPERS: dict[str, Keywords] = {
    "invoice": record("due_date", invoice_no=TEXT, vendor=TEXT, date=DATE, due_date=DATE,
                      currency=choice("EUR", "USD", "GBP"), lines=many(LINE, minItems=1, maxItems=4), total=MONEY),
    "receipt": record("tip", merchant=TEXT, time=MOMENT, items=many(record(name=TEXT, price=MONEY)), tip=MONEY,
                      payment_method=choice("cash", "card", "direct_debit")),
    "purchase_order": {**record(po=like("^PO-\\d{6}$"), buyer=ref("party"), seller=ref("party"), ship_to=ADDRESS,
                                lines=many(LINE, minItems=1)), "$defs": {"party": record("vat", name=TEXT,
                                vat=like("^[A-Z]{2}[0-9]{8,12}$"), email=MAIL)}},
    "credit_note": record("reason", number=TEXT, refers_to=TEXT, reason={"type": ["string", "null"]}, amount=MONEY),
    "delivery_note": record(delivery_no=TEXT, carrier=TEXT, shipped_on=DATE, pallets=between(1, 33),
                            weight_kg=between(0.5, 24000, "number"), fragile=FLAG),
    "bank_statement": record(iban=like("^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"), holder=TEXT, opening=NUMBER,
                             bookings=many(record(date=DATE, text=TEXT, amount=NUMBER), maxItems=5)),
    "payment": {"oneOf": [record(method={"const": "card"}, last4=like("^[0-9]{4}$"), expires=like("^(0[1-9]|1[0-2])/[0-9]{2}$")),
                          record(method={"const": "transfer"}, iban=TEXT, bic=like("^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$")),
                          record(method={"const": "cash"}, received_by=TEXT)]},
    "expense_report": record("remarks", employee=TEXT, month=like("^20[0-9]{2}-(0[1-9]|1[0-2])$"), approved=FLAG, remarks=TEXT,
                             expenses=many(record(date=DATE, category=choice("travel", "meals", "lodging", "other"), amount=MONEY))),
    "quote": record("discount", quote_no=TEXT, customer=TEXT, valid_until=DATE, discount=PERCENT, net=MONEY, vat_rate=choice(0, 7, 19, 20)),
    "contract": record(parties=many(TEXT, minItems=2, maxItems=3, uniqueItems=True), effective_date=DATE,
                       term_months=between(1, 120), auto_renewal=FLAG, governing_law=TEXT),
    "lease": record("pets", landlord=TEXT, tenant=TEXT, address=ADDRESS, monthly_rent=MONEY, deposit=MONEY, start_date=DATE, pets=FLAG),
    "payslip": record(employee=TEXT, personnel_no=like("^\\d{5,7}$"), gross=MONEY, net=MONEY, tax_class=between(1, 6), period=like("^\\d{4}-\\d{2}$")),
    "cv": record("phone summary", name=TEXT, email=MAIL, phone=TEXT, summary=TEXT, skills=many(TEXT, minItems=2, uniqueItems=True),
                 jobs=many(record("until", employer=TEXT, job_title=TEXT, since=like("^\\d{4}$"), until=maybe(like("^\\d{4}$"))), maxItems=3)),
    "boarding_pass": record(passenger=TEXT, flight=like("^[A-Z]{2} ?[0-9]{2,4}$"), seat=like("^[1-9][0-9]?[A-F]$"), gate=like("^[A-E][0-9]{1,2}$"),
                            departure=MOMENT, **{"from": like("^[A-Z]{3}$"), "to": like("^[A-Z]{3}$")}),
    "hotel_booking": record("requests", guest=TEXT, hotel=TEXT, check_in=DATE, nights=between(1, 30), rooms=between(1, 5),
                            board=choice("none", "breakfast", "half_board", "full_board"), requests=TEXT),
    "insurance_claim": record("witnesses", policy_no=like("^[A-Z]{2}\\d{7}$"), date_of_loss=DATE, cause=choice("fire", "water", "theft", "storm"),
                              estimated_cost=MONEY, witnesses=many(record(name=TEXT, phone=TEXT), maxItems=2)),
    "menu": record(restaurant=TEXT, courses=many(record("vegan", dish=TEXT, price=MONEY, vegan=FLAG), minItems=2, maxItems=5)),
    "recipe": record(title=TEXT, servings=between(1, 12), ingredients=many(record("unit", food=TEXT, amount=between(0.5, 500, "number"),
                     unit=choice("g", "ml", "piece", "tbsp")), minItems=2), steps=many(TEXT, minItems=1, maxItems=4)),
    "book": record("translator", title=TEXT, author=TEXT, translator=TEXT, isbn=like("^97[89]-[0-9]{10}$"), year=between(1900, 2030), pages=between(20, 1500)),
    "meeting_minutes": record("next_meeting", date=DATE, attendees=many(TEXT, minItems=2, uniqueItems=True),
                              decisions=many(record("due", text=TEXT, owner=TEXT, due=DATE)), next_meeting=maybe(MOMENT)),
}  # fmt: skip

INTERFACES: dict[str, Keywords] = {
    "pet": record("tag", id={"type": "integer", "format": "int64"}, name=TEXT, tag=TEXT, status=choice("available", "pending", "sold")),
    "error": record("details", code=between(400, 599), message=TEXT, details=many(record(field=TEXT, issue=TEXT))),
    "problem": loose("title status", type={"type": "string", "format": "uri-reference"}, title=TEXT, status=between(400, 599), detail=TEXT, instance=LINK),
    "user": {"type": "object", "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"username": like("^[a-z][a-z0-9_]{2,19}$"), "role": choice("admin", "member")}, "required": ["username", "role"]}],
             "$defs": {"base": {"type": "object", "properties": {"id": UUID, "created_at": MOMENT}, "required": ["id", "created_at"]}}},
    "page_of_users": record("next", items=many(record(id=UUID, name=TEXT)), page=between(1, 50), per_page=choice(10, 20, 50), next=maybe(LINK)),
    "animal": {"oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}], "$defs": {
        "cat": record(kind={"const": "cat"}, indoor=FLAG, name=TEXT), "dog": record(kind={"const": "dog"}, breed=TEXT, weight=between(1, 90, "number"))}},
    "webhook": record("payload", event=choice("created", "updated", "deleted"), sent_at=MOMENT, url=LINK, signature=like("^sha256=[0-9a-f]{64}$"), payload={"type": "object"}),
    "oauth_token": record("refresh_token scope", access_token=like("^[A-Za-z0-9_-]{24,40}$"), token_type={"const": "Bearer"}, expires_in=between(60, 86400), refresh_token=TEXT, scope=TEXT),
    "search_request": record("filters sort", query={"type": "string", "minLength": 3, "maxLength": 60}, limit=between(1, 100), sort=choice("asc", "desc"),
                             filters={"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 3}),
    "patch": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"oneOf": [
        record(op=choice("add", "replace", "test"), path={"type": "string", "format": "json-pointer"}, value=TEXT),
        record(op={"const": "remove"}, path={"type": "string", "format": "json-pointer"})]}},
    "geo_point": record(type={"const": "Point"}, coordinates={"type": "array", "prefixItems": [between(-180, 180, "number"), between(-90, 90, "number")], "items": False, "minItems": 2}),
    "polygon": record(type={"const": "Polygon"}, coordinates=many(many(between(-180, 180, "number"), minItems=2, maxItems=2), minItems=3, maxItems=4)),
    "upload": record(file_name=like("^[\\w-]+\\.(png|jpg|pdf)$"), size=between(1, 10_000_000), checksum=like("^[a-f0-9]{32}$"), media_type=choice("image/png", "image/jpeg", "application/pdf")),
    "shipment_tracking": record(tracking=like("^1Z[0-9A-Z]{16}$"), carrier=choice("UPS", "DHL", "FedEx"), events=many(record(at=MOMENT, place=TEXT, status=TEXT), minItems=1, maxItems=3)),
    "product_listing": record("sale_price", sku=like("^[A-Z0-9]{4,10}$"), name=TEXT, price={"type": "number", "exclusiveMinimum": 0, "maximum": 5000}, sale_price=maybe(MONEY), rating=between(1, 5, "number"), in_stock=FLAG,
                              dimensions=record(width=between(1, 300, "number"), height=between(1, 300, "number"), unit=choice("cm", "in"))),
    "subscription": {**record("card invoice_email", plan=choice("free", "pro"), card=like("^[0-9]{16}$"), invoice_email=MAIL), "dependentRequired": {"card": ["invoice_email"]}},
    "feature_flag": record("rollout", key=like("^[a-z]+(-[a-z]+)*$"), enabled=FLAG, rollout=PERCENT, owners=many(MAIL, minItems=1, uniqueItems=True)),
    "weather": record(station=TEXT, observed_at=MOMENT, temperature=between(-60, 60, "number"), humidity=PERCENT, wind=record(speed=between(0, 90, "number"), direction=choice("N", "NE", "E", "SE", "S", "SW", "W", "NW"))),
    "exchange_rates": record(base=like("^[A-Z]{3}$"), date=DATE, rates={"type": "object", "propertyNames": {"pattern": "^[A-Z]{3}$"}, "additionalProperties": {"type": "number", "exclusiveMinimum": 0}, "minProperties": 2, "maxProperties": 4}),
    "health": record("dependencies", status=choice("up", "down", "degraded"), version=like("^\\d+\\.\\d+\\.\\d+$"), uptime_seconds=COUNT, dependencies={"type": "object", "patternProperties": {"^db-[a-z]+$": choice("up", "down")}, "additionalProperties": False}),
}  # fmt: skip

QUANTITY = record(
    value=between(0.1, 500, "number"), unit=TEXT, system={"const": "http://unitsofmeasure.org"}, code=TEXT
)
CODING = record("display", system=LINK, code=like("^[0-9]{4,8}(-[0-9])?$"), display=TEXT)
PATIENT_REF = record(reference=like("^Patient/[A-Za-z0-9.-]{1,20}$"), display=TEXT)

HEALTH: dict[str, Keywords] = {
    "patient": record("deceased", resourceType={"const": "Patient"}, id=like("^[A-Za-z0-9\\-.]{1,64}$"), name=many(record("prefix", family=TEXT, given=many(TEXT, minItems=1, maxItems=2), prefix=many(choice("Mr", "Ms", "Dr"), maxItems=1)), minItems=1, maxItems=2),
                      gender=choice("male", "female", "other", "unknown"), birthDate=DATE, deceased={"type": ["boolean", "null"]}, address=many(ADDRESS, maxItems=1)),
    "observation": record("note", resourceType={"const": "Observation"}, status=choice("registered", "preliminary", "final", "amended"), code=CODING, subject=PATIENT_REF, effectiveDateTime=MOMENT, valueQuantity=QUANTITY, note=many(record(text=TEXT), maxItems=2)),
    "medication_request": record("substitution", medication=TEXT, subject=PATIENT_REF, authored_on=DATE, dosage=many(record(text=TEXT, dose=QUANTITY, times_per_day=between(1, 6)), minItems=1, maxItems=2), substitution=FLAG),
    "allergy": record("severity", substance=TEXT, reaction=many(TEXT, minItems=1), severity=choice("mild", "moderate", "severe"), criticality=choice("low", "high", "unable-to-assess")),
    "lab_result": record("flag", sample_id=like("^S[0-9]{2}-[0-9]{5}$"), analyte=TEXT, result={"anyOf": [NUMBER, choice("positive", "negative")]}, unit=TEXT, reference_range=record(low=NUMBER, high=NUMBER), flag=maybe(choice("H", "L", "HH", "LL"))),
    "vital_signs": record(systolic=between(70, 220), diastolic=between(40, 130), pulse=between(30, 200), temperature=between(34, 42, "number"), oxygen_saturation=between(70, 100)),
    "immunization": record("lot_number expiry", vaccine=TEXT, date=DATE, lot_number=TEXT, expiry=DATE, site=choice("left_arm", "right_arm"), dose_ml={"type": "number", "minimum": 0.1, "maximum": 1, "multipleOf": 0.1}),
    "appointment": record("reason", practitioner=TEXT, patient=TEXT, start=MOMENT, minutes={"type": "integer", "multipleOf": 15, "minimum": 15, "maximum": 120}, reason=TEXT),
    "discharge": record(patient=TEXT, admitted=DATE, discharged=DATE, diagnoses=many(record(icd10=like("^[A-TV-Z][0-9][0-9AB](\\.[0-9]{1,2})?$"), text=TEXT), minItems=1, maxItems=3), follow_up=maybe(TEXT)),
    "batch_record": record("deviation", product=TEXT, batch_no=like("^[A-Z]{2}[0-9]{6}$"), manufactured=DATE, expires=DATE, steps=many(record(step=between(1, 20), operator=TEXT, ph=between(6.5, 7.8, "number"), temperature=between(2, 40, "number"), passed=FLAG), minItems=1, maxItems=3), deviation=maybe(TEXT)),
    "capa": record("closed_on", id=like("^CAPA-20[0-9]{2}-[0-9]{3}$"), root_cause=TEXT, corrective_action=TEXT, preventive_action=TEXT, owner=TEXT, due_date=DATE, closed_on=maybe(DATE)),
    "trial_subject": record("withdrawn", subject=like("^[0-9]{3}-[0-9]{4}$"), arm=choice("placebo", "10 mg", "20 mg"), age=between(18, 85), visits=many(record(number=between(1, 12), date=DATE), minItems=1), withdrawn=record(on=DATE, reason=TEXT)),
    "device": record("firmware", udi=like("^\\(01\\)[0-9]{14}$"), manufacturer=TEXT, serial=TEXT, firmware=like("^v?[0-9]+(\\.[0-9]+){1,2}$"), calibrated=DATE),
    "questionnaire": record(title=TEXT, item=many({"oneOf": [record(type={"const": "boolean"}, text=TEXT, answer=FLAG), record(type={"const": "integer"}, text=TEXT, answer=between(0, 10)), record(type={"const": "text"}, text=TEXT, answer=TEXT)]}, minItems=1, maxItems=3)),
    "equipment_log": record("comment", equipment_id=like("^(BR|TK|CF)-[0-9]{3}$"), entries=many(record(at=MOMENT, activity=choice("cleaning", "use", "calibration", "repair"), by=TEXT), minItems=1, maxItems=3), comment=TEXT),
}  # fmt: skip


def call(name: str, arguments: Keywords) -> Keywords:
    return record(name={"const": name}, arguments=arguments)


CALLS: dict[str, Keywords] = {
    "get_weather": call("get_weather", record("unit", location=TEXT, unit=choice("celsius", "fahrenheit"))),
    "send_email": call("send_email", record("cc attachments", to=many(MAIL, minItems=1), cc=many(MAIL), subject=TEXT, body=TEXT, attachments=many(record(name=TEXT, url=LINK)))),
    "create_event": call("create_event", record("location", title=TEXT, start=MOMENT, end=MOMENT, location=TEXT, attendees=many(MAIL, uniqueItems=True, minItems=1, maxItems=3))),
    "search_flights": call("search_flights", record("return_date", origin=like("^[A-Z]{3}$"), destination=like("^[A-Z]{3}$"), depart_date=DATE, return_date=maybe(DATE), adults=between(1, 9), cabin=choice("economy", "premium_economy", "business"))),
    "sql_query": call("run_sql", record("params", statement={"type": "string", "minLength": 10}, params=many({"type": ["string", "number", "boolean"]}), read_only={"const": True})),
    "either_tool": {"anyOf": [call("lookup_order", record(order_id=TEXT)), call("cancel_order", record("reason", order_id=TEXT, reason=choice("too_late", "wrong_item", "other")))]},
    "strict_output": {**record(steps=many(record(explanation=TEXT, output=TEXT), minItems=1, maxItems=3), final_answer=TEXT), "title": "MathResponse"},
    "classification": record(label=choice("bug", "feature_request", "question", "spam"), confidence=between(0, 1, "number"), rationale=TEXT),
    "entities": record(entities=many(record(text=TEXT, type=choice("PERSON", "ORG", "GPE", "DATE"), start=COUNT, end=COUNT), minItems=1, maxItems=4)),
    "translate": call("translate", record(text=TEXT, source_language=like("^[a-z]{2}$"), target_language=like("^[a-z]{2}(-[A-Z]{2})?$"), formal=FLAG)),
    "thermostat": call("set_thermostat", record("until", room=TEXT, target={"type": "number", "minimum": 5, "maximum": 30, "multipleOf": 0.5}, until={"type": "string", "format": "time"})),
    "transfer_money": call("transfer_money", record("memo", from_account=TEXT, to_account=TEXT, amount={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10000, "multipleOf": 0.01}, memo={"type": "string", "maxLength": 35})),
    "sentiment": record(overall=choice("positive", "neutral", "negative"), aspects=many(record(aspect=TEXT, score=between(-1, 1, "number")), maxItems=3)),
    "plan": {**record(goal=TEXT, tasks=many(ref("task"), minItems=1, maxItems=3)), "$defs": {"task": record("subtasks", title=TEXT, done=FLAG, subtasks=many(ref("task"), maxItems=2))}},
    "moderation": record("reasons", flagged=FLAG, categories={"type": "object", "properties": {"hate": PERCENT, "violence": PERCENT}, "required": ["hate", "violence"]}, reasons=many(choice("hate", "violence", "self_harm"), uniqueItems=True, maxItems=3)),
}  # fmt: skip

WORK: dict[str, Keywords] = {
    "ticket": record("assignee labels", key=like("^[A-Z]{2,5}-[0-9]{1,5}$"), summary=TEXT, priority=choice("low", "medium", "high", "critical"), status=choice("open", "in_progress", "done"), assignee=maybe(TEXT), labels=many(TEXT, uniqueItems=True), reporter=TEXT, created=MOMENT),
    "incident": {**record("resolved_at postmortem", severity=between(1, 4), started_at=MOMENT, resolved_at=MOMENT, postmortem=LINK, services=many(TEXT, minItems=1)), "if": {"properties": {"severity": {"maximum": 2}}}, "then": {"required": ["postmortem"]}},
    "bug_report": record("stack", component=TEXT, version=like("^\\d+\\.\\d+$"), steps=many(TEXT, minItems=2, maxItems=4), expected=TEXT, actual=TEXT, stack=TEXT, os=choice("linux", "macos", "windows")),
    "change_request": record(title=TEXT, risk=choice("low", "medium", "high"), window=record(start=MOMENT, end=MOMENT), approvers=many(TEXT, minItems=1), rollback_plan=TEXT),
    "inspection": record("defects", site=TEXT, inspector=TEXT, date=DATE, passed=FLAG, defects=many(record(location=TEXT, severity=choice("minor", "major"), photo_count=between(0, 9)))),
    "work_order": record(order_no=like("^WO[0-9]{6}$"), asset=TEXT, hours={"type": "number", "minimum": 0.25, "multipleOf": 0.25, "maximum": 40}, parts=many(record(part_no=TEXT, quantity=between(1, 20)))),
    "timesheet": record(employee=TEXT, week=like("^20\\d\\d-W(0[1-9]|[1-4]\\d|5[0-2])$"), days=many(between(0, 12, "number"), minItems=5, maxItems=5)),
    "survey": record("comments", respondent=UUID, answers={"type": "object", "patternProperties": {"^q[0-9]{1,2}$": between(1, 5)}, "additionalProperties": False, "minProperties": 3}, comments=TEXT),
    "sensor_reading": record("battery", device_id=like("^[0-9A-F]{2}(:[0-9A-F]{2}){5}$"), at=MOMENT, values=many(NUMBER, minItems=1, maxItems=6), battery=PERCENT),
    "job_posting": record("salary", job_title=TEXT, company=TEXT, location=TEXT, remote=choice("no", "hybrid", "full"), salary=record(low=between(20000, 90000), high=between(90001, 250000), currency=choice("EUR", "USD"))),
    "lead": {"type": "object", "properties": {"name": TEXT, "email": MAIL, "phone": TEXT, "budget": maybe(NUMBER)}, "required": ["name"], "anyOf": [{"required": ["email"]}, {"required": ["phone"]}], "additionalProperties": False},
    "org_chart": {"$defs": {"person": record("reports", name=TEXT, title=TEXT, reports=many(ref("person"), maxItems=3))}, "$ref": "#/$defs/person"},
    "comment_thread": record("replies", author=TEXT, text={"type": "string", "minLength": 5, "maxLength": 200}, replies=many({"$ref": "#"}, maxItems=2)),
    "risk": {**record("mitigation", title=TEXT, likelihood=between(1, 5), impact=between(1, 5), mitigation=TEXT), "description": "One line of the risk register"},
    "vehicle": record("owner", vin=like("^[A-HJ-NPR-Z0-9]{17}$"), plate=TEXT, make=TEXT, model_year=between(1980, 2030), mileage=COUNT, fuel=choice("petrol", "diesel", "electric"), owner=TEXT),
}  # fmt: skip

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
SETTINGS: dict[str, Keywords] = {
    "package": loose("name version", name=like("^[a-z][a-z0-9-]*$"), version=like("^\\d+\\.\\d+\\.\\d+(-[a-z]+\\.\\d+)?$"), private=FLAG, scripts={"type": "object", "additionalProperties": TEXT}, dependencies={"type": "object", "additionalProperties": like("^[\\^~]?\\d+\\.\\d+\\.\\d+$")}),
    "server": record("tls", host={"type": "string", "format": "hostname"}, port=between(1, 65535), tls=record(cert=TEXT, key=TEXT), workers=between(1, 64), log_level=choice("debug", "info", "warning", "error")),
    "deployment": {"type": "object", "properties": {"apiVersion": {"const": "apps/v1"}, "kind": {"const": "Deployment"}, "metadata": record("labels", name=like("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", maxLength=30), labels={"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}}), "spec": record(replicas=between(0, 20), image=like("^[a-z]+/[a-z-]+:[0-9.]+$"))}, "required": ["apiVersion", "kind", "metadata", "spec"]},
    "workflow": record("env", name=TEXT, on=many(choice("push", "pull_request", "schedule"), minItems=1, uniqueItems=True), jobs={"type": "object", "patternProperties": {"^[a-z_]+$": record(runs_on=TEXT, steps=many({"anyOf": [record(uses=TEXT), record(run=TEXT)]}, minItems=1, maxItems=3))}, "additionalProperties": False, "minProperties": 1, "maxProperties": 2}, env={"type": "object", "propertyNames": {"pattern": "^[A-Z_]+$"}, "additionalProperties": TEXT}),
    "firewall": record(rules=many(record("comment", source={"anyOf": [{"type": "string", "format": "ipv4"}, {"const": "any"}]}, port={"oneOf": [between(1, 65535), like("^\\d{1,4}-\\d{5}$")]}, action=choice("allow", "deny"), comment=TEXT), minItems=1, maxItems=3)),
    "network": record(cidr=like("^10\\.(\\d|[1-9]\\d)\\.0\\.0/16$"), gateway={"type": "string", "format": "ipv4"}, dns=many({"type": "string", "format": "ipv6"}, minItems=1, maxItems=2)),
    "logging": {"$schema": DRAFT_07, **record("file", level=choice("DEBUG", "INFO"), sinks={"type": "array", "items": [choice("console"), choice("file", "syslog")], "additionalItems": False, "minItems": 1}, file=TEXT), "dependencies": {"file": ["level"]}},
    "cron": record(schedule=like("^(\\*|[0-5]?\\d) (\\*|1?\\d|2[0-3]) \\* \\* (\\*|[0-6])$"), command=TEXT, timeout={"type": "string", "format": "duration"}),
    "theme": {"$defs": {"hex": like("^#[0-9a-fA-F]{6}$")}, **record(name=TEXT, colors={"type": "object", "properties": {"primary": ref("hex"), "accent": ref("hex")}, "additionalProperties": ref("hex"), "required": ["primary"]}, dark=FLAG)},
    "database": {"type": "object", "required": ["engine"], "properties": {"engine": choice("sqlite", "postgres"), "path": TEXT, "host": TEXT, "port": between(1024, 65535)}, "if": {"properties": {"engine": {"const": "sqlite"}}}, "then": {"required": ["path"]}, "else": {"required": ["host", "port"]}, "additionalProperties": False},
    "retry": record(attempts=between(1, 10), backoff={"type": "number", "exclusiveMinimum": 0, "maximum": 60}, on=many(between(500, 599), uniqueItems=True, minItems=1, maxItems=3)),
    "alert": {**record("labels", expression=TEXT, threshold=NUMBER, severity=choice("info", "page"), labels={"type": "object", "additionalProperties": TEXT, "maxProperties": 2}), "not": {"properties": {"severity": {"const": "page"}, "threshold": {"maximum": 0}}}},
    "matrix": record(rows=many(many(between(-9, 9), minItems=3, maxItems=3), minItems=2, maxItems=3)),
    "codes": many({"type": "string", "minLength": 2, "maxLength": 4}, contains={"const": "OK"}, minItems=2, maxItems=4),
    "draft_07_order": {"$schema": DRAFT_07, "definitions": {"money": MONEY}, **record("gift", id=like("^\\w{8}$"), total={"$ref": "#/definitions/money"}, gift=FLAG)},
}  # fmt: skip

REAL: dict[str, Keywords] = {**PAPERS, **INTERFACES, **HEALTH, **CALLS, **WORK, **SETTINGS}
