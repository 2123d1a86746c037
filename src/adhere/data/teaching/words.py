"""The words in which a teacher is asked; `docs/teacher.md` has them too.

Source: the two prompts of arXiv:2502.14905, of which the first has a document kind and its data written, and
the second the text; the words are ours.
"""

OBJECT = """\
Make up one document of the kind that the JSON Schema below describes, and write down its data.

- Reply with one JSON object that obeys the schema, and with nothing else: every required key, no key that
  the schema does not name, the right types, options spelled as they are listed.
- Invent values that could all be true of one case: names, dates, codes, amounts. No placeholders such as
  "string", "example" or "John Doe".
- A number that follows from others, as a total does, is right.
- Leave an optional key out, or give null where the schema allows it, where this case would have no such
  thing.
- Keep each text so short that another text can repeat it word for word.

The case:
{case}

JSON Schema:
{schema}"""

KIND = """\
Make up a kind of document of this field of work: {domain}. Then make up one document of that kind.

Reply with one JSON object and nothing else: {{"schema": …, "data": …}}. "schema" is a JSON Schema that
describes every document of the kind; "data" is the data of the one document, and obeys it.

The document is a tree of nodes. Each node is an object with
- "id", such as "1.2"; "title"; "level": 0 for the root, 1, 2, 3 and so on below it; "level_type": "ROOT" for
  level 0, "SECTION" for 1, "SUBSECTION" for 2, "DETAIL_3" for 3, and so on;
- "properties" where it has any: objects called "variables", "metrics", "logs" or "formulas", each with named
  values of its own;
- "component" where it has any: a list of parts, each with "type" and what belongs to it: "PARAGRAPH" with
  named values that its words state, "TABLE" with "header" and "rows", "CHECKBOX" with "label" and either
  "selected", one of several options, or "confirmed", true or false;
- "children" where it has any: a list of nodes.

Rules for the schema:
- It has a "title" that names the kind. Every object has "type", "properties", "required" and
  "additionalProperties": false.
- What all documents of the kind share is "const": ids, titles, levels, types, headers, labels. Lists of
  nodes and of parts use "prefixItems", "items": false, "minItems" and "maxItems".
- What differs is described as closely as it can be: "type", "enum", "format" (date, time, email), "minimum"
  and "maximum". Keys say what their value is, in the words of the field.
- Nothing else is used: no "$ref", "$defs", "pattern", "anyOf", "oneOf", "allOf", "not" or "if".

Rules for the data: values that could all be true of one case, no placeholders, no text longer than a line,
and numbers that follow from others are right.

The case:
{case}"""

TEXT = """\
Write the document whose data stand below as JSON, as it looked before anyone typed its data in.

- It says every value of the data. Texts stand in it letter for letter, numbers in figures, dates with day,
  month and year. Where a value is true or false, write its name and then yes or no, as in "insured: yes".
- Names of keys are said in other words where that stays clear. What the data leave out, or have as null, is
  not spoken of.
- Put other words around the values.
- It is a text for people. It has no JSON, no braces, and no keys in quotes.
- Write it between <text> and </text>, and write nothing else.

How it looks:
{layout}

Data:
{data}"""

CORRECTION = """\
This cannot be used: {fault}. Write all of it again without that fault, by the same rules."""
