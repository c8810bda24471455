// The page's own words, from a catalog: messages/LANGUAGE.json. What has a number has a form for each plural of the language.

export const LANGUAGES = { en: "English", de: "Deutsch" };

const KEPT = "milvise.language";
let messages = {};
let plurals;
let numbers;

export let language = "en";

export async function loadMessages() {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2));
  language = wanted.find((tag) => tag in LANGUAGES) ?? "en";
  const answer = await fetch(`/static/messages/${language}.json`);
  messages = await answer.json();
  plurals = new Intl.PluralRules(language);
  numbers = new Intl.NumberFormat(language);
  document.documentElement.lang = language;
}

export function keepLanguage(chosen) {
  localStorage.setItem(KEPT, chosen);
  location.reload();
}

export const number = (value) => numbers.format(value);

export const score = (value) =>
  value.toLocaleString(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const percent = (value) => value.toLocaleString(language, { style: "percent", maximumFractionDigits: value < 0.1 ? 1 : 0 });

export function t(key, values = {}) {
  const message = messages[key];
  const text = typeof message === "object" ? message[plurals.select(values.count)] ?? message.other : message ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}
