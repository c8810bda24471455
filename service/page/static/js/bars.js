// The bar at the foot: what is selected, and what was liked.

import { feedback, picture, zip } from "./api.js";
import { knownHit, remember } from "./card.js";
import { byId, h, show } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { say } from "./live.js";
import { ask, go, state } from "./store.js";
import { kindOf } from "./url.js";

const KEPT = "milvise.feedback";
const MOST_ZIP = 500;

export function drawBars() {
  const bars = byId("bars");
  const focused = document.activeElement?.id;
  show(bars, judged(), selected());
  if (focused && bars.querySelector(`#${CSS.escape(focused)}`)) byId(focused).focus();
}

function judged() {
  const { liked, disliked } = state;
  if (!liked.length && !disliked.length) return null;
  const told = [liked.length && t("judged.liked", { count: liked.length }), disliked.length && t("judged.disliked", { count: disliked.length })].filter(Boolean).join(" · ");
  const box = h("input", { type: "checkbox", id: "keep-feedback", onchange: () => localStorage.setItem(KEPT, box.checked ? "1" : "") });
  box.checked = localStorage.getItem(KEPT) === "1";
  return h("section", { class: "bar foot", "aria-label": t("judged.title") }, h("strong", {}, told),
    h("label", { class: "choose inline", for: "keep-feedback", title: t("judged.keep_note") }, box, t("judged.keep")),
    button("refine", "order", t("judged.refine"), refine, "primary"),
    button("clear-judged", "close", t("judged.clear"), () => go({ liked: [], disliked: [] }, { replace: true })));
}

async function refine() {
  go({ good: state.liked, bad: state.disliked, rank: [], open: "" });
  scrollTo({ top: 0 });
  if (localStorage.getItem(KEPT) !== "1") return;
  try {
    await feedback(state);
    say(t("judged.kept"));
  } catch (error) {
    say(t("judged.not_kept", { reason: error.message }));
  }
}

function selected() {
  const ids = state.selected;
  if (!ids.length) return null;
  return h("section", { class: "bar foot", "aria-label": t("selected.title") }, h("strong", {}, t("selected.count", { count: ids.length })),
    button("complete", "similar", t("selected.complete"), () => ask({ like: ids }), "primary"),
    button("rank", "order", t("selected.rank"), rankDialog), button("copy", "copy", t("selected.copy"), copy),
    button("zip", "download", t("selected.zip"), download), button("clear-selected", "close", t("selected.clear"), () => go({ selected: [] }, { replace: true })));
}

const button = (id, drawn, said, onclick, kind = "soft") => h("button", { type: "button", id, class: kind, onclick }, icon(drawn), said);

function rankDialog() {
  const field = h("input", { type: "text", id: "rank-words", required: true, maxlength: "1000", value: kindOf(state) === "browse" ? "" : state.words });
  const form = h("form", { class: "stack", method: "dialog" }, h("h2", { id: "rank-title" }, t("rank.title", { count: state.selected.length })), h("label", { for: "rank-words" }, t("rank.label")), field,
    h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, t("rank.go")), h("button", { type: "button", class: "soft", onclick: () => dialog.close() }, t("rank.cancel"))));
  const dialog = h("dialog", { class: "small", "aria-labelledby": "rank-title" }, form);
  form.addEventListener("submit", () => ask({ words: field.value.trim(), rank: state.selected }));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function copy() {
  try {
    const hits = await Promise.all(state.selected.map(async (id) => knownHit(id) ?? (await picture(state, id))));
    hits.forEach(remember);
    const list = hits.map((hit) => hit.uri).join("\n");
    if (await written(list)) say(t("selected.copied", { count: hits.length }));
    else byHand(list);
  } catch (error) {
    say(error.message);
  }
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // Browsers write to the clipboard only over https, and where people let them.
  }
}

function byHand(list) {
  const text = h("textarea", { id: "list", rows: "10", readonly: true, "aria-label": t("selected.list") });
  text.value = list;
  const dialog = h("dialog", { class: "small", "aria-label": t("selected.list") }, h("form", { method: "dialog", class: "stack" }, text, h("button", { class: "primary", type: "submit" }, t("help.close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  text.select();
}

async function download() {
  if (state.selected.length > MOST_ZIP) return say(t("selected.too_many", { count: MOST_ZIP }));
  say(t("selected.zipping", { count: state.selected.length }));
  try {
    const address = URL.createObjectURL(await zip(state, state.selected));
    h("a", { href: address, download: `${state.gallery}.zip` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch (error) {
    say(error.message);
  }
  return undefined;
}
