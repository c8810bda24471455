// Filters with counts. The service gives each with the Milvus expression that selects it; one's own expression can be added.

import { facets } from "./api.js";
import { byId, h, show } from "./dom.js";
import { number, t } from "./i18n.js";
import { icon } from "./icons.js";
import { go, state } from "./store.js";
import { expression } from "./url.js";
import { options } from "./options.js";

const FEW = 8;
const WIDE = matchMedia("(min-width: 900px)");

let asking = null;
let drawn = "";
let groups = [];
let kept = {};
const whole = new Set();

export function toggleFilters() {
  const panel = byId("filters");
  if (panel.open) return close();
  if (WIDE.matches) panel.show();
  else panel.showModal();
  document.documentElement.classList.add("filtering");
  return drawFilters(true);
}

export function addFilters() {
  const panel = byId("filters");
  panel.setAttribute("aria-label", t("filters.title"));
  // The browser closes a modal panel by itself. It says so of every panel, a moment later: by then the focus may be elsewhere.
  panel.addEventListener("close", () => isFiltering() && !panel.open && closed());
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
}

function close() {
  byId("filters").close();
  closed();
}

const isFiltering = () => document.documentElement.classList.contains("filtering");

function closed() {
  document.documentElement.classList.remove("filtering");
  byId("show-filters")?.focus();
}

export const filtersOn = () => Object.values(state.filters).flat().length + Number(Boolean(state.filter));

export async function drawFilters(again = false) {
  const panel = byId("filters");
  const wanted = JSON.stringify([state.gallery, state.filters, state.filter]);
  if (!panel.open || (wanted === drawn && !again)) return;
  drawn = wanted;
  asking?.abort();
  asking = new AbortController();
  draw();
  try {
    groups = await counted(asking.signal);
    draw();
  } catch (error) {
    if (error.name !== "AbortError") show(panel.querySelector(".groups"), h("p", { class: "bad" }, error.message));
  }
}

// The counts of a group are those under all other groups, so that a second value of it can still be chosen.
async function counted(signal) {
  const now = await facets(state, expression(state), signal);
  const chosen = Object.keys(state.filters);
  const others = await Promise.all(chosen.map((group) => facets(state, expression(state, group), signal)));
  const of = (group, found) => (group.startsWith("meta.") ? found.meta?.[group.slice(5)] : found[group]) ?? [];
  const names = ["labels", "sizes", "dates", ...Object.keys({ ...now.meta, ...Object.assign({}, ...others.map((one) => one.meta)) }).map((name) => `meta.${name}`)];
  return names.map((name) => {
    const entries = of(name, chosen.includes(name) ? others[chosen.indexOf(name)] : now);
    return { name, entries, isWhole: now.is_whole };
  }).filter((group) => group.entries.length > 1 || state.filters[group.name]?.length);
}

function draw() {
  const panel = byId("filters");
  const place = [panel.querySelector(".groups")?.scrollTop ?? 0, document.activeElement?.id];
  show(panel,
    h("div", { class: "bar" }, h("h2", {}, t("filters.title")),
      h("button", { type: "button", class: "soft", id: "clear-filters", disabled: !filtersOn(), onclick: () => go({ filters: {}, filter: "" }) }, t("filters.clear")),
      h("button", { type: "button", class: "round", "aria-label": t("filters.close"), onclick: close }, icon("close"))),
    h("div", { class: "groups" }, groups.map(fieldset), optionsNow()));
  panel.querySelector(".groups").scrollTop = place[0];
  if (place[1]) byId(place[1])?.focus({ preventScroll: true });
}

// What is typed there stays while counts come in.
function optionsNow() {
  const wanted = JSON.stringify([state.by, state.space, state.min, state.filter]);
  if (kept.wanted !== wanted) kept = { wanted, element: options() };
  return kept.element;
}

const titleOf = (group) => (group.startsWith("meta.") ? group.slice(5) : t(`filters.${group}`));

function fieldset({ name, entries, isWhole }) {
  const chosen = state.filters[name] ?? [];
  const all = whole.has(name);
  const several = new Set(entries.map((one) => one.column)).size > 1;
  const seen = all ? entries : entries.filter((one, place) => place < FEW || chosen.includes(one.filter));
  const rows = seen.map((one, place) => {
    const id = `filter-${name}-${place}`;
    const box = h("input", { type: "checkbox", id, onchange: () => choose(name, one.filter, box.checked) });
    box.checked = chosen.includes(one.filter);
    return h("label", { class: "choose", for: id }, box, h("span", { class: /^\d{4}-\d\d$/.test(one.value) && name === "dates" ? "value month" : "value" }, valueOf(name, one, several)),
      h("span", { class: "count" }, `${number(one.count)}${isWhole ? "" : "+"}`));
  });
  const hidden = entries.length - seen.length;
  return h("fieldset", {}, h("legend", {}, titleOf(name)), rows,
    hidden > 0 && h("button", { type: "button", class: "soft", id: `all-${name}`, onclick: () => { whole.add(name); draw(); } }, t("filters.all", { count: hidden })));
}

// Of dates in several columns each says which one it is of.
function valueOf(name, { value, column }, several) {
  const text = String(value) || t("filters.none");
  return name === "dates" && several ? `${text} (${column})` : text;
}

function choose(group, filter, on) {
  const chosen = (state.filters[group] ?? []).filter((one) => one !== filter);
  const filters = { ...state.filters, [group]: on ? [...chosen, filter] : chosen };
  if (!filters[group].length) delete filters[group];
  go({ filters });
}
