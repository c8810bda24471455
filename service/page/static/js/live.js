// Short messages: seen for a moment, and read out.

import { byId } from "./dom.js";

let hiding;

export function say(text, { quiet = false } = {}) {
  const live = byId("live");
  live.textContent = text;
  live.classList.toggle("seen", !quiet);
  clearTimeout(hiding);
  hiding = setTimeout(() => live.classList.remove("seen"), 4000);
}
