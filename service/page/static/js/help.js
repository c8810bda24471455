// The list of keys, and the few settings of the page.

import { h } from "./dom.js";
import { keepLanguage, language, LANGUAGES, t } from "./i18n.js";
import { icon } from "./icons.js";
import { forgetKey, key } from "./key.js";

const KEYS = [["/", "search"], ["f", "filters"], ["?", "help"], ["← → ↑ ↓", "move"], ["Enter", "open"], ["s", "similar"], ["w", "why"], ["o", "only"], ["l", "like"], ["d", "dislike"], ["x", "select"], ["r", "refine"], ["g", "selection"], ["Esc", "close"]];
const OFF = "milvise.keys_off";

export const keysOn = () => localStorage.getItem(OFF) !== "1";

export function openHelp() {
  const box = h("input", { type: "checkbox", id: "keys-on", onchange: () => localStorage.setItem(OFF, box.checked ? "" : "1") });
  box.checked = keysOn();
  const select = h("select", { id: "language", onchange: () => keepLanguage(select.value) }, Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, lang: tag }, name)));
  select.value = language;
  const dialog = h("dialog", { class: "small help", id: "help", "aria-labelledby": "help-title" },
    h("div", { class: "bar" }, h("h2", { id: "help-title" }, t("help.title")), h("button", { type: "button", class: "round", "aria-label": t("help.close"), onclick: () => dialog.close() }, icon("close"))),
    h("div", { class: "stack scrolls", tabindex: "0", role: "region", "aria-label": t("help.title") },
      h("h3", {}, t("help.ask")), h("ul", { class: "examples" }, ["dog", "beach_night", "king", "quotes", "weights"].map((one) => h("li", {}, t(`help.example_${one}`)))),
      h("h3", {}, t("help.keys")), h("dl", { class: "keys" }, KEYS.map(([name, does]) => [h("dt", {}, h("kbd", {}, name)), h("dd", {}, t(`keys.${does}`))]).flat()),
      h("label", { class: "choose inline", for: "keys-on" }, box, t("help.keys_on")),
      h("p", { class: "option" }, h("label", { for: "language" }, t("help.language")), select),
      key() ? h("button", { type: "button", class: "soft", onclick: forgetKey }, t("key.forget")) : null,
      h("p", { class: "quiet small-text" }, h("a", { href: "/api/v1/openapi.json" }, t("help.api")))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
