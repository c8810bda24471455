// Pictures that were dropped, pasted or photographed. The service stores none of them; this browser keeps the last few, so that the
// address of a search by one of them works after a reload. Elsewhere such an address says that the picture is not there.

const MOST = 8;
const MARK = "upload-";
const kept = new Map();

export const isUpload = (name) => name.startsWith(MARK);

export async function keep(blob) {
  const name = MARK + (await nameOf(blob));
  kept.set(name, blob);
  try {
    const store = await open("readwrite");
    store.put({ name, blob, at: Date.now() });
    const all = await done(store.getAll());
    all.sort((one, other) => other.at - one.at);
    for (const old of all.slice(MOST)) store.delete(old.name);
  } catch {
    // A private window may have no database: the picture lives as long as the page.
  }
  return name;
}

export async function find(name) {
  if (kept.has(name)) return kept.get(name);
  try {
    const found = await done((await open("readonly")).get(name));
    if (found) kept.set(name, found.blob);
    return found?.blob;
  } catch {
    return undefined;
  }
}

export async function base64(blob) {
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  return address.slice(address.indexOf(",") + 1);
}

async function nameOf(blob) {
  // Outside https and this machine browsers offer no digest.
  if (!crypto.subtle) return `${blob.size}-${Date.now()}`;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function open(mode) {
  const opening = indexedDB.open("milvise", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("uploads", { keyPath: "name" });
  return (await done(opening)).transaction("uploads", mode).objectStore("uploads");
}
