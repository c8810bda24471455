// What the page asks the service, one function for each route.

import { ask, call, Problem, query } from "./http.js";
import { t } from "./i18n.js";
import { base64, find, isUpload } from "./uploads.js";
import { expression, isFirstView, kindOf } from "./url.js";

const API = "/api/v1";
const PLACES = 6;
const EACH = 6;
const DEEPEST = 16_000;
const at = (gallery, path) => `${API}/galleries/${encodeURIComponent(gallery)}${path}`;

export const galleries = async () => (await ask(`${API}/galleries`)).galleries;

export const picture = (state, id) => ask(at(state.gallery, `/pictures/${encodeURIComponent(id)}`));

export const tags = (state, id) => ask(at(state.gallery, `/tags${query({ id, limit: 10 })}`));

export const reading = (state) => ask(at(state.gallery, `/read${query({ words: state.words })}`));

export const suggestions = (state, text, signal) => ask(at(state.gallery, `/suggestions${query({ text, limit: 6 })}`), { signal });

export const facets = (state, filter, signal) => ask(at(state.gallery, `/facets${query({ filter })}`), { signal });

export const zip = async (state, ids) => (await call(at(state.gallery, "/zip"), { json: { ids } })).blob();

export async function feedback(state) {
  const { gallery, words, good: liked, bad: disliked } = state;
  const pictures = state.like.filter((one) => !isUpload(one));
  await call(`${API}/feedback`, { json: { gallery, words, pictures, liked, disliked } });
}

// One page of the answer to what the address asks: {hits, more, request}.
export async function answer(state, { offset, limit, signal }) {
  const { gallery, words, focus, to } = state;
  const fix = state.fix === "1";
  const filter = expression(state);
  const places = { limit, offset, filter };
  const post = async (path, body) => ask(at(gallery, path), { json: given(body), signal });
  switch (kindOf(state)) {
    case "browse": {
      if (isFirstView(state)) return { hits: await fromAllOver(gallery, signal), more: false, request: {} };
      const found = await ask(at(gallery, `/pictures${query(places)}`), { signal });
      return { hits: found.pictures, more: found.more, request: {} };
    }
    case "search": {
      const { space, by } = state;
      return ask(at(gallery, `/search${query({ words, focus, space, by, min_confidence: state.min, fix, ...places })}`), { signal });
    }
    case "similar": {
      if (!isUpload(state.like[0])) return post("/similar", { id: state.like[0], focus, ...places });
      const bytes = await uploaded(state.like[0]);
      return ask(at(gallery, `/similar${query({ focus, ...places })}`), { bytes, type: bytes.type || "image/jpeg", signal });
    }
    case "complete":
      return post("/complete", { pictures: await references(state.like), space: "visual", to, ...places });
    case "rank":
      return post("/rank", { words, pictures: await references(state.like), ids: state.rank, fix });
    case "refine": {
      const { good: liked, bad: disliked } = state;
      return post("/refine", { words, pictures: await references(state.like), liked, disliked, space: state.space, fix, ...places });
    }
    default:
      return post("/mixed", { words, pictures: await references(state.like), space: state.space, fix, ...places });
  }
}

export async function explain(state, id) {
  const { words, space } = state;
  const focus = words ? "" : state.focus;
  const pictures = await references(state.like);
  return ask(at(state.gallery, "/explain"), { json: given({ id, words, pictures, focus, space, fix: state.fix === "1" }) });
}

async function fromAllOver(gallery, signal) {
  const { pictures } = await ask(at(gallery, ""), { signal });
  const few = pictures <= PLACES * EACH;
  const offsets = few ? [0] : Array.from({ length: PLACES }, (_, place) => Math.floor((place * Math.min(pictures, DEEPEST)) / PLACES));
  const limit = few ? PLACES * EACH : EACH;
  const found = await Promise.all(offsets.map((offset) => ask(at(gallery, `/pictures${query({ limit, offset })}`), { signal })));
  // One of each place in turn.
  return found[0].pictures.flatMap((_, turn) => found.map((one) => one.pictures[turn]).filter(Boolean));
}

async function uploaded(name) {
  const blob = await find(name);
  if (!blob) throw new Problem(0, { code: "gone", detail: t("error.upload_gone") });
  return blob;
}

const references = (names) =>
  Promise.all(names.map(async (name) => (isUpload(name) ? { data: await base64(await uploaded(name)) } : { id: name })));

const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined));
