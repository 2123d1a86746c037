"use strict";
// Asks the server that this page came from, and shows the answer beside the text that it stands in.

const INVOICE = `{
  "type": "object",
  "properties": {
    "vendor": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "amount": {"type": "number"},
    "currency": {"enum": ["EUR", "USD", "GBP"]}
  },
  "required": ["vendor", "date", "amount", "currency"],
  "additionalProperties": false
}`;
const EXAMPLES = {
  letter:
    "Please find attached the invoice of Crestline Distributors, dated 2 May 2024.\n" +
    "The total comes to € 7,999.00 and is due within 30 days.",
  slip: "Invoice\nVendor: Quinn Hardware\nDate: September 24, 2017\nAmount: $ 671.00",
};
const READINGS = {
  same: "to the letter",
  respelled: "in another spelling",
  number: "as a number",
  scaled: "as a number",
  date: "as a date",
  time: "as a time",
  sign: "by its sign",
  option: "in other words",
  flag: "as a yes or no",
  misread: "with wrong letters",
  short: "in short",
};
const NO_SOURCE = {
  "not in the text": "not in the text",
  "not found": "not found in the part of the text that was searched",
  "not needed": "needs no place in the text",
};

const at = (id) => document.getElementById(id);
const text = at("text");
const schema = at("schema");
let model = "";
let asking = null;
let pinned = null;
let shown = { leaves: [], marks: new Map(), lines: new Map() };

function made(kind, words = "", style = "") {
  const element = document.createElement(kind);
  if (words) element.textContent = words;
  if (style) element.className = style;
  return element;
}

// ——— the text, and the marks behind it

function mirror(source, behind) {
  // A line that is empty has no height without a character.
  behind.textContent = `${source.value}\u200b`;
}

function mark(leaves, doubtful) {
  const characters = [...text.value];
  const placed = leaves
    .filter((leaf) => leaf.source)
    .sort((one, other) => one.source.start - other.source.start || one.source.end - other.source.end);
  const marks = new Map();
  const pieces = [];
  let done = 0;
  for (const leaf of placed) {
    const { start, end } = leaf.source;
    if (start < done) {
      // Two leaves that the same words state share a mark.
      const last = pieces[pieces.length - 1];
      if (last instanceof Element && end <= done) marks.set(leaf.pointer, last);
      continue;
    }
    pieces.push(characters.slice(done, start).join(""));
    const element = made("mark", characters.slice(start, end).join(""));
    element.classList.toggle("doubtful", doubtful.has(leaf.pointer));
    pieces.push(element);
    marks.set(leaf.pointer, element);
    done = end;
  }
  at("behind").replaceChildren(...pieces, `${characters.slice(done).join("")}\u200b`);
  return marks;
}

// ——— the answer, a line for each leaf

function token(key) {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function* spelled(value, pointer, name, depth, comma) {
  const isList = Array.isArray(value);
  const entries = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (!entries.length) {
    yield { name, words: JSON.stringify(value) + comma, pointer, depth };
    return;
  }
  yield { name, words: isList ? "[" : "{", depth };
  for (const [place, [key, child]] of entries.entries()) {
    const next = place < entries.length - 1 ? "," : "";
    yield* spelled(child, pointer + token(key), isList ? "" : `${JSON.stringify(key)}: `, depth + 1, next);
  }
  yield { name: "", words: (isList ? "]" : "}") + comma, depth };
}

function percent(share) {
  // Rounded down: what is not quite sure is never called so.
  const tenths = Math.floor(1000 * share);
  return `${share === 1 || tenths < 990 ? Math.floor(tenths / 10) : (tenths / 10).toFixed(1)} %`;
}

function sureness(leaf) {
  const box = made("span", "", "sure");
  box.append(made("span", leaf.reading === "not in the text" ? "not in the text" : "", "how"));
  if (!leaf.confidence) {
    box.append(made("span"), made("b", "–"));
    return box;
  }
  const share = leaf.confidence.calibrated ?? leaf.confidence.raw;
  const meter = made("span", "", "meter");
  const bar = made("i");
  bar.style.width = `${100 * share}%`;
  meter.append(bar);
  box.append(meter, made("b", percent(share)));
  return box;
}

function line(each, leaf, doubtful) {
  const element = made(leaf ? "button" : "div", "", "line");
  const code = made("code");
  code.style.setProperty("--in", `${1.2 * each.depth}rem`);
  if (each.name) code.append(made("span", each.name, "name"));
  code.append(each.words);
  element.append(code);
  if (!leaf) return element;
  element.type = "button";
  element.setAttribute("aria-pressed", "false");
  if (doubtful) element.classList.add("doubtful");
  element.append(sureness(leaf));
  element.addEventListener("mouseenter", () => pinned === null && light(leaf.pointer));
  element.addEventListener("focus", () => pinned === null && light(leaf.pointer));
  element.addEventListener("mouseleave", () => pinned === null && light(null));
  element.addEventListener("click", () => pin(pinned === leaf.pointer ? null : leaf.pointer));
  return element;
}

function pin(pointer) {
  pinned = pointer;
  for (const [each, element] of shown.lines) element.setAttribute("aria-pressed", String(each === pointer));
  light(pointer);
}

function light(pointer) {
  for (const [each, element] of shown.lines) element.classList.toggle("lit", each === pointer);
  const lit = shown.marks.get(pointer);
  for (const element of shown.marks.values()) element.classList.toggle("lit", element === lit);
  if (lit) lit.scrollIntoView({ block: "nearest" });
  tell(shown.leaves.find((leaf) => leaf.pointer === pointer));
}

function tell(leaf) {
  const said = at("said");
  if (!leaf) {
    said.replaceChildren();
    return;
  }
  const parts = [made("code", leaf.pointer || "the answer", "name"), " "];
  if (leaf.source) parts.push(made("q", leaf.source.text), ` ${READINGS[leaf.reading] ?? leaf.reading}`);
  else parts.push(NO_SOURCE[leaf.reading] ?? leaf.reading);
  if (leaf.confidence) {
    const { raw, calibrated } = leaf.confidence;
    parts.push(calibrated === undefined ? `, raw ${raw.toFixed(3)}` : `, raw ${raw.toFixed(3)}, calibrated ${calibrated.toFixed(3)}`);
  }
  said.replaceChildren(...parts);
}

// ——— asking

function judged(choice, block) {
  const count = block.doubtful.length;
  if (choice.finish_reason === "length") return ["undecided", "Cut off: its tokens were spent"];
  if (block.undecided) return ["undecided", `Undecided: a person should look at ${count} field${count > 1 ? "s" : ""}`];
  if (block.promise === "none") return ["decided", "Free text: nothing was promised"];
  return ["decided", block.promise === "lenient" ? "As far as the grammar could see" : "Obeys the schema"];
}

function parsed(content) {
  try {
    const value = JSON.parse(content);
    return value !== null && typeof value === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}

function show(reply, seconds) {
  const choice = reply.choices[0];
  const content = choice.message.content ?? "";
  const block = choice.adhere ?? { promise: "none", undecided: false, doubtful: [], leaves: [] };
  const doubtful = new Set(block.doubtful);
  const leaves = new Map(block.leaves.map((leaf) => [leaf.pointer, leaf]));
  const value = block.leaves.length ? parsed(content) : undefined;
  const [style, words] = judged(choice, block);
  verdict(style, words);
  pinned = null;
  shown = { leaves: block.leaves, marks: mark(block.leaves, doubtful), lines: new Map() };
  const lines = [];
  for (const each of value === undefined ? [] : spelled(value, "", "", 0, "")) {
    const leaf = each.pointer === undefined ? undefined : leaves.get(each.pointer);
    const element = line(each, leaf, leaf && doubtful.has(leaf.pointer));
    if (leaf) shown.lines.set(leaf.pointer, element);
    lines.push(element);
  }
  at("lines").hidden = false;
  at("lines").replaceChildren(...(lines.length ? lines : [made("span", content, "raw-text")]));
  at("said").replaceChildren();
  const { prompt_tokens: read, completion_tokens: written } = reply.usage;
  at("facts").textContent = `${read} tokens read, ${written} written, ${seconds.toFixed(2)} s`;
}

function verdict(style, words) {
  at("empty").hidden = true;
  at("answer").hidden = false;
  at("verdict").className = `verdict ${style}`;
  at("verdict").textContent = words;
}

function failed(words) {
  verdict("failed", words);
  at("lines").hidden = true;
  at("said").replaceChildren();
  at("facts").textContent = "";
  clear();
}

function clear() {
  shown = { leaves: [], marks: new Map(), lines: shown.lines };
  mirror(text, at("behind"));
}

function headers() {
  const key = at("key").value.trim();
  return { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
}

async function called(path, options) {
  const reply = await fetch(path, { ...options, headers: headers(), cache: "no-store" });
  const body = await reply.json().catch(() => ({}));
  if (reply.ok) return body;
  if (reply.status === 401 || reply.status === 403) {
    at("key-field").hidden = false;
    at("key").focus();
  }
  throw new Error(body.error?.message ?? `The server says ${reply.status}.`);
}

function body() {
  const asked = {
    model,
    messages: [{ role: "user", content: text.value }],
    adhere: { fields: true, undecided_below: at("below").valueAsNumber / 100 },
  };
  if (!schema.value.trim()) return asked;
  const form = { name: "answer", schema: JSON.parse(schema.value) };
  return { ...asked, response_format: { type: "json_schema", json_schema: form } };
}

function command(asked) {
  const key = at("key").value.trim() ? " -H 'authorization: Bearer YOUR_KEY'" : "";
  const url = new URL("v1/chat/completions", location.href);
  const words = JSON.stringify(asked, null, 2).replaceAll("'", "'\\''");
  return `curl ${url} -H 'content-type: application/json'${key} -d '${words}'`;
}

async function ask() {
  asking?.abort();
  at("schema-fault").textContent = "";
  let asked;
  try {
    asked = body();
  } catch (fault) {
    at("schema-fault").textContent = `It is no JSON: ${fault.message}`;
    schema.focus();
    return;
  }
  const mine = new AbortController();
  asking = mine;
  const began = performance.now();
  at("ask").setAttribute("aria-busy", "true");
  try {
    if (!model) await meet();
    asked.model = model;
    const options = { method: "POST", body: JSON.stringify(asked), signal: mine.signal };
    const reply = await called("v1/chat/completions", options);
    if (asking !== mine) return;
    show(reply, (performance.now() - began) / 1000);
    at("request").hidden = false;
    at("command").textContent = command(asked);
    if (matchMedia("(max-width: 60rem)").matches) at("reply").scrollIntoView();
  } catch (fault) {
    if (asking === mine && fault.name !== "AbortError") failed(fault.message);
  } finally {
    if (asking === mine) at("ask").removeAttribute("aria-busy");
  }
}

async function meet() {
  const server = at("server");
  try {
    model = (await called("v1/models")).data[0].id;
    server.className = "server ready";
    server.lastChild.textContent = model;
  } catch (fault) {
    server.className = "server failed";
    server.lastChild.textContent = at("key-field").hidden ? "The server does not answer" : "Give a key";
    throw fault;
  }
}

// ——— the page

function begin(name) {
  text.value = EXAMPLES[name];
  schema.value = INVOICE;
  mirror(schema, at("schema-behind"));
  clear();
}

text.addEventListener("input", clear);
schema.addEventListener("input", () => mirror(schema, at("schema-behind")));
text.addEventListener("click", () => {
  // The text's marks lie behind it: a click on one is a place in the text.
  const place = [...text.value.slice(0, text.selectionStart)].length;
  const found = shown.leaves.find(({ source }) => source && source.start <= place && place <= source.end);
  if (text.selectionStart === text.selectionEnd) pin(found ? found.pointer : null);
});
at("below").addEventListener("input", () => (at("below-said").textContent = `${at("below").value} %`));
at("key").addEventListener("change", () => meet().catch(() => {}));
at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    ask();
  } else if (event.key === "Escape") pin(null);
});
for (const button of document.querySelectorAll("[data-example]"))
  button.addEventListener("click", () => begin(button.dataset.example));
begin("letter");
meet().catch(() => {});
