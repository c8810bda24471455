// Requests to the service: with the key where it asks for one, and errors as problems.

import { askKey, key } from "./key.js";
import { t } from "./i18n.js";

export class Problem extends Error {
  constructor(status, told) {
    super(told.detail ?? t("error.failed", { status }));
    this.status = status;
    this.code = told.code ?? "";
    this.suggestions = told.suggestions ?? [];
    this.word = told.word ?? "";
    this.requestId = told.request_id ?? "";
  }
}

export async function call(path, { json, bytes, type, signal, method } = {}) {
  const headers = {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (bytes !== undefined) headers["Content-Type"] = type;
  if (key()) headers.Authorization = `Bearer ${key()}`;
  const used = key();
  const body = json === undefined ? bytes : JSON.stringify(json);
  let answer;
  try {
    answer = await fetch(path, { method: method ?? (body === undefined ? "GET" : "POST"), headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { code: "unreachable", detail: t("error.unreachable") });
  }
  if (answer.ok) return answer;
  if (answer.status === 401) {
    await askKey(used);
    return call(path, { json, bytes, type, signal, method });
  }
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

export async function ask(path, options) {
  return (await call(path, options)).json();
}

export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== undefined && value !== null && value !== false);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
