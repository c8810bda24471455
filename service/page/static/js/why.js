// Why a picture is where it is: what each part of the question adds, drawn as bars.

import { explain } from "./api.js";
import { h } from "./dom.js";
import { percent, score, t } from "./i18n.js";
import { state } from "./store.js";
import { fully } from "./words.js";

const SPACES = ["joint", "visual", "classes", "alike"];

export async function why(hit) {
  try {
    return told(await explain(state, hit.id));
  } catch (error) {
    return h("p", { class: "bad", role: "alert" }, error.message);
  }
}

function told(found) {
  const largest = Math.max(0.01, ...found.terms.map((term) => Math.abs(term.contribution)));
  const unknown = Object.keys(found.unknown_words ?? {});
  const classes = (found.classes ?? []).filter((one) => one.probability >= 0.005).slice(0, 5);
  return h("div", {},
    h("p", {}, fully(found.hit)),
    unknown.length ? h("p", { class: "quiet" }, t("why.unknown", { words: unknown.join(", ") })) : null,
    h("h4", {}, t("why.parts")), h("p", { class: "quiet" }, t("why.parts_note")),
    h("ul", { class: "bars-list" }, found.terms.map((term) => bar(t("why.term", { term: term.term, space: space(term.space) }), term.contribution, largest, score(term.contribution)))),
    classes.length ? [h("h4", {}, t("why.classes")), h("ul", { class: "bars-list" }, classes.map((one) => bar(one.name, one.probability, 1, percent(one.probability))))] : null,
    h("details", {}, h("summary", {}, t("why.more")), h("dl", {}, Object.entries(found.cosines).map(([name, value]) =>
      [h("dt", {}, space(name)), h("dd", {}, t("why.cosine", { score: score(value), share: percent(found.shares[name] ?? 0) }))]).flat(),
      Object.entries(found.searched ?? {}).map(([name, one]) => [h("dt", {}, t("why.searched", { space: space(name) })), h("dd", {}, `${one.collection} · ${one.index}`)]).flat())));
}

const space = (name) => (SPACES.includes(name) ? t(`space.${name}`) : name);

function bar(name, value, largest, said) {
  const drawn = h("span", { class: `bar${value < 0 ? " against" : ""}`, "aria-hidden": "true" });
  drawn.style.setProperty("--part", Math.min(1, Math.abs(value) / largest));
  return h("li", {}, h("span", { class: "bar-name" }, name), h("span", { class: "bar-said" }, said), drawn);
}
