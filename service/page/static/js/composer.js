// The search field: words, and pictures to search by, which stand as chips before them.

import { addSuggestions } from "./suggest.js";
import { byId, h, show } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { say } from "./live.js";
import { queryImage, sized } from "./picture.js";
import { ask, state } from "./store.js";
import { isUpload, keep } from "./uploads.js";

const MOST_CHIPS = 3;
let field;
let chips;
let clear;
let last;

export function composer() {
  chips = h("div", { class: "chips", id: "chips" });
  field = h("input", {
    type: "text", id: "words", name: "q", role: "combobox", autocomplete: "off", autocapitalize: "none", spellcheck: "false", enterkeyhint: "search",
    maxlength: "1000", "aria-label": t("search.label"), "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "suggestions",
    placeholder: t("search.placeholder"),
  });
  const list = h("div", { class: "suggestions", id: "suggestions", role: "listbox", "aria-label": t("suggest.title"), hidden: true });
  const file = h("input", { type: "file", accept: "image/*", id: "file", class: "hidden-file", tabindex: "-1", "aria-label": t("search.picture"), onchange: taken });
  const camera = h("input", { type: "file", accept: "image/*", capture: "environment", id: "photo", class: "hidden-file", tabindex: "-1", "aria-label": t("search.photo"), onchange: taken });
  clear = h("button", { type: "button", class: "round", "aria-label": t("search.clear"), title: t("search.clear"), onclick: empty }, icon("close"));
  const form = h("form", { class: "composer", id: "composer", role: "search", "aria-label": t("search.label") },
    h("span", { class: "lens" }, icon("search")), chips, field, clear,
    h("button", { type: "button", class: "round", id: "upload", "aria-label": t("search.picture"), title: t("search.picture"), onclick: () => file.click() }, icon("picture")),
    h("button", { type: "button", class: "round phone", id: "take-photo", "aria-label": t("search.photo"), title: t("search.photo"), onclick: () => camera.click() }, icon("camera")),
    h("button", { type: "submit", class: "primary go" }, t("search.go")), file, camera, list);
  const close = addSuggestions(field, list, submit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    close();
    submit();
  });
  field.addEventListener("input", () => { clear.hidden = !field.value && !state.like.length; });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && field.selectionStart === 0 && field.selectionEnd === 0 && state.like.length) removeLast();
  });
  return form;
}

export function drawComposer() {
  // What is typed now stays, whatever else on the page changes.
  if (last !== state.words) field.value = state.words;
  last = state.words;
  clear.hidden = !state.words && !state.like.length;
  const more = state.like.length - MOST_CHIPS;
  show(chips, state.like.slice(0, MOST_CHIPS).map(chip), more > 0 && h("span", { class: "more" }, `+${more}`),
    state.focus && focusChip());
  field.placeholder = state.like.length ? t("search.and_words") : t("search.placeholder");
}

export function focusSearch() {
  field.focus();
  field.select();
}

export async function searchBy(file) {
  if (!file.type.startsWith("image/")) return say(t("error.no_picture", { name: file.name }));
  ask({ like: [await keep(file)] });
  return byId("results").focus({ preventScroll: true });
}

// Anywhere on the page a picture can be dropped or pasted.
export function takePictures() {
  let inside = 0;
  const over = (on) => document.documentElement.classList.toggle("dropping", on);
  const holdsFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (holdsFile(event)) { inside += 1; over(true); } });
  addEventListener("dragleave", (event) => { if (holdsFile(event)) { inside -= 1; over(inside > 0); } });
  addEventListener("dragover", (event) => { if (holdsFile(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    inside = 0;
    over(false);
    if (!holdsFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files[0]) searchBy(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    searchBy(file);
  });
  document.body.append(h("div", { class: "drop-hint", "aria-hidden": "true" }, h("p", {}, icon("picture"), t("search.drop"))));
}

function taken(event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) searchBy(file);
}

function submit() {
  const words = field.value.trim();
  last = undefined;
  const { like, focus } = state;
  ask({ words, like, focus: like.length && !words ? focus : "" });
}

function empty() {
  last = undefined;
  ask({});
  field.focus();
}

function removeLast() {
  ask({ words: field.value.trim(), like: state.like.slice(0, -1) });
}

function chip(name) {
  const alt = isUpload(name) ? t("search.your_picture") : t("search.stored_picture");
  const link = `/api/v1/galleries/${encodeURIComponent(state.gallery)}/pictures/${encodeURIComponent(name)}/thumbnail`;
  const remove = () => ask({ words: state.words, focus: state.focus, like: state.like.filter((one) => one !== name) });
  return h("span", { class: "chip picture" }, queryImage(name, sized(link, 256), alt),
    h("button", { type: "button", "aria-label": t("search.remove_picture"), title: t("search.remove_picture"), onclick: remove }, icon("close")));
}

function focusChip() {
  const remove = () => ask({ words: state.words, like: state.like });
  return h("span", { class: "chip" }, t("search.focus", { focus: state.focus }),
    h("button", { type: "button", "aria-label": t("search.remove_focus"), onclick: remove }, icon("close")));
}
