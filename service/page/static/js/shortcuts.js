// Keys: letters alone act only where nothing is typed, and can be turned off (WCAG 2.1.4).

import { idOf } from "./card.js";
import { focusSearch } from "./composer.js";
import { step } from "./detail.js";
import { byId, typing } from "./dom.js";
import { toggleFilters } from "./filters.js";
import { keysOn, openHelp } from "./help.js";
import { ask, mark, openPicture, state } from "./store.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function addShortcuts() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog:modal:not(.detail)")) return;
    if (event.key in ARROWS ? arrow(event) : keysOn() && letter(event.key)) event.preventDefault();
  });
}

function letter(name) {
  const id = state.open || idOf(document.activeElement);
  const onPicture = { s: () => ask({ like: [id] }), l: () => mark("liked", id), d: () => mark("disliked", id), x: () => mark("selected", id), w: () => inDetail(id, "why", true), o: () => inDetail(id, "only", false) };
  const anywhere = { "/": focusSearch, f: toggleFilters, "?": openHelp, r: () => byId("refine")?.click(), g: () => byId("complete")?.focus() };
  if (id && name in onPicture) onPicture[name]();
  else if (!state.open && name in anywhere) anywhere[name]();
  else return false;
  return true;
}

function inDetail(id, part, press) {
  if (!state.open) openPicture(id);
  const go = () => {
    const found = byId(part);
    found?.focus();
    if (press) found?.click();
    return Boolean(found);
  };
  if (go()) return;
  // The dialog draws as soon as it knows the picture.
  const wait = setInterval(() => go() && clearInterval(wait), 30);
  setTimeout(() => clearInterval(wait), 3000);
}

function arrow(event) {
  const [across, down] = ARROWS[event.key];
  if (state.open) {
    if (!across || event.target.closest(".about [role=slider]")) return false;
    step(across);
    return true;
  }
  const now = document.activeElement?.closest?.(".card");
  if (!now) return false;
  const next = across ? (across > 0 ? now.nextElementSibling : now.previousElementSibling) : inRow(now, down);
  const link = next?.querySelector(".look");
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
  return Boolean(link);
}

// The picture of the next row whose middle is closest.
function inRow(card, down) {
  const from = card.getBoundingClientRect();
  const middle = from.left + from.width / 2;
  let best = null;
  let row = null;
  for (let one = card; one; one = down > 0 ? one.nextElementSibling : one.previousElementSibling) {
    const place = one.getBoundingClientRect();
    if (Math.abs(place.top - from.top) < 4) continue;
    row ??= place.top;
    if (Math.abs(place.top - row) > 4) break;
    const apart = Math.abs(place.left + place.width / 2 - middle);
    if (!best || apart < best.apart) best = { one, apart };
  }
  return best?.one;
}
