// One picture in the grid.

import { h, plainClick } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { fileOf, image, nameOf, ratioOf, sized } from "./picture.js";
import { address, ask, askAddress, mark, marked, openPicture, state } from "./store.js";
import { fully, shortly } from "./words.js";

const known = new Map();

export const knownHit = (id) => known.get(id);

export function remember(hit) {
  known.set(hit.id, hit);
}

export function card(hit) {
  remember(hit);
  const picture = image(sized(hit.links.thumbnail, 256), nameOf(hit));
  const link = h("a", { class: "look", href: address({ open: hit.id }), onclick: (event) => {
    if (!plainClick(event)) return;
    event.preventDefault();
    openPicture(hit.id);
  } }, picture, h("span", { class: "missing", "aria-hidden": "true" }, fileOf(hit)));
  const told = h("div", { class: "told" }, h("span", { class: "name", title: hit.uri }, nameOf(hit)),
    h("span", { class: "score", title: fully(hit) }, shortly(hit)));
  const tools = h("div", { class: "tools" },
    tool(hit, "selected", "check"), tool(hit, "liked", "like"), tool(hit, "disliked", "dislike"),
    h("a", { class: "tool", tabindex: "-1", href: askAddress({ like: [hit.id] }), "aria-label": t("action.similar"), title: t("action.similar"), onclick: (event) => {
      if (!plainClick(event)) return;
      event.preventDefault();
      ask({ like: [hit.id] });
    } }, icon("similar")));
  const item = h("li", { class: "card", "data-id": hit.id }, link, tools, told);
  // A style attribute would need a weaker Content-Security-Policy; this does not.
  item.style.setProperty("--ratio", ratioOf(hit));
  picture.addEventListener("load", () => {
    const natural = picture.naturalWidth / picture.naturalHeight;
    // Widths and heights that were stored know nothing of how a camera was held.
    if (Math.abs(natural - (hit.width || 4) / (hit.height || 3)) > 0.05) item.style.setProperty("--ratio", ratioOf({ width: natural, height: 1 }));
  });
  drawMarks(item);
  return item;
}

export function drawMarks(item) {
  for (const button of item.querySelectorAll("button.tool")) {
    button.setAttribute("aria-pressed", String(marked(button.dataset.list, item.dataset.id)));
  }
  item.classList.toggle("selected", marked("selected", item.dataset.id));
  item.classList.toggle("disliked", marked("disliked", item.dataset.id));
  item.querySelector(".look").href = address({ open: item.dataset.id });
}

function tool(hit, list, drawn) {
  const said = t(`action.${list}`);
  // Reached by the keys x, l and d on the picture itself: four stops for each picture would be too many.
  return h("button", { type: "button", class: `tool ${list}`, tabindex: "-1", "data-list": list, "aria-label": said, title: said, "aria-pressed": "false",
    onclick: () => mark(list, hit.id) }, icon(drawn));
}

export const idOf = (element) => element?.closest?.(".card")?.dataset.id ?? (state.open || undefined);
