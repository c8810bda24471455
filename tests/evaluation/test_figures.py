"""Figures, their intervals, gates, and comparisons with an older report."""

from __future__ import annotations

import json

import pytest

from milvise.errors import UsageError
from milvise.evaluation.report.compare import changes, remarks
from milvise.evaluation.report.figures import Figure, interval, mean_figure
from milvise.evaluation.report.limits import check, read_limits


def figure(values: list[float], better: str = "higher") -> Figure:
    by = {f"label {number}": value for number, value in enumerate(values)}
    return mean_figure("all.p@10", by, what="a test", over="labels", better=better)


def test_an_interval_holds_the_mean_narrows_with_more_values_and_is_the_same_each_time() -> None:
    few, many = interval([0.0, 1.0] * 5), interval([0.0, 1.0] * 500)
    assert few[0] < 0.5 < few[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 5
    assert interval([0.0, 1.0] * 5) == few
    # The standard error of the mean of 1,000 coin tosses is 0.0158.
    assert many == pytest.approx((0.5 - 1.96 * 0.0158, 0.5 + 1.96 * 0.0158), abs=0.003)


def test_one_value_has_no_interval() -> None:
    assert interval([0.3]) == (None, None)


def test_a_figure_comes_back_from_json() -> None:
    made = figure([0.25, 0.5])
    assert Figure.from_json(made.name, json.loads(json.dumps(made.to_json()))) == Figure.from_json(
        made.name, made.to_json()
    )
    assert Figure.from_json(made.name, made.to_json()).by == made.by


def test_limits_are_read_and_kept_or_not() -> None:
    figures = {"all.p@10": figure([0.4, 0.6])}
    under = read_limits(["all.p@10=0.4"], "--fail-under")
    found = check(figures, under=under, over={"all.p@10": 0.45})
    assert [gate["kept"] for gate in found] == [True, False]
    assert [gate["limit"] for gate in found] == ["at least 0.4", "at most 0.45"]


def test_a_limit_on_what_was_not_measured_is_not_kept_and_names_what_was() -> None:
    found = check({"all.p@10": figure([1.0])}, under={"all.p@1O": 0.1}, over={})
    assert not found[0]["kept"]
    assert "all.p@10" in found[0]["remark"]


@pytest.mark.parametrize("text", ["all.p@10", "all.p@10=much"])
def test_a_limit_without_a_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"Expected: such as zero_shot\.p@10=0\.5"):
        read_limits([text], "--fail-under")


def test_the_same_change_of_every_label_is_more_than_noise_and_opposite_ones_are_not() -> None:
    before = [0.1 * number for number in range(8)]
    old = {"figures": {"all.p@10": figure(before).to_json()}}
    assert verdict([value + 0.1 for value in before], old) == ("better", 0.1)
    assert verdict([value - 0.1 for value in before], old) == ("worse", -0.1)
    mixed = [value + (0.1 if number % 2 else -0.1) for number, value in enumerate(before)]
    assert verdict(mixed, old) == ("noise", 0.0)
    assert verdict(before, old) == ("noise", 0.0)


def test_few_labels_in_common_say_nothing() -> None:
    old = {"figures": {"all.p@10": figure([0.1, 0.2]).to_json()}}
    assert verdict([0.9, 0.9], old)[0] == "unknown"


def test_lower_is_better_for_bias() -> None:
    old = {"figures": {"all.p@10": figure([0.5] * 6, "near zero").to_json()}}
    changed = changes({"all.p@10": figure([0.7] * 6, "near zero")}, old)
    assert changed[0]["verdict"] == "worse"


def test_an_older_report_of_something_else_is_said_to_be_that() -> None:
    collection = {"fingerprint": {"backbone": "a"}, "rows": 5}
    new = {"filter": "", "collections": {"visual": collection | {"rows": 6}, "words": collection}}
    old = {"gallery": {"filter": "width > 9", "collections": {"visual": collection}}}
    assert remarks(new, old) == [
        "another filter: width > 9",
        "visual: 5 rows before, 6 now",
        "words: not there before",
    ]
    other = {
        "gallery": {"filter": "", "collections": {"visual": collection | {"fingerprint": {}}, "words": collection}}
    }
    assert remarks(new, other) == ["visual: made by another model or with other words"]


def verdict(values: list[float], old: dict) -> tuple[str, float]:
    found = changes({"all.p@10": figure(values)}, old)[0]
    return found["verdict"], pytest.approx(found["difference"], abs=1e-6)
