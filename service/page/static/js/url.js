// A view of the page <-> its address. What is asked stands in the query; lists of pictures and all that is only marked stand in the
// fragment, which no server sees and which may be long.

export const EMPTY = Object.freeze({
  gallery: "", words: "", focus: "", view: "", space: "", by: "", min: "", to: "", fix: "", filter: "", open: "",
  filters: {}, like: [], rank: [], good: [], bad: [], liked: [], disliked: [], selected: [],
});

const TEXTS = { gallery: "g", words: "q", focus: "focus", view: "view", space: "space", by: "by", min: "min", to: "to", fix: "fix", filter: "filter", open: "open" };
const LISTS = ["like", "rank", "good", "bad", "liked", "disliked", "selected"];
const GROUP = "f.";

export function read(address) {
  const state = { ...EMPTY, filters: {} };
  for (const [name, short] of Object.entries(TEXTS)) state[name] = address.searchParams.get(short) ?? "";
  for (const [name, value] of address.searchParams) {
    if (name.startsWith(GROUP)) (state.filters[name.slice(GROUP.length)] ??= []).push(value);
  }
  const marked = new URLSearchParams(address.hash.slice(1));
  for (const name of LISTS) state[name] = (marked.get(name) ?? "").split(",").filter(Boolean);
  return state;
}

export function write(state) {
  const asked = new URLSearchParams();
  for (const [name, short] of Object.entries(TEXTS)) if (state[name]) asked.set(short, state[name]);
  for (const [group, chosen] of Object.entries(state.filters)) for (const one of chosen) asked.append(GROUP + group, one);
  const marked = new URLSearchParams();
  for (const name of LISTS) if (state[name].length) marked.set(name, state[name].join(","));
  const query = asked.toString();
  const fragment = marked.toString().replaceAll("%2C", ",");
  return `/${query ? `?${query}` : ""}${fragment ? `#${fragment}` : ""}`;
}

// The Milvus expression of what is chosen: one of each group, all groups.
export function expression(state, without) {
  const groups = Object.entries(state.filters).filter(([group, chosen]) => chosen.length && group !== without);
  const parts = groups.map(([, chosen]) => chosen.map((one) => `(${one})`).join(" or "));
  if (state.filter) parts.push(state.filter);
  return parts.length === 1 ? parts[0] : parts.map((part) => `(${part})`).join(" and ");
}

// What is asked, whatever is marked or opened: two views with the same question have the same answer.
export function question(state) {
  const { open, selected, liked, disliked, ...asked } = state;
  return JSON.stringify(asked);
}

// Nothing is asked at all: pictures from all over the gallery are shown, and not its first folder.
export const isFirstView = (state) => kindOf(state) === "browse" && !state.view && !expression(state);

export function kindOf(state) {
  if (state.rank.length) return "rank";
  if (state.good.length + state.bad.length) return "refine";
  if (!state.like.length) return state.words ? "search" : "browse";
  if (state.words) return "mixed";
  return state.like.length === 1 ? "similar" : "complete";
}
