// How is searched: what few people change, below the filters.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { go, state } from "./store.js";

export function options() {
  const own = h("input", { type: "text", id: "own-filter", value: state.filter, spellcheck: "false", autocomplete: "off", placeholder: 'width > 800 and label != "cat"', maxlength: "2000" });
  const form = h("form", { class: "own" }, h("label", { for: "own-filter" }, t("options.filter")), own, h("button", { type: "submit", class: "soft" }, t("options.apply")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go({ filter: own.value.trim() });
  });
  return h("fieldset", { class: "options" }, h("legend", {}, t("options.title")),
    choice("by", ["", "meaning", "text"]), choice("space", ["", "ranked", "joint", "visual", "fused"]), choice("min", ["", "0.25", "0.5", "0.85"]), form);
}

function choice(name, values) {
  const id = `option-${name}`;
  const select = h("select", { id, onchange: () => go({ [name]: select.value }) },
    values.map((value) => h("option", { value }, t(`options.${name}_${value || "any"}`))));
  select.value = state[name];
  return h("p", { class: "option" }, h("label", { for: id }, t(`options.${name}`)), select);
}
