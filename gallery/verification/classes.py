"""The classes of a backbone: whether they are those that the fingerprint says, and loading them again."""

from __future__ import annotations

from contextlib import suppress

from milvise.adapter import Collection
from milvise.embeddings.devise.classes import Classes, stored_classes
from milvise.embeddings.encoder import HasClasses, abilities
from milvise.errors import MilviseError, ModelError
from milvise.gallery.models import stored_encoder
from milvise.gallery.verification.ground import Ground
from milvise.gallery.verification.record import Notes, many, mend

_FIELDS = ("name", "index", "bias", "vector")


def content_hash(classes: Collection) -> str:
    """Return the hash of the names, weights and biases that stand, as the fingerprint has it; one call."""
    return stored_classes(classes.query('name != ""', fields=_FIELDS)).content_hash()


def check_classes(classes: Collection, gallery: str, notes: Notes) -> bool:
    """Check classes against their fingerprint; return whether they are sound."""
    rows = classes.query('name != ""', fields=_FIELDS)
    notes.looked_at("classes", len(rows))
    expected = classes.manifest.fingerprint.get("classifier")
    if expected is None:
        notes.not_checked.append(f"{classes.manifest.alias}: its manifest has no hash of the classes")
        return True
    if stored_classes(rows).content_hash() == expected:
        return True
    known = classes.manifest.rows
    of = (
        f"{many(len(rows), 'row')} of {known:,} stand, and they" if known is not None and known != len(rows) else "they"
    )
    notes.problem(
        "classes",
        f"{classes.manifest.alias}: {of} are not the classes that were loaded. Load them again, on a machine that has the"
        f" backbone: {mend(gallery)}",
    )
    return False


def reload_classes(ground: Ground) -> list[str]:
    """Write the classes again from the backbone, if this machine has it and they are those of the fingerprint."""
    classes, visual = ground.classes, ground.visual
    if classes is None or visual is None or check_classes(classes, ground.gallery, Notes()):
        return []
    alias, expected = classes.manifest.alias, classes.manifest.fingerprint["classifier"]
    try:
        made = _made_again(classes, visual, str(expected))
    except MilviseError as error:
        return [f"{alias} could not be loaded again: {error}"]
    if made is None:
        return [
            f"{alias} could not be loaded again: their names are not those that the backbone comes with. Load the gallery"
            f" again with them: milvise ingest images SOURCE --gallery {ground.gallery} --classes FILE"
        ]
    strays = {row["name"] for row in classes.query('name != ""', fields=["name"])} - set(made.names)
    classes.upsert(
        {"name": name, "index": index, "bias": float(bias), "vector": weights}
        for index, (name, bias, weights) in enumerate(zip(made.names, made.bias, made.weights, strict=True))
    )
    classes.delete(sorted(strays))
    classes.settle()
    return [f"{alias}: {many(len(made.names), 'class').replace('classs', 'classes')} loaded again from the backbone"]


def _made_again(classes: Collection, visual: Collection, expected: str) -> Classes | None:
    able = abilities(stored_encoder(visual.manifest))
    if able.heads is None:
        return _of_encoder(able.classes, expected)
    network = able.heads.network
    if network.classifier is None:
        raise ModelError("the backbone on this machine has no classes.")
    candidates = []
    with suppress(ModelError):  # its classes are not ImageNet's, and were named by a file
        candidates.append(network.classes())
    # Where no row is missing, the names that stand may be whole though the weights are not.
    stored = stored_classes(classes.query('name != ""', fields=_FIELDS))
    if len(stored.names) == len(network.classifier[1]):
        candidates.append(Classes(stored.names, *network.classifier))
    return next((made for made in candidates if made.content_hash() == expected), None)


def _of_encoder(encoder: HasClasses | None, expected: str) -> Classes | None:
    """Return the classes of another encoder than DeViSE, whose names come from nowhere else."""
    if encoder is None:
        raise ModelError("the encoder on this machine has no classes.")
    made = encoder.classes()
    return made if made.content_hash() == expected else None
