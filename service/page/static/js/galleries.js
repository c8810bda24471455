// Which galleries there are, and which one is looked at.

import { galleries } from "./api.js";
import { h, show } from "./dom.js";
import { t } from "./i18n.js";
import { go, state } from "./store.js";
import { EMPTY } from "./url.js";

let all = [];
let chooser;

export async function loadGalleries() {
  all = await galleries();
  if (!state.gallery && all.length) go({ gallery: (all.find((one) => one.name === "default") ?? all[0]).name }, { replace: true });
  return all;
}

export const galleryNow = () => all.find((one) => one.name === state.gallery);

export function galleryChooser() {
  chooser = h("select", { id: "gallery", "aria-label": t("gallery.label"), title: t("gallery.label"), onchange: () => go({ ...EMPTY, gallery: chooser.value }) });
  return chooser;
}

export function drawGalleries() {
  const names = all.map((one) => one.name);
  if (state.gallery && !names.includes(state.gallery)) names.push(state.gallery);
  show(chooser, names.map((name) => h("option", { value: name }, name)));
  chooser.value = state.gallery;
  chooser.hidden = names.length < 2;
  chooser.title = t("gallery.size", { count: galleryNow()?.pictures ?? 0, name: state.gallery });
}
