"""Start here for bias: in the words, in the joint space, in what searches show, and in tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from milvise.core.spaces import JOINT
from milvise.evaluation.bias.groups import Attribute, read_groups
from milvise.evaluation.bias.joint_space import associate_pictures, compare_directions, sides_of
from milvise.evaluation.bias.results import ask_neutrally, compare_results
from milvise.evaluation.bias.tags import compare_tags
from milvise.evaluation.bias.word_sets import read_tests
from milvise.evaluation.bias.words import associate_words
from milvise.evaluation.report.figures import Figure
from milvise.evaluation.report.section import Section, listed
from milvise.queries.evaluation_reads import GalleryReader

LEAST_GROUP = 20


@dataclass(frozen=True, slots=True)
class BiasOptions:
    """What to evaluate.

    Attributes
    ----------
    attributes : tuple of Attribute
        Each divides the pictures into groups.
    tests : Path, optional
        A TOML file with tests, queries and tags of one's own.
    k : int
        How many results of a neutral search count.
    least_group : int
        Groups with fewer pictures are left out; never fewer than `k`, because a group that fits into the first k as a
        whole cannot be shown as often as chance would.
    filter : str
        A Milvus expression: only these pictures.
    """

    attributes: tuple[Attribute, ...] = ()
    tests: Path | None = None
    k: int = 20
    least_group: int = LEAST_GROUP
    filter: str = ""


def evaluate_bias(reading: GalleryReader, options: BiasOptions, note: Callable[[str], None]) -> Section:
    """Measure bias in words, joint space, results and tags.

    Raises
    ------
    InputError
        If the tests cannot be read, or an attribute does not divide the pictures into two groups that are large enough.
    """
    tests = read_tests(options.tests)
    least = max(options.least_group, options.k)
    part = Section("bias", facts={"k": options.k, "smallest group": least})
    groups = [read_groups(reading, attribute, least=least, filter=options.filter) for attribute in options.attributes]
    if reading.words is None:
        part.not_measured.append("Bias of words: no words are loaded.")
        return part
    note("Testing associations of words …")
    associate_words(reading, tests.weat, part)
    if reading.joint is None:
        part.not_measured.append(
            "Bias of pictures and results: the gallery has no joint vectors (milvise project), or its encoder no texts."
        )
        return part
    if not groups:
        part.not_measured.append(
            "Bias of pictures, results and tags: no attribute was given (--attribute COLUMN), so that nobody knows who is shown."
        )
        return part
    note("Searching neutrally …")
    part.facts["space of searches by word"] = reading.gallery.words_space()
    answers = ask_neutrally(
        reading, tests.queries, k=options.k, rows=reading.space(JOINT).rows, filter=options.filter, part=part
    )
    for found in groups:
        note(f"Comparing groups by {found.name} …")
        part.facts[f"groups by {found.name}"] = dict(found.sizes)
        if found.left_out:
            names = [f"{name} ({count})" for name, count in found.left_out.items()]
            part.not_measured.append(f"Groups by {found.name} that are too small or too many: {listed(names)}.")
        if found.without:
            part.not_measured.append(f"{found.without:,} pictures without a value for {found.name}.")
        compare_results(answers, found, k=options.k, part=part)
        sides = sides_of(reading, found)
        associate_pictures(reading, found, sides, tests.image, part)
        compare_directions(reading, found, sides, tests.queries.get("occupations", ()), part)
        compare_tags(reading, found, tests.tags, part)
    _over_attributes(part)
    return part


def _over_attributes(part: Section) -> None:
    """Add the highest figure of all attributes under a name of its own, which a gate can be put on."""
    for name in ("max_skew", "ndkl"):
        figures = [figure for figure in part.figures if figure.name.endswith(f".{name}")]
        if figures:
            worst = max(figures, key=lambda figure: figure.value)
            part.figures.insert(
                0,
                Figure(
                    f"bias.{name}",
                    worst.value,
                    worst.better,
                    worst.unit,
                    f"the highest of all attributes: {worst.what}",
                ),
            )
