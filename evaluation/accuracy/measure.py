"""Start here for accuracy: a labelled gallery, searched by word, picture and tag, as its users search it."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

from milvise.errors import InputError
from milvise.evaluation.accuracy.images_to_images import accuracy_by_picture
from milvise.evaluation.accuracy.images_to_words import accuracy_among_all_words, accuracy_of_tags
from milvise.evaluation.accuracy.label_pairs import accuracy_of_pairs
from milvise.evaluation.accuracy.pictures import LABEL, Pictures, read_pictures
from milvise.evaluation.accuracy.reliability import absent_classes, judge_confidence, reliability
from milvise.evaluation.accuracy.splits import split_labels
from milvise.evaluation.accuracy.taxonomy import Taxonomy, accuracy_in_taxonomy, read_taxonomy
from milvise.evaluation.accuracy.words_to_images import accuracy_by_word, ask_labels, phrase_of, text_of
from milvise.evaluation.report.section import Section, listed
from milvise.queries.evaluation_reads import GalleryReader


@dataclass(frozen=True, slots=True)
class AccuracyOptions:
    """What to evaluate.

    Attributes
    ----------
    column : str
        Where labels stand: ``label``, or a metadata column.
    taxonomy : Path, optional
        A CSV file with the columns ``child`` and ``parent``.
    head : Path, optional
        The gallery's trained head, if it does not lie where it lay when the gallery was projected.
    tagged : int
        The most pictures whose tags are looked at.
    similar : int
        The most pictures whose neighbours are searched.
    filter : str
        A Milvus expression: only these pictures are searched and counted.
    optional : bool
        Whether a gallery without labels is said to have none, and not refused.
    """

    column: str = LABEL
    taxonomy: Path | None = None
    head: Path | None = None
    tagged: int = 2_000
    similar: int = 300
    filter: str = ""
    optional: bool = False


def evaluate_accuracy(reading: GalleryReader, options: AccuracyOptions, note: Callable[[str], None]) -> Section:
    """Measure how well searches find what labels say.

    Raises
    ------
    InputError
        If the gallery has no labels, or the taxonomy cannot be read.
    FingerprintError
        If the head given is not the gallery's.
    MissingExtraError
        If ir-measures is not installed.
    """
    taxonomy = None if options.taxonomy is None else read_taxonomy(options.taxonomy)
    note("Reading labels …")
    try:
        pictures = read_pictures(reading, options.column, filter=options.filter, hashes=options.tagged)
    except InputError:
        if options.optional and options.column == LABEL:
            return Section("accuracy", not_measured=["Accuracy: no picture of the gallery has a label."])
        raise
    part = Section("accuracy", facts={"labels from": options.column, "pictures": len(pictures.labels)})
    part.facts["labels"] = len(pictures.counts)
    if unlabelled := pictures.together.get((), 0):
        part.not_measured.append(f"{unlabelled:,} pictures without a label: they count as not relevant to any search.")
    sample = pictures.sample(max(options.tagged, options.similar))
    if reading.joint is None:
        part.not_measured.append(
            "Searches by word, and tags: the gallery has no joint vectors (milvise project), or its encoder no texts."
        )
    else:
        part.facts["space of searches by word"] = reading.gallery.words_space()
        _in_joint_space(reading, pictures, sample[: options.tagged], options, taxonomy, part, note)
    note(f"Searching by {min(len(sample), options.similar)} pictures …")
    part.figures += accuracy_by_picture(reading, pictures, sample[: options.similar], filter=options.filter)
    part.facts["pictures searched by"] = min(len(sample), options.similar)
    return part


def _in_joint_space(
    reading: GalleryReader, pictures: Pictures, sample: list[str], options: AccuracyOptions, taxonomy: Taxonomy | None, part: Section,
    note: Callable[[str], None],
) -> None:  # fmt: skip
    labels = pictures.counts
    vectors = reading.phrases([phrase_of(label) for label in labels])
    known = {label: vectors[phrase] for label in labels if (phrase := phrase_of(label)) in vectors}
    if unknown := sorted(labels.keys() - known.keys()):
        part.not_measured.append(
            f"Labels with a word that the vocabulary lacks cannot be searched for: {listed(unknown)}."
        )
    if not known:
        return
    split = split_labels(reading, known, options.head)
    part.facts |= {
        "labels searched for": len(known), "trained on by the head": len(split.trained),
        "known to the backbone": len(split.known), "unseen": len(split.unseen), "pictures tagged": len(sample),
    }  # fmt: skip
    if split.reason:
        part.not_measured.append(f"Zero-shot: {split.reason}.")
    elif not split.unseen:
        part.not_measured.append("Zero-shot: the head or the backbone was trained on every label.")
    note(f"Searching for {len(known)} labels …")
    queries = ask_labels(reading, pictures, known, filter=options.filter)
    figures, part.tables["labels"] = accuracy_by_word(queries, pictures, split)
    part.figures += figures
    _confidence(reading, pictures, known.keys(), part, options.filter, note)
    note(f"Tagging {len(sample):,} pictures …")
    figures, part.tables["tags"] = accuracy_of_tags(reading, pictures, sample, known, split)
    part.figures += figures
    figures, no_entry = accuracy_among_all_words(reading, pictures, sample)
    part.figures += figures
    if no_entry:
        part.not_measured.append(
            f"Tags among all words: labels that are no entry of the vocabulary: {listed(no_entry)}."
        )
    if pictures.several:
        part.figures += accuracy_of_pairs(reading, pictures, frozenset(known), filter=options.filter)
    else:
        part.not_measured.append("Searches for two things at once: no picture has two labels.")
    if taxonomy is None:
        part.not_measured.append("Hierarchical precision: no taxonomy was given (--taxonomy FILE.csv).")
        return
    figures, missing = accuracy_in_taxonomy(reading, pictures, sample, known, taxonomy)
    part.figures += figures
    if missing:
        part.not_measured.append(f"Hierarchical precision of labels that the taxonomy lacks: {listed(missing)}.")


def _confidence(
    reading: GalleryReader, pictures: Pictures, known: Set[str], part: Section, filter: str, note: Callable[[str], None]
) -> None:
    names = reading.class_names()
    findable = reading.phrases([phrase_of(name) for name in names])
    absent = absent_classes(
        (name for name in names if phrase_of(name) in findable), pictures.counts,
        lambda label: reading.gallery.classes_of(text_of(label)) if label in known else {},
    )  # fmt: skip
    if not absent:
        part.not_measured.append(
            "Confidence of labels against what the gallery lacks: the backbone has no class that is not tied to a label, or"
            " none are loaded."
        )
        return
    note("Searching for classes that are not there …")
    judged = judge_confidence(reading, pictures, known, absent, filter=filter)
    figures, part.tables["reliability"] = reliability(judged)
    part.figures += figures
    part.facts["absent classes searched for"] = sum(not one.present for one in judged)
