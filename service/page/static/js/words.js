// Scores and confidence, said in words.

import { percent, score, t } from "./i18n.js";

// Below this the best hit shows what was asked for in fewer than one search of five, see docs/confidence.md.
const NOTHING = 0.25;

export function sure(confidence) {
  if (confidence >= 0.85) return t("sure.certain");
  if (confidence >= 0.5) return t("sure.probable");
  if (confidence >= NOTHING) return t("sure.perhaps");
  return t("sure.hardly");
}

const byText = (hit) => (hit.reasons ?? []).some((reason) => reason !== "meaning");

export function shortly(hit) {
  if (hit.confidence !== null && hit.confidence !== undefined) return sure(hit.confidence);
  if (hit.similarity === undefined) return "";
  return score(hit.similarity);
}

export function fully(hit) {
  const told = [];
  if (hit.confidence !== null && hit.confidence !== undefined) {
    told.push(t("score.confidence", { words: sure(hit.confidence), percent: percent(hit.confidence) }));
  }
  if (hit.similarity !== undefined) told.push(t("score.similarity", { score: score(hit.similarity) }));
  return told.join(" · ");
}

export const reasonsOf = (hit) =>
  (hit.reasons ?? []).map((reason) => (reason.startsWith("meta.") ? reason.slice(5) : t(`reason.${reason.replace(" ", "_")}`)));

export function nothingLikeThat(hits) {
  const judged = hits.slice(0, 10);
  if (!judged.length || judged.some((hit) => hit.confidence === null || hit.confidence === undefined || byText(hit))) return false;
  return Math.max(...judged.map((hit) => hit.confidence)) < NOTHING;
}
