// Start here: the parts are put on the page, and drawn again whenever its address changes.
//
//     store      the address as state; url.js reads and writes it
//     api        what the service is asked; http.js and key.js below it
//     composer   the search field;  results, card, intro   the answer;  detail, why   one picture;  filters, options;  bars
//     i18n       words of the page, in messages/

import { drawBars } from "./bars.js";
import { composer, drawComposer, focusSearch, takePictures } from "./composer.js";
import { addDetail, drawDetail } from "./detail.js";
import { byId, h, show } from "./dom.js";
import { addFilters, drawFilters, filtersOn, toggleFilters } from "./filters.js";
import { drawGalleries, galleryChooser, loadGalleries } from "./galleries.js";
import { openHelp } from "./help.js";
import { loadMessages, t } from "./i18n.js";
import { icon } from "./icons.js";
import { drawResults } from "./results.js";
import { addShortcuts } from "./shortcuts.js";
import { changed, go, listen, state } from "./store.js";
import { EMPTY } from "./url.js";

function header() {
  const home = h("a", { class: "home", href: "/", onclick: (event) => {
    event.preventDefault();
    go({ ...EMPTY, gallery: state.gallery });
    focusSearch();
  } }, "milvise");
  const filters = h("button", { type: "button", class: "soft", id: "show-filters", onclick: toggleFilters }, icon("filters"), h("span", { class: "wide" }, t("filters.title")), h("span", { class: "badge", id: "filters-on" }));
  const help = h("button", { type: "button", class: "round", id: "show-help", "aria-label": t("help.title"), title: t("help.title"), onclick: openHelp }, icon("help"));
  show(byId("top"), home, composer(), h("div", { class: "side" }, galleryChooser(), filters, help));
  byId("skip").textContent = t("skip");
}

function draw() {
  drawGalleries();
  drawComposer();
  drawResults();
  drawFilters();
  drawBars();
  drawDetail();
  const on = filtersOn();
  byId("filters-on").textContent = on || "";
  byId("filters-on").hidden = !on;
}

async function start() {
  await loadMessages();
  header();
  addFilters();
  addDetail();
  addShortcuts();
  takePictures();
  try {
    const all = await loadGalleries();
    if (!all.length) return show(byId("results"), h("div", { class: "empty" }, h("h1", {}, t("gallery.none")), h("p", {}, t("gallery.none_note")), h("p", {}, h("code", {}, "milvise ingest images FOLDER"))));
  } catch (error) {
    return show(byId("results"), h("div", { class: "notice bad", role: "alert" }, h("strong", {}, t("error.title")), h("p", {}, error.message),
      h("button", { type: "button", class: "soft", onclick: () => location.reload() }, t("error.again"))));
  }
  listen(draw);
  return changed();
}

start();
