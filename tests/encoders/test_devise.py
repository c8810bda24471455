"""DeViSE as an encoder: its vectors are those of its network and head, and its galleries are named as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import put_words, save_net

import milvise
from milvise.adapter import Manifest, Store
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.encoder import Devise
from milvise.embeddings.encoder import abilities
from milvise.embeddings.registry import load_encoder
from milvise.errors import ModelError, UsageError
from milvise.gallery.models import visual_fingerprint
from milvise.gallery.plan import Plan, make_recipe, plan_for


@pytest.fixture
def pixels(nets: list[Backbone]) -> Any:
    return np.random.default_rng(0).integers(0, 256, (5, nets[0].size, nets[0].size, 3), dtype=np.uint8)


def plan(store: Store, net: Backbone, names: Path, head: str | None = None) -> Plan:
    return plan_for(store, Devise(net), gallery="g", head=head, recipe={"backbone": "net"}, names=names)


def test_without_a_head_it_has_one_space(nets: list[Backbone], pixels: Any) -> None:
    encoder = Devise(nets[0])
    assert dict(encoder.info.spaces) == {"visual": nets[0].dim}
    found = encoder.encode_images(pixels)
    assert set(found) == {"visual"}
    np.testing.assert_allclose(found["visual"], nets[0].embed(pixels), atol=1e-5)


def test_with_a_head_it_has_two(
    own_store: Store, nets: list[Backbone], class_names: Path, tmp_path: Path, pixels: Any
) -> None:
    put_words(own_store, tmp_path)
    made = plan(own_store, nets[0], class_names)
    assert made.head is not None and made.joint is not None
    assert dict(made.encoder.info.spaces) == {"visual": made.visual.dim, "joint": made.joint.dim}
    found = made.encoder.encode_images(pixels)
    np.testing.assert_allclose(found["joint"], made.head(found["visual"]), atol=1e-5)
    assert made.remarks == ("1 classes without any known word take no part in the joint space: xyzzy …",)


def test_its_galleries_carry_the_fingerprint_of_the_network_and_name_no_encoder(
    own_store: Store, nets: list[Backbone], class_names: Path
) -> None:
    made = plan(own_store, nets[0], class_names, "none")
    assert made.visual == Manifest(
        "g_visual", "visual", nets[0].dim, nets[0].fingerprint, recipe={"backbone": "net"}, top_classes=True
    )
    assert "encoder" not in visual_fingerprint(made.encoder.info)
    assert "encoder" not in make_recipe(own_store, "g", None, None)
    assert "encoder" not in make_recipe(own_store, "g", "vgg16", None, "devise")
    assert made.texts is None


def test_the_last_batch_of_a_run_is_as_large_to_keras_as_the_others(nets: list[Backbone], pixels: Any) -> None:
    asked: list[int] = []

    class Watched:
        fingerprint = nets[0].fingerprint

        def embed(self, pixels: Any, *, batch_size: int) -> Any:
            asked.append(batch_size)
            return np.zeros((len(pixels), 1), np.float32)

    encoder = Devise(Watched())  # type: ignore[arg-type]
    for rows in (4, 4, 2, 1):
        encoder.encode_images(pixels[:rows])
    assert asked == [4, 4, 4, 1]


def test_its_classes_are_those_of_the_network(nets: list[Backbone]) -> None:
    able = abilities(Devise(nets[0]))
    assert able.heads is not None and able.heads.network is nets[0]
    assert able.texts is None, "its texts are the words in Milvus"
    assert able.classes is not None
    with pytest.raises(ModelError):
        able.classes.classes()  # its file names none, and they are not ImageNet's


def test_it_is_asked_for_by_name_as_every_other(folder: Path) -> None:
    net = save_net(folder / "net.keras", 0)
    with milvise.connect("devise.db", create=True) as db:
        made = db.ingest_images("pictures", encoder="devise", backbone=net, head="none", engine="keras", gallery="g")
        assert (made.embedded, made.engine) == (18, "keras")
        (visual,) = db.status("g")
        assert set(visual["fingerprint"]) == {"backbone", "layer", "size", "resize", "weights"}
        assert db.ingest_images("pictures", gallery="g", head="none", engine="keras").unchanged == 18


def test_a_gallery_with_joint_vectors_is_not_loaded_with_another_encoder(own_store: Store, tiny: Path) -> None:
    joint = {"visual": {"backbone": "net"}, "head": {"kind": "conse"}, "words": {}}
    own_store.publish(own_store.build(Manifest("g_joint", "joint", 4, joint)))
    other = load_encoder({"encoder": "tiny_colours"})
    with pytest.raises(UsageError, match="'devise' and has joint vectors"):
        plan_for(own_store, other, gallery="g", head=None, recipe={"encoder": "tiny_colours"}, names=None)
    made = plan_for(own_store, other, gallery="h", head=None, recipe={"encoder": "tiny_colours"}, names=None)
    assert (made.visual.recipe, made.joint, made.head) == ({"encoder": "tiny_colours"}, None, None)


def test_devise_takes_the_place_of_another_encoder_where_it_is_asked_for(own_store: Store) -> None:
    visual = Manifest("g_visual", "visual", 4, {"encoder": "tiny_colours"}, recipe={"encoder": "tiny_colours"})
    own_store.publish(own_store.build(visual))
    assert make_recipe(own_store, "g", None, None) == {"encoder": "tiny_colours"}
    default = {"backbone": "efficientnet_lite0", "weights": None}
    assert make_recipe(own_store, "g", None, None, "devise") == default
    assert make_recipe(own_store, "g", "vgg16", None) == {**default, "backbone": "vgg16"}
