"""Command lines for a database that one version makes, and it and another are then asked the same of and add the same to.

They run in a folder of their own, in this order. What stands in braces is filled in for a world: ``{inputs}`` is the folder of what
they read, and `SMALL` and `PHOTOS` say the others.
"""

from __future__ import annotations

import shlex

SMALL = {
    "words": "{inputs}/words.txt --index flat",
    "net": "--backbone {inputs}/net.keras --classes {inputs}/classes.txt",
    "backbone": "{inputs}/net.keras",
    "cat": "pictures/cat/1.png",
    "twin": "pictures/cat/2.png",
    "dog": "pictures/dog/1.png",
    "other": "pictures/dining_table/1.png",
    "file": "{inputs}/pictures/dog/2.png",
    "held": "dining_table",
}
"""`inputs.make_small`: a network of random weights, and few words."""

PHOTOS = {
    "words": "glove-6b-50d --limit 40000",
    "net": "",
    "backbone": "efficientnet_lite0",
    "cat": "pictures/cat/cifar10_00_3.png",
    "twin": "pictures/cat/cifar10_08_3.png",
    "dog": "pictures/dog/cifar10_12_5.png",
    "other": "pictures/ship/cifar10_01_8.png",
    "file": "{inputs}/pictures/dog/cifar10_16_5.png",
    "held": "frog",
}
"""`inputs.make_photos`: the photos and words of the demo, and the backbone that galleries have where none is named."""

MAKE = """
ingest words {words}
ingest images {inputs}/photos.csv --gallery g {net}
ingest images {inputs}/photos.csv --gallery t --index flat {net}
train --gallery t --out {inputs}/h.keras --epochs 4 --hold-out {held}
project --gallery t --head {inputs}/h.keras
search refine --gallery g --words cat --like {cat} --dislike {dog} --log milvus
search refine --gallery g --words cat --like {cat} --dislike {dog} --log {inputs}/log.jsonl
"""
"""Words, a gallery with the head that is made without training, one with a trained head, and feedback."""

ASK = """
status
status --gallery t
search words king - man + woman --limit 4
search words "cat^2 sofa" --filter "rank < 40" --limit 4
search images cat --gallery g --limit 5
search images "cat, without dog" --gallery g --limit 5
search images "a photo of a sofa" --gallery g --limit 5
search images cat --gallery g --space joint --limit 5
search images cat --gallery g --space visual --limit 5
search images cat --gallery g --space fused --limit 5
search images cat --gallery g --space ranked --limit 5 --filter "label != 'dog'"
search images animal --gallery g --limit 5
search images cat --gallery g --limit 5 --min-confidence 0
search images dog --gallery g --limit 3 --by text
search images cat --gallery g --limit 3 --by meaning
search images qeen --gallery g --limit 3 --fix
search images cat --gallery t --limit 5
search images "night^0.5 dining_table" --gallery t --limit 5
search similar {cat} --gallery g --limit 5
search similar {file} --gallery g --limit 5
search similar {cat} --gallery g --limit 5 --focus "dining table"
search similar {cat} --gallery g --limit 5 --focus "sofa - night"
search mixed {cat} {dog}^0.5 --words "+night -day" --gallery g --limit 5
search complete {cat} {twin} --gallery g --limit 4 --to any
search complete {cat} {dog} --gallery t --limit 4 --space joint
search rank {cat} {dog} {other} --words cat --gallery g
search rank --picture {cat} --filter "width > 1" --limit 3 --gallery g
search owners --words cat --gallery g --evidence 2
search refine --gallery g --words cat --like {cat} --dislike {dog} --limit 4
search refine --gallery g --picture {cat} --like {twin} --weights 1 0.5 0.5 --limit 4
tag {cat} --gallery g --limit 5
tag {file} --gallery t --limit 5
explain {cat} --words "cat sofa" --gallery g
explain {cat} --picture {dog} --gallery g
explain {cat} --words cat --space fused --gallery t
duplicates --gallery g
duplicates --gallery g --kind visual --similarity 0.999
verify --gallery g --pictures 3
verify --gallery t
tune --gallery g --queries 10 --k 3 --dry-run
train --gallery g --one --head linear
export pairs --gallery g --log milvus --out pairs.jsonl
export pairs --gallery g --log {inputs}/log.jsonl --out logged.jsonl
export projector --gallery g --out look
export model --gallery t --out model.keras
evaluate accuracy --gallery g --out accuracy --taxonomy {inputs}/taxonomy.csv --audit
evaluate index --gallery g --out index --queries 10 --k 3 --kind ivf_flat
evaluate bias --gallery g --out bias --attribute owner --tests {inputs}/tests.toml --top 5 --least-group 2
rate accuracy/audit
evaluate ratings accuracy
ingest images {inputs}/more.csv --gallery g --dry-run {net}
search images qqxzz --gallery g
search images cat --gallery nothing
search similar nowhere.png --gallery g
"""
"""What changes nothing in Milvus."""

GROW = """
ingest images {inputs}/photos.csv --gallery g {net}
ingest images {inputs}/more.csv --gallery g {net}
ingest images {inputs}/bad.csv --gallery g --strict {net}
search images cat --gallery g --limit 5
project --gallery g --head {inputs}/h.keras --keep
search images cat --gallery g --limit 5
drop --gallery g --kept --yes
project --gallery g --head conse
search images cat --gallery g --limit 5
ingest images {inputs}/more.csv --gallery t --head {inputs}/h.keras {net}
search images cat --gallery t --limit 5
search refine --gallery t --words cat --like {cat} --log milvus --limit 3
export pairs --gallery t --log milvus --out pairs-t.jsonl
train --gallery g --out h2.keras --epochs 2 --pairs pairs.jsonl --head linear
project --gallery t --head h2.keras
evaluate all --gallery g --out all --attribute owner --tests {inputs}/tests.toml --top 5 --least-group 2 --queries 10 --k 3 --compare accuracy/report.json
evaluate accuracy --gallery t --out trained --head h2.keras --fail-under seen.p@10=1.1
tune --gallery g --queries 10 --k 3
verify --gallery g --repair
verify --gallery t --pictures 4
ingest images {inputs}/photos.csv --gallery g --prune --verify-content {net}
status
drop --gallery t --yes
drop --gallery g --yes
drop --words --yes
ingest words --train {inputs}/tags.txt --dim 8 --epochs 2
train {inputs}/photos.csv --backbone {backbone} --epochs 1 --out own.keras
"""
"""What adds to it, moves it and removes it."""

DEMO = """
ingest words {words} --replace
demo {inputs}/pictures --uri milvise.db
"""
"""The demo, with the words that stand."""

PHASES = {"make": MAKE, "ask": ASK, "grow": GROW, "demo": DEMO}
RATE = "rate"
"""A command for what people do: fill in the spreadsheet of an audit folder."""


def command_lines(phase: str, world: dict[str, str] = SMALL) -> list[list[str]]:
    """Return the arguments of each command of a phase, with ``{inputs}`` in them."""
    text = PHASES[phase]
    for name, meaning in world.items():
        text = text.replace(f"{{{name}}}", meaning)
    return [shlex.split(line) for line in text.strip().splitlines()]


def filled(commands: list[list[str]], inputs: str) -> list[list[str]]:
    """Return command lines with the folder of the inputs put in, as commands of which JSON is asked."""
    put = [[argument.replace("{inputs}", inputs) for argument in command] for command in commands]
    return [command if command[0] == RATE else ["--json", "--quiet", *command] for command in put]


def from_rows() -> list[list[str]]:
    """Return the requests that rows alone answer, without a file of a picture or a model."""
    asked = ("search", "tag", "explain", "duplicates")
    return [line for line in command_lines("ask") if line[0] in asked and not any("{inputs}" in word for word in line)]
