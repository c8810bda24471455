// The state of the page is its address. `go` changes it; who listens draws it.

import { EMPTY, read, write } from "./url.js";

export let state = read(new URL(location.href));

const listeners = [];
let pushed = 0;

export function listen(listener) {
  listeners.push(listener);
}

export function changed() {
  for (const listener of listeners) listener(state);
}

export function go(patch, { replace = false } = {}) {
  state = { ...state, ...patch };
  if (!replace) pushed += 1;
  history[replace ? "replaceState" : "pushState"]({ pushed }, "", write(state));
  changed();
}

// Another question: what was opened and judged belongs to the last one.
export function ask(patch) {
  const { gallery, space, by, min, filters, filter, selected } = state;
  go({ ...EMPTY, gallery, space, by, min, filters, filter, selected, ...patch });
  scrollTo({ top: 0 });
}

export function close() {
  if (history.state?.opened) history.back();
  else go({ open: "" }, { replace: true });
}

export function openPicture(id) {
  if (state.open) go({ open: id }, { replace: true });
  else {
    go({ open: id });
    history.replaceState({ pushed, opened: true }, "", location.href);
  }
}

export const address = (patch) => write({ ...state, ...patch });

export const askAddress = (patch) => {
  const { gallery, space, by, min, filters, filter } = state;
  return write({ ...EMPTY, gallery, space, by, min, filters, filter, ...patch });
};

export function marked(list, id) {
  return state[list].includes(id);
}

export function mark(list, id, on = !marked(list, id)) {
  const without = (name) => state[name].filter((other) => other !== id);
  const patch = { [list]: on ? [...without(list), id] : without(list) };
  const opposite = { liked: "disliked", disliked: "liked" }[list];
  if (opposite && on) patch[opposite] = without(opposite);
  go(patch, { replace: true });
}

addEventListener("popstate", () => {
  state = read(new URL(location.href));
  changed();
});
