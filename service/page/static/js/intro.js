// What is seen before anything is asked: how many pictures there are, and what one may ask.

import { facets } from "./api.js";
import { h, plainClick, show } from "./dom.js";
import { galleryNow } from "./galleries.js";
import { t } from "./i18n.js";
import { ask, askAddress, state } from "./store.js";

const EXAMPLES = 5;

export function intro() {
  const gallery = galleryNow();
  const tries = h("p", { class: "tries" });
  examples(tries);
  return h("div", { class: "intro" },
    h("h1", {}, t("intro.title", { count: gallery?.pictures ?? 0 })),
    h("p", { class: "lead" }, t("intro.lead")), tries);
}

async function examples(tries) {
  try {
    const { labels } = await facets(state, "");
    const words = labels.filter((one) => /^[\p{L} _-]{3,18}$/u.test(one.value)).slice(0, EXAMPLES).map((one) => one.value.replaceAll("_", " ").toLowerCase());
    if (!words.length) return;
    show(tries, h("span", {}, t("intro.try")), words.map((one) => h("a", { class: "soft", href: askAddress({ words: one }), onclick: (event) => {
      if (!plainClick(event)) return;
      event.preventDefault();
      ask({ words: one });
    } }, one)));
  } catch {
    // Examples are a help alone.
  }
}
