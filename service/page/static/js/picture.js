// Pictures on the page. Under a key they are fetched with it, because an <img> sends none.

import { h } from "./dom.js";
import { call } from "./http.js";
import { key } from "./key.js";
import { find, isUpload } from "./uploads.js";

const RATIO = [0.4, 3];
const waiting = new Map();

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    waiting.get(entry.target)?.();
    waiting.delete(entry.target);
  }
}, { rootMargin: "600px" });

export const nameOf = (hit) => (hit.label ?? "").replaceAll("_", " ").trim() || fileOf(hit);

export const fileOf = (hit) => (hit.uri ?? "").split("/").pop() || hit.id;

export const ratioOf = (hit) => Math.min(RATIO[1], Math.max(RATIO[0], (hit.width || 4) / (hit.height || 3)));

export const sized = (link, size) => `${link}${link.includes("?") ? "&" : "?"}size=${size}`;

export function image(link, alt, { lazy = true } = {}) {
  const element = h("img", { alt, decoding: "async", draggable: "false" });
  element.addEventListener("error", () => element.classList.add("broken"));
  if (!key()) {
    if (lazy) element.loading = "lazy";
    element.src = link;
  } else {
    waiting.set(element, () => load(element, link));
    watcher.observe(element);
  }
  return element;
}

async function load(element, link) {
  try {
    showBlob(element, await (await call(link)).blob());
  } catch {
    element.classList.add("broken");
  }
}

function showBlob(element, blob) {
  const address = URL.createObjectURL(blob);
  const free = () => URL.revokeObjectURL(address);
  element.addEventListener("load", free, { once: true });
  element.addEventListener("error", free, { once: true });
  element.src = address;
}

// The picture of a search: a stored one, or one that was given and is only here.
export function queryImage(name, link, alt) {
  if (!isUpload(name)) return image(link, alt, { lazy: false });
  const element = h("img", { alt });
  find(name).then((blob) => (blob ? showBlob(element, blob) : element.classList.add("broken")));
  return element;
}

// The full picture takes the place of its thumbnail once it is there.
export async function sharpen(element, link) {
  try {
    const blob = await (await call(link)).blob();
    if (!element.isConnected || !blob.type.startsWith("image/")) return;
    const probe = h("img", { alt: "" });
    showBlob(probe, blob);
    await probe.decode();
    if (element.isConnected) showBlob(element, blob);
  } catch {
    // The thumbnail stays: originals may be kept back, or of a kind that this browser does not show.
  }
}
