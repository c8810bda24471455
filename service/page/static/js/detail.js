// One picture, opened: what it is, and what can be asked from it.

import { picture, tags } from "./api.js";
import { idOf, knownHit, remember } from "./card.js";
import { h, plainClick, show } from "./dom.js";
import { number, percent, t } from "./i18n.js";
import { galleryNow } from "./galleries.js";
import { call } from "./http.js";
import { icon } from "./icons.js";
import { key } from "./key.js";
import { fileOf, image, nameOf, sharpen, sized } from "./picture.js";
import { ask, askAddress, close, mark, marked, openPicture, state } from "./store.js";
import { kindOf } from "./url.js";
import { fully, reasonsOf } from "./words.js";
import { why } from "./why.js";

const LARGEST = 24e6;
const LARGER = 3;

let dialog;
let shown = "";

export function addDetail() {
  dialog = h("dialog", { class: "detail", id: "detail", "aria-labelledby": "detail-title" });
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  document.body.append(dialog);
}

export async function drawDetail() {
  if (!state.open) {
    if (dialog.open) {
      const last = shown;
      shown = "";
      dialog.close();
      show(dialog);
      document.querySelector(`.card[data-id="${CSS.escape(last)}"] .look`)?.focus();
    }
    return;
  }
  if (shown === state.open) return drawMarks();
  shown = state.open;
  const id = state.open;
  if (!dialog.open) dialog.showModal();
  try {
    const hit = knownHit(id) ?? (await picture(state, id));
    remember(hit);
    if (id === state.open) draw(hit);
  } catch (error) {
    show(dialog, h("div", { class: "stack about" }, h("h2", { id: "detail-title" }, t("error.title")), h("p", {}, error.message), closer()));
  }
}

const listed = () => [...document.querySelectorAll(".card[data-id]")].map(idOf);

export function step(by) {
  const ids = listed();
  const next = ids[ids.indexOf(state.open) + by];
  if (next) openPicture(next);
}

const closer = () => h("button", { type: "button", class: "round close", "aria-label": t("detail.close"), title: t("detail.close"), onclick: close }, icon("close"));

function draw(hit) {
  const large = image(sized(hit.links.thumbnail, 512), nameOf(hit), { lazy: false });
  // A tiny picture stays small: blown up it shows nothing more.
  large.addEventListener("load", () => large.style.setProperty("--most", `${LARGER * Math.max(large.naturalWidth, 160)}px`));
  const ids = listed();
  const turn = (by, name) => h("button", { type: "button", class: `round turn ${name}`, "aria-label": t(`detail.${name}`), disabled: !ids[ids.indexOf(hit.id) + by] || !ids.includes(hit.id), onclick: () => step(by) }, icon(name));
  const told = [hit.width && t("detail.size", { width: hit.width, height: hit.height }), fully(hit)].filter(Boolean).join(" · ");
  const reasons = reasonsOf(hit);
  show(dialog,
    h("div", { class: "stage" }, large, h("span", { class: "missing", "aria-hidden": "true" }, fileOf(hit)), turn(-1, "previous"), turn(1, "next")),
    h("div", { class: "about", tabindex: "0", role: "region", "aria-label": t("detail.about") },
      h("div", { class: "head" }, h("h2", { id: "detail-title", tabindex: "-1" }, nameOf(hit)), closer()),
      h("p", { class: "quiet path" }, hit.uri), h("p", { class: "quiet" }, told),
      reasons.length ? h("p", { class: "quiet" }, t("detail.found_by", { reasons: reasons.join(", ") })) : null,
      h("div", { class: "actions" },
        link({ like: [hit.id] }, "similar", t("action.similar"), "primary"),
        judge("liked", "like", hit), judge("disliked", "dislike", hit), judge("selected", "check", hit),
        hit.links.original && h("a", { class: "soft", href: hit.links.original, target: "_blank", rel: "noopener", onclick: (event) => openOriginal(event, hit) }, icon("out"), t("action.original"))),
      galleryNow()?.has_classes !== false && only(hit), whySection(hit), tagsSection(hit), metadata(hit)));
  drawMarks();
  dialog.querySelector("#detail-title").focus({ preventScroll: true });
  if (hit.links.original && (hit.width ?? 0) * (hit.height ?? 0) < LARGEST) sharpen(large, hit.links.original);
}

function drawMarks() {
  for (const button of dialog.querySelectorAll("[data-list]")) button.setAttribute("aria-pressed", String(marked(button.dataset.list, state.open)));
}

function link(patch, drawn, said, kind = "soft") {
  return h("a", { class: kind, href: askAddress(patch), onclick: (event) => {
    if (!plainClick(event)) return;
    event.preventDefault();
    ask(patch);
  } }, drawn && icon(drawn), said);
}

const judge = (list, drawn, hit) => h("button", { type: "button", class: `soft ${list}`, "data-list": list, "aria-pressed": "false", onclick: () => mark(list, hit.id) }, icon(drawn), t(`action.${list}`));

// A new tab would send no key; the bytes are fetched with it.
async function openOriginal(event, hit) {
  if (!key()) return;
  event.preventDefault();
  const address = URL.createObjectURL(await (await call(hit.links.original)).blob());
  h("a", { href: address, download: fileOf(hit) }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function only(hit) {
  const field = h("input", { type: "text", id: "only", list: "only-known", required: true, maxlength: "200", autocomplete: "off", autocapitalize: "none", spellcheck: "false", placeholder: t("only.placeholder") });
  const form = h("form", { class: "inline" }, field, h("datalist", { id: "only-known" }), h("button", { type: "submit", class: "soft" }, t("only.go")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask({ like: [hit.id], focus: field.value.trim() });
  });
  return h("section", {}, h("h3", {}, h("label", { for: "only" }, t("only.title"))), h("p", { class: "quiet" }, t("only.note")), form);
}

function whySection(hit) {
  if (kindOf(state) === "browse") return null;
  const out = h("div", { id: "why-told", class: "why" });
  const button = h("button", { type: "button", class: "soft", id: "why", "aria-expanded": "false", "aria-controls": "why-told", onclick: async () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) return show(out);
    return show(out, await why(hit));
  } }, icon("help"), t("action.why"));
  return h("section", {}, button, out);
}

function tagsSection(hit) {
  const list = h("ul", { class: "tags", "aria-label": t("tags.title") });
  tags(state, hit.id).then(({ hits }) => {
    show(list, hits.map((tag) => h("li", {}, link({ words: /\s/.test(tag.word) ? `"${tag.word}"` : tag.word }, null,
      h("span", {}, tag.word, tag.probability ? h("small", {}, percent(tag.probability)) : null), tag.probability ? "tag sure" : "tag"))));
    show(dialog.querySelector("#only-known") ?? h("datalist"), hits.map((tag) => h("option", { value: tag.word })));
  }).catch((error) => show(list, h("li", { class: "quiet" }, error.message)));
  return h("section", {}, h("h3", {}, t("tags.title")), list);
}

function metadata(hit) {
  const entries = Object.entries(hit.meta ?? {});
  if (!entries.length) return null;
  const said = (value) => (typeof value === "number" ? number(value) : typeof value === "object" ? JSON.stringify(value) : String(value));
  return h("section", {}, h("h3", {}, t("detail.meta")), h("dl", {}, entries.map(([name, value]) => [h("dt", {}, name), h("dd", {}, said(value))]).flat()));
}
