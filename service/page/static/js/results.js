// The answer: its heading, what the service made of the words, the grid, and more while one scrolls.

import { answer, reading } from "./api.js";
import { card, drawMarks } from "./card.js";
import { byId, h, show } from "./dom.js";
import { number, t } from "./i18n.js";
import { say } from "./live.js";
import { ask, go, state } from "./store.js";
import { expression, isFirstView, kindOf, question } from "./url.js";
import { intro } from "./intro.js";
import { nothingLikeThat } from "./words.js";

const PAGE = 50;
// Deeper than this nobody scrolls, and each picture costs memory.
const MOST = 2000;

let shown = "";
let current = null;

export function drawResults() {
  if (question(state) === shown) {
    for (const item of document.querySelectorAll(".card")) drawMarks(item);
    return;
  }
  shown = question(state);
  start();
}

function start() {
  current?.stop.abort();
  current?.watcher.disconnect();
  const list = h("ul", { class: "grid", id: "grid", "aria-label": t("results.pictures") });
  const more = h("button", { type: "button", class: "more", hidden: true, onclick: () => load(run) }, t("results.more"));
  const run = { list, more, stop: new AbortController(), hits: [], ids: new Set(), loading: false, ended: false };
  run.watcher = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(run), { rootMargin: "900px" });
  current = run;
  run.top = h("div", { class: "heading" });
  run.notes = h("div", { class: "notes" });
  run.end = h("div", { class: "end" }, more);
  heading(run);
  show(byId("results"), run.top, run.notes, list, run.end);
  for (let place = 0; place < 12; place += 1) {
    const ghost = h("li", { class: "card ghost", "aria-hidden": "true" }, h("span", { class: "look" }), h("div", { class: "told" }));
    ghost.style.setProperty("--ratio", [1.3, 0.8, 1.5, 1][place % 4]);
    list.append(ghost);
  }
  document.title = title();
  load(run);
}

async function load(run) {
  if (run.loading || run.ended) return;
  run.loading = true;
  run.list.setAttribute("aria-busy", "true");
  const first = !run.hits.length;
  try {
    const found = await answer(state, { offset: run.hits.length, limit: PAGE, signal: run.stop.signal });
    if (run !== current) return;
    if (first) run.list.replaceChildren();
    // A deeper search may rank a little otherwise, and tell of a picture twice.
    const fresh = found.hits.filter((hit) => !run.ids.has(hit.id));
    for (const hit of fresh) run.ids.add(hit.id);
    run.hits.push(...found.hits);
    run.list.append(...fresh.map(card));
    run.ended = !found.more || !found.hits.length || run.hits.length >= MOST;
    if (first) tell(run, found);
    say(t("results.count", { count: run.hits.length }), { quiet: true });
  } catch (error) {
    if (error.name === "AbortError" || run !== current) return;
    if (first) run.list.replaceChildren();
    run.ended = true;
    show(run.notes, problem(error));
    say(error.message, { quiet: true });
  } finally {
    run.loading = false;
    run.list.removeAttribute("aria-busy");
  }
  run.more.hidden = run.ended;
  if (first && isFirstView(state) && run.hits.length) show(run.end, h("button", { type: "button", class: "more", id: "show-all", onclick: () => ask({ view: "all" }) }, t("results.all")));
  // A wide screen may not be full yet.
  run.watcher.disconnect();
  if (!run.ended) run.watcher.observe(run.end);
}

const title = () => [state.words || (kindOf(state) === "browse" ? "" : t(`kind.${kindOf(state)}`)), "milvise"].filter(Boolean).join(" – ");

function heading(run) {
  const kind = kindOf(state);
  if (isFirstView(state)) return show(run.top, intro());
  const words = state.words;
  const text = words && kind !== "rank" && kind !== "refine" ? t(`kind.${kind}_words`, { words }) : t(`kind.${kind}`, { words, count: state.rank.length || state.like.length });
  run.count = h("p", { class: "quiet", id: "took" });
  const parts = [h("h1", {}, text), run.count];
  if (kind === "complete") {
    const choice = (to) => h("button", { type: "button", "aria-pressed": String((state.to || "mean") === to), onclick: () => go({ to }) }, t(`complete.${to}`));
    parts.push(h("div", { class: "choice", role: "group", "aria-label": t("complete.title") }, choice("mean"), choice("any")));
  }
  return show(run.top, parts);
}

function tell(run, found) {
  const { hits, request } = found;
  const notes = [];
  if (run.count && found.took_ms) run.count.textContent = t("results.took", { ms: number(Math.round(found.took_ms.total)) });
  if (request.remarks?.length) notes.push(h("p", { class: "read", lang: "en" }, request.remarks.join(" ")));
  if (!hits.length) notes.push(h("div", { class: "empty" }, h("h2", {}, t("empty.title")), h("p", {}, expression(state) ? t("empty.filters") : t("empty.note"))));
  else if (kindOf(state) === "search" && nothingLikeThat(hits)) {
    notes.push(h("div", { class: "notice", id: "nothing" }, h("strong", {}, t("nothing.title")), " ", t("nothing.note")));
  }
  show(run.notes, notes);
  if (request.remarks?.length) offerSpellings(run);
}

// A word that is perhaps misspelt: what else it may be.
async function offerSpellings(run) {
  try {
    const { suggestions } = await reading(state);
    for (const [word, others] of Object.entries(suggestions ?? {})) if (others.length && run === current) run.notes.append(spellings(word, others));
  } catch {
    // The answer stands without them.
  }
}

function spellings(word, others) {
  const replaced = (other) => (word ? state.words.replace(new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}])`, "iu"), other) : other);
  return h("p", { class: "spellings" }, t("spelling.did_you_mean"), " ",
    others.slice(0, 5).map((other) => h("button", { type: "button", class: "soft", onclick: () => ask({ words: replaced(other), like: state.like }) }, other)));
}

function problem(error) {
  const unknown = error.code === "unknown_word" || error.code === "unknown_class";
  return h("div", { class: "notice bad", role: "alert" },
    h("strong", {}, t(unknown ? "error.unknown_word" : "error.title")),
    h("p", {}, error.message),
    unknown && error.suggestions.length ? spellings(error.word || guess(error.message), error.suggestions) : null,
    h("button", { type: "button", class: "soft", onclick: start }, t("error.again")),
    error.requestId ? h("p", { class: "quiet small-text" }, t("error.request", { id: error.requestId })) : null);
}

const guess = (message) => state.words.split(/[\s,]+/).find((word) => word && message.includes(`'${word}'`)) ?? "";
