// Suggestions while one types: a list box below the search field (WAI-ARIA combobox pattern).

import { suggestions } from "./api.js";
import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { say } from "./live.js";
import { state } from "./store.js";

const PAUSE_MS = 120;
const LEAST = 2;

export function addSuggestions(field, list, chosen) {
  let options = [];
  let active = -1;
  let completes = "";
  let pause;
  let asking;

  const close = () => {
    asking?.abort();
    clearTimeout(pause);
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };

  const move = (step) => {
    active = (active + step + options.length + 1) % (options.length + 1);
    if (active === options.length) active = step > 0 && options.length ? 0 : -1;
    for (const [place, option] of options.entries()) option.element.setAttribute("aria-selected", String(place === active));
    if (active >= 0) {
      field.setAttribute("aria-activedescendant", options[active].element.id);
      options[active].element.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };

  const take = (option) => {
    const place = field.selectionStart ?? field.value.length;
    const typed = field.value.slice(0, place);
    let before = typed.endsWith(completes) ? typed.slice(0, typed.length - completes.length) : typed;
    const quoted = (before.match(/"/g) ?? []).length % 2 === 1;
    if (quoted) before = before.slice(0, before.lastIndexOf('"'));
    const plain = option.text.replaceAll('"', " ");
    // A name of several words is one phrase; the words that a word comes after stay as they are.
    const text = option.kind !== "words" && /\s/.test(plain) ? `"${plain}"` : plain;
    field.value = before + text + field.value.slice(place).replace(quoted ? /^[^"]*"/ : /^$/, "");
    field.setSelectionRange(before.length + text.length, before.length + text.length);
    close();
    field.focus();
    chosen();
  };

  const draw = (found) => {
    options = [];
    completes = found.completes ?? "";
    const seen = new Set();
    const groups = ["labels", "classes", "words"].map((kind) => {
      const texts = (found[kind] ?? []).filter((text) => !seen.has(text.toLowerCase()) && seen.add(text.toLowerCase()));
      if (!texts.length) return null;
      const rows = texts.map((text) => {
        const element = h("div", { role: "option", id: `suggestion-${options.length}`, "aria-selected": "false" }, text);
        const option = { text, kind, element };
        element.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(option);
        });
        options.push(option);
        return element;
      });
      return h("div", { role: "group", "aria-label": t(`suggest.${kind}`) }, h("div", { class: "group", "aria-hidden": "true" }, t(`suggest.${kind}`)), rows);
    });
    show(list, groups);
    active = -1;
    field.removeAttribute("aria-activedescendant");
    list.hidden = !options.length || document.activeElement !== field;
    field.setAttribute("aria-expanded", String(!list.hidden));
    if (!list.hidden) say(t("suggest.count", { count: options.length }), { quiet: true });
  };

  field.addEventListener("input", () => {
    clearTimeout(pause);
    asking?.abort();
    const typed = field.value.slice(0, field.selectionStart ?? field.value.length);
    if (typed.trim().length < LEAST) return close();
    pause = setTimeout(async () => {
      const mine = (asking = new AbortController());
      try {
        draw(await suggestions(state, typed, mine.signal));
      } catch {
        // Suggestions are a help: without them one types on. What was given up for a newer text closes nothing.
        if (!mine.signal.aborted) close();
      }
    }, PAUSE_MS);
  });
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      take(options[active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  field.addEventListener("blur", close);
  return close;
}
