// The key of the service, kept until the tab is closed; asked for when the service wants one.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const KEPT = "milvise.key";
let asking = null;

export const key = () => sessionStorage.getItem(KEPT) ?? "";

export function forgetKey() {
  sessionStorage.removeItem(KEPT);
  location.reload();
}

// Resolves when there is another key than the refused one. Several requests wait for one dialog.
export function askKey(refused) {
  if (key() && key() !== refused) return Promise.resolve();
  asking ??= new Promise((resolve) => {
    const field = h("input", { type: "password", id: "key", autocomplete: "off", required: true, "aria-describedby": "key-note" });
    const form = h("form", { class: "stack" },
      h("h2", { id: "key-title" }, t("key.title")),
      h("p", { id: "key-note", class: refused ? "bad" : "quiet" }, refused ? t("key.wrong") : t("key.note")),
      h("label", { for: "key" }, t("key.label")), field,
      h("button", { class: "primary", type: "submit" }, t("key.use")));
    const dialog = h("dialog", { class: "small", "aria-labelledby": "key-title" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEPT, field.value.trim());
      dialog.remove();
      asking = null;
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}
