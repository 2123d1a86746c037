// Lets the rows of a report be browsed. It reads them from the page, and asks nothing of any other place.
// Whatever texts and models say is written as text nodes, never as HTML.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const [head, rows] = JSON.parse(byId("row-data").textContent);
  const OUTCOMES = {
    exact: ["\u2713", "exactly right"],
    obeys: ["\u25cb", "obeys the schema"],
    violates: ["\u25b3", "breaks the schema"],
    malformed: ["\u2715", "broken JSON"],
    no_output: ["\u2013", "no JSON"],
  };
  const GOODNESS = ["no_output", "malformed", "violates", "obeys", "exact"];
  const FATES = { right: "right", wrong: "wrong", invented: "not in the right answer" };
  const filters = byId("filters");
  const { query, outcome, field, model, order, differ } = filters.elements;
  const list = byId("row-list");
  const shownRow = byId("row");
  const count = byId("row-count");
  let visible = rows;
  let current = null;
  let pinned = null;

  /** Make an element; a child is an element or the text of a text node. */
  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const hidden = (text) => make("span", { class: "unseen" }, text);
  const swatch = (place) => make("i", { class: `swatch s${(place % 6) + 1}` });
  const glyph = (answer, name) => {
    const [sign, words] = OUTCOMES[answer.outcome];
    const made = make("span", { class: `glyph ${answer.outcome}`, title: `${name}: ${words}` });
    made.append(make("span", { "aria-hidden": "true" }, sign), hidden(`${name}: ${words}. `));
    return made;
  };
  const address = (row) => `#row=${encodeURIComponent(row.id)}`;
  const isTyping = (target) => ["INPUT", "SELECT", "TEXTAREA"].includes(target.tagName);

  // The list -------------------------------------------------------------------------------------------

  rows.forEach((row, place) => {
    row.place = place;
    row.sought = `${row.id}\n${row.text}`.toLocaleLowerCase();
    const glyphs = make("span", { class: "glyphs" });
    row.answers.forEach((answer, at) => glyphs.append(glyph(answer, head.names[at])));
    const start = Array.from(row.text.slice(0, 240).replace(/\s+/g, " ").trim()).slice(0, 90).join("");
    row.link = make("a", { href: address(row), tabindex: "-1" });
    row.link.append(make("span", { class: "id" }, row.id), glyphs, make("span", { class: "start" }, start));
    row.item = make("li", {}, row.link);
  });
  head.fields.forEach((name, at) => {
    const wrong = rows.filter((row) => row.answers.some((answer) => (answer.wrong || []).includes(at)));
    field.append(make("option", { value: at }, `${name || "the whole answer"} (${wrong.length})`));
  });
  head.names.forEach((name, at) => model.append(make("option", { value: at }, name)));
  for (const [key, [, words]] of Object.entries(OUTCOMES)) outcome.append(make("option", { value: key }, words));

  const judged = (row) => (model.value === "" ? row.answers : [row.answers[Number(model.value)]]);
  const isSought = (row) => {
    const asked = query.value.trim().toLocaleLowerCase();
    const meets = (answer) =>
      (outcome.value === "" || answer.outcome === outcome.value) &&
      (field.value === "" || (answer.wrong || []).includes(Number(field.value)));
    return (!asked || row.sought.includes(asked)) && (!differ.checked || row.differ) && judged(row).some(meets);
  };
  const goodness = (row) => {
    const answer = row.answers[Number(model.value)];
    return GOODNESS.indexOf(answer.outcome) + (answer.leaves ? answer.right / answer.leaves : 0);
  };
  const ordered = (chosen) => {
    if (order.value === "data") return chosen.sort((a, b) => a.at - b.at);
    if (model.value === "") return chosen.sort((a, b) => a.place - b.place);
    return chosen.sort((a, b) => goodness(a) - goodness(b) || a.place - b.place);
  };

  const filter = () => {
    visible = ordered(rows.filter(isSought));
    list.replaceChildren(...visible.map((row) => row.item));
    const kept = visible.includes(current);
    count.textContent = visible.length
      ? `${visible.length} of ${rows.length} rows`
      : "No row is like that. Take a filter away.";
    if (!visible.length) shownRow.replaceChildren();
    else if (!kept || !shownRow.childNodes.length) show(kept ? current : visible[0]);
    else mark();
  };

  /** Mark the row that is shown in the list, and bring it into sight there. */
  const mark = () => {
    for (const row of rows) {
      row.link.tabIndex = row === current ? 0 : -1;
      if (row === current) row.link.setAttribute("aria-current", "true");
      else row.link.removeAttribute("aria-current");
    }
    const box = list.parentElement;
    const seen = box.getBoundingClientRect();
    const item = current.item.getBoundingClientRect();
    // The list may reach below the window.
    const height = Math.max(Math.min(seen.bottom, window.innerHeight) - seen.top, item.height);
    if (item.top < seen.top || item.bottom > seen.top + height) {
      box.scrollTop += item.top - seen.top - 0.4 * height;
    }
    const place = shownRow.querySelector(".place");
    if (place) place.textContent = `${visible.indexOf(current) + 1} of ${visible.length}`;
  };

  // One row --------------------------------------------------------------------------------------------

  const leafOf = (leaf, who) => {
    const made = make("span", { class: `leaf ${leaf.f || ""}`, role: "button", tabindex: "0" }, leaf.t);
    if (leaf.f && leaf.f !== "right") made.append(hidden(` (${FATES[leaf.f]})`));
    Object.assign(made, { leaf, who });
    return made;
  };
  const spelled = (pieces, who) => {
    const made = make("pre", { tabindex: "0" });
    for (const piece of pieces) {
      made.append(typeof piece === "string" ? piece : leafOf(piece, who));
      if (piece.g !== undefined) made.append(make("span", { class: "instead" }, ` right: ${piece.g}`));
    }
    return made;
  };

  /** Cut a text wherever a leaf's span begins or ends, so that each stretch belongs to leaves as a whole. */
  const textOf = (row, leaves) => {
    const characters = Array.from(row.text);
    const stated = leaves.filter((each) => each.leaf.s);
    const cuts = new Set([0, characters.length]);
    for (const { leaf } of stated) leaf.s.forEach((at) => cuts.add(at));
    const ends = [...cuts].sort((a, b) => a - b);
    const made = make("pre", { class: "text", tabindex: "0" });
    ends.slice(0, -1).forEach((start, place) => {
      const text = characters.slice(start, ends[place + 1]).join("");
      const of = stated.filter(({ leaf }) => leaf.s[0] <= start && start < leaf.s[1]);
      if (!of.length) return made.append(text);
      const isRight = of.some(({ who, leaf }) => who === null || !leaf.f || leaf.f === "right");
      const stretch = make("mark", { class: isRight ? "stated" : "taken" }, text);
      Object.assign(stretch, { of, start });
      return made.append(stretch);
    });
    return made;
  };

  const say = (line, { leaf, who }) => {
    const parts = [leaf.p || "the whole answer", who === null ? "right answer" : head.names[who]];
    if (leaf.f) parts.push(FATES[leaf.f]);
    if (leaf.c !== undefined) parts.push(`${(100 * leaf.c).toFixed(0)}\u00a0% sure`);
    if (!leaf.s) parts.push("not found in the text");
    line.textContent = parts.join(" \u00b7 ");
  };

  /** Light up a leaf, its like in the other answers, and where the text states it. */
  const light = (chosen) => {
    for (const each of shownRow.querySelectorAll(".lit")) each.classList.remove("lit");
    const line = shownRow.querySelector(".said");
    line.textContent = line.dataset.hint;
    if (!chosen) return;
    const pointers = new Set((chosen.of || [chosen]).map((each) => each.leaf.p));
    const like = [...shownRow.querySelectorAll(".leaf")].filter((each) => pointers.has(each.leaf.p));
    const sources = chosen.of ? [] : like.filter((each) => each === chosen || each.who === null);
    const spans = sources.filter((each) => each.leaf.s).map((each) => each.leaf.s);
    const stretches = [...shownRow.querySelectorAll("mark")].filter(
      (each) => each === chosen || spans.some(([start, end]) => start <= each.start && each.start < end),
    );
    for (const each of [...like, ...stretches]) each.classList.add("lit");
    say(line, chosen.of ? chosen.of.find((each) => each.who === null) || chosen.of[0] : chosen);
    if (chosen.of || !stretches.length) return;
    const text = shownRow.querySelector(".text");
    const top = stretches[0].offsetTop;
    if (top < text.scrollTop || top + 24 > text.scrollTop + text.clientHeight) text.scrollTop = top - 40;
  };

  const facts = (answer) => {
    const said = [];
    if (answer.leaves) said.push(`${answer.right} of ${answer.leaves} leaves right`);
    if (answer.tokens !== undefined) said.push(`${answer.tokens} tokens`);
    return said.join(" \u00b7 ");
  };
  const reward = (answer) => {
    const made = make("dl", { class: "parts" });
    const add = (name, value, kind) => {
      const bar = make("i");
      bar.style.width = `${100 * Math.min(Math.max(value, 0), 1)}%`;
      const meter = make("span", { class: "meter", "aria-hidden": "true" }, bar);
      made.append(make("div", { class: kind }, make("dt", {}, name), make("dd", {}, meter, value.toFixed(2))));
    };
    add("reward", answer.reward, "total");
    for (const [name, value] of Object.entries(answer.parts)) add(name, value, "part");
    return made;
  };
  const card = (answer, at) => {
    const [sign, words] = OUTCOMES[answer.outcome];
    const made = make("section", { class: "answer" });
    const verdict = make("span", { class: `verdict ${answer.outcome}` });
    verdict.append(make("span", { "aria-hidden": "true" }, `${sign} `), words);
    made.append(make("h4", {}, swatch(at), head.names[at], verdict));
    made.append(make("p", { class: "facts" }, facts(answer)));
    const written = spelled(answer.pieces, at);
    if (answer.broken) written.append(make("span", { class: "broken" }, answer.broken));
    if (!written.textContent) written.append(make("span", { class: "nothing" }, "nothing was written"));
    made.append(written);
    if (answer.notes) {
      const notes = make("ul", { class: "notes" });
      for (const note of answer.notes) notes.append(make("li", {}, note));
      made.append(notes);
    }
    if (answer.reward !== undefined) made.append(reward(answer));
    if (answer.raw) {
      const all = make("details", { class: "raw" }, make("summary", {}, "All that was written"));
      all.append(make("pre", { tabindex: "0" }, answer.raw));
      made.append(all);
    }
    if (answer.others) {
      const all = make("details", { class: "raw" }, make("summary", {}, `${answer.others.length} further samples`));
      for (const [outcomeOf, text] of answer.others) {
        const told = OUTCOMES[outcomeOf].join(" ");
        all.append(make("p", { class: `facts ${outcomeOf}` }, told), make("pre", { tabindex: "0" }, text));
      }
      made.append(all);
    }
    return made;
  };
  const step = (words, by, key) => {
    const made = make("button", { type: "button", "aria-keyshortcuts": key }, words);
    made.addEventListener("click", () => move(by));
    return made;
  };

  const show = (row) => {
    current = row;
    pinned = null;
    const answers = make("div", { class: "answers" });
    row.answers.forEach((answer, at) => answers.append(card(answer, at)));
    const gold = row.gold ? spelled(row.gold, null) : null;
    const leaves = [...(gold ? gold.querySelectorAll(".leaf") : []), ...answers.querySelectorAll(".leaf")];
    const hint = leaves.some((each) => each.leaf.s)
      ? "Point at a value to see where the text states it."
      : "The text states no value that was found.";
    const title = make("a", { class: "permalink", href: address(row), title: "Link to this row" }, row.id);
    const top = make("header", {}, make("h3", {}, title), make("span", { class: "place" }));
    top.append(make("span", { class: "steps" }, step("\u2190 Previous", -1, "k"), step("Next \u2192", 1, "j")));
    const source = make("section", {}, make("h4", {}, "Text"), textOf(row, leaves));
    source.append(make("p", { class: "said", role: "status", "data-hint": hint }, hint));
    const pair = make("div", { class: "pair" }, source);
    if (gold) pair.append(make("section", {}, make("h4", {}, "Right answer"), gold));
    shownRow.replaceChildren(top, pair, answers);
    mark();
  };

  const open = (row) => {
    if (row === current) return;
    show(row);
    // Not a new entry of the history for each row that is only passed.
    window.location.replace(address(row));
  };
  const move = (by) => {
    const place = visible.indexOf(current);
    const next = visible[Math.min(Math.max(place + by, 0), visible.length - 1)];
    if (!next) return;
    open(next);
    const box = byId("browser").getBoundingClientRect();
    if (box.top > window.innerHeight * 0.7 || box.bottom < 80) byId("browser").scrollIntoView();
  };

  /** Show the row that the address names. */
  const follow = () => {
    const asked = /^#row=(.*)$/s.exec(window.location.hash);
    if (!asked) return false;
    let id = asked[1];
    try {
      id = decodeURIComponent(id);
    } catch {
      // Not one that this page made; it may still name a row as it is.
    }
    const row = rows.find((each) => each.id === id);
    if (!row) {
      count.textContent = `The row ${id} is not on this page.`;
      return false;
    }
    if (!visible.includes(row)) {
      filters.reset();
      filter();
    }
    if (row !== current) show(row);
    return true;
  };

  // What is done to it ---------------------------------------------------------------------------------

  const target = (event) => event.target.closest(".leaf, mark");
  shownRow.addEventListener("pointerover", (event) => pinned || light(target(event)));
  shownRow.addEventListener("pointerleave", () => pinned || light(null));
  shownRow.addEventListener("focusin", (event) => pinned || light(target(event)));
  const pin = (chosen) => {
    pinned = chosen && chosen !== pinned ? chosen : null;
    for (const each of shownRow.querySelectorAll(".pinned")) each.classList.remove("pinned");
    if (pinned) pinned.classList.add("pinned");
    light(chosen);
  };
  shownRow.addEventListener("click", (event) => {
    const chosen = target(event);
    if (chosen || pinned) pin(chosen);
  });
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => window.setTimeout(filter));
  window.addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (isTyping(event.target)) event.target.blur();
      else if (shownRow.childNodes.length) pin(null);
      return;
    }
    if (isTyping(event.target)) return;
    const isInList = list.contains(event.target);
    if (event.key === "j" || (isInList && event.key === "ArrowDown")) move(1);
    else if (event.key === "k" || (isInList && event.key === "ArrowUp")) move(-1);
    else if (event.key === "/") query.focus();
    else if (event.key === "Enter" && event.target.matches(".leaf")) pin(event.target);
    else return;
    event.preventDefault();
    if (!isInList || !current) return;
    current.link.focus({ preventScroll: true });
    current.link.scrollIntoView({ block: "nearest" });
  });

  byId("browser").hidden = false;
  filter();
  if (follow()) byId("browse").scrollIntoView();
})();
