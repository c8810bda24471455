"""Hostile models and files of weights, made from a small network by changing its parts.

Where code would be run, it would make the file that MILVISE_CANARY names.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import marshal
import os
import pickle
import types
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hostile.case import Case

Json = dict[str, Any]
CONFIG, WEIGHTS, METADATA = "config.json", "model.weights.h5", "metadata.json"


def canary() -> str:
    return os.environ.get("MILVISE_CANARY", "canary")


def make(folder: Path) -> list[Case]:
    """Write the files, and return how each is read."""
    from PIL import Image
    from small_world import save_net

    sound = save_net(folder / "sound.keras", 1)
    pictures = folder / "pictures"
    pictures.mkdir()
    Image.new("RGB", (16, 16), "red").save(pictures / "red.png")
    cases = []

    def ingest(*arguments: str) -> tuple[str, ...]:
        return ("ingest", "images", str(pictures), "--gallery", "hostile", "--head", "none", *arguments)

    for number, (name, contents) in enumerate(archives(sound).items()):
        path = folder / f"model_{number}.keras"
        path.write_bytes(contents)
        cases.append(Case(name, ingest("--backbone", f"{path}:features"), "refused"))
    strange = folder / "strange_record.keras"
    strange.write_bytes(with_members(sound, {"milvise.json": b'{"classes": 3, "resize": ["crop"], "visual": 1}'}))
    cases.append(Case("model with a record of other types", ingest("--backbone", f"{strange}:features"), "loaded"))
    for number, (name, (suffix, contents)) in enumerate(weights(sound).items()):
        path = folder / f"weights_{number}{suffix}"
        path.write_bytes(contents)
        cases.append(Case(name, ingest("--backbone", f"{sound}:features", "--weights", str(path)), "refused"))
    return cases


def archives(sound: Path) -> dict[str, bytes]:
    """Return hostile ``.keras`` files by what is wrong with them."""
    with zipfile.ZipFile(sound) as archive:
        config = json.loads(archive.read(CONFIG))
    changed = {name: with_config(sound, change, config) for name, change in CONFIGS.items()}
    return changed | _zips(sound) | {f"model whose {name}": with_weights(sound, edit) for name, edit in HDF5.items()}


def weights(sound: Path) -> dict[str, tuple[str, bytes]]:
    """Return hostile files of weights, with the ends of their names."""
    plain = member(sound, WEIGHTS)
    return {
        **{f"weights whose {name}": (".weights.h5", edited(plain, edit)) for name, edit in HDF5.items()},
        "weights cut off": (".weights.h5", plain[: len(plain) // 2]),
        "weights that are a pickle": (".h5", pickle.dumps(Attack())),
        "weights that are a pickled array": (".npz", pickled_arrays()),
        "weights of a model of the second version": (".h5", plain[:100]),
    }


class Attack:
    """Makes the canary when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (canary(), "w"))


def pickled_arrays() -> bytes:
    out = io.BytesIO()
    np.savez(out, weights=np.array([Attack()], dtype=object))
    return out.getvalue()


def bytecode() -> list[Any]:
    """Return a function as Keras writes it: its code, its defaults, what it closes over."""

    def run(x: Any) -> Any:
        import os
        from pathlib import Path

        Path(os.environ.get("MILVISE_CANARY", "canary")).touch()
        return x

    code: types.CodeType = run.__code__
    return [base64.b64encode(marshal.dumps(code)).decode(), None, None]


# Changes of a configuration.


def layers(config: Json) -> list[Json]:
    found: list[Json] = config["config"]["layers"]
    return found


def features(config: Json) -> Json:
    return next(layer for layer in layers(config) if layer["name"] == "features")


def instead(**changes: Any) -> Callable[[Json], None]:
    """Return a change that puts another object in the place of a layer."""

    def change(config: Json) -> None:
        features(config).update(changes)

    return change


def setting(name: str, value: Any) -> Callable[[Json], None]:
    def change(config: Json) -> None:
        features(config)["config"][name] = value

    return change


def function(module: str, name: str) -> Json:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def code() -> Json:
    return {"class_name": "__lambda__", "config": {"value": bytecode()}}


def lambda_layer(given: Any, **more: Any) -> Callable[[Json], None]:
    return instead(module="keras.layers", class_name="Lambda", config={"name": "features", "function": given, **more})


def large(config: Json) -> None:
    """Ask for ten thousand million units."""
    layers(config)[-1]["config"]["units"] = 10**10


def unread(config: Json) -> None:
    """Add a large layer that nothing reads."""
    layer = copy.deepcopy(features(config))
    layer.update(name="unread", inbound_nodes=[], build_config={"input_shape": [None, 100_000]})
    layer["config"].update(name="unread", units=1_000_000)
    layers(config).append(layer)


def enlarged(config: Json) -> None:
    """Enlarge the picture five thousandfold in front of the convolution, and take the mean of all of it behind."""
    for layer in layers(config):
        more = {"Rescaling": ("UpSampling2D", {"size": [5000, 5000]}), "Flatten": ("GlobalAveragePooling2D", {})}
        if layer["class_name"] in more:
            layer["class_name"], options = more[layer["class_name"]]
            layer["config"] = {"name": layer["name"], **options}
            layer.pop("build_config", None)
    features(config).pop("build_config")


def doubling(config: Json) -> None:
    """Put networks into each other, each of which calls the next one twice."""
    inner = copy.deepcopy(config)
    inner["compile_config"] = {}
    for depth in range(18):
        call = {"args": [keras_tensor("in")], "kwargs": {}}
        inner.update(name=f"n{depth}", inbound_nodes=[call, call])
        inner["config"]["name"] = f"n{depth}"
        outer = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
        outer["config"] = {"name": "outer", "layers": [inner], "input_layers": [], "output_layers": []}
        inner = outer
    config.clear()
    config.update(inner)


def keras_tensor(name: str) -> Json:
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [1], "dtype": "float32", "keras_history": [name, 0, 0]},
    }


def nested(config: Json) -> None:
    value: Any = 1
    for _ in range(300):
        value = [value]
    features(config)["config"]["units"] = value


CONFIGS: Mapping[str, Callable[[Json], None]] = {
    "layer of Python code": lambda config: lambda_layer(code())(config),
    "activation of Python code": lambda config: setting("activation", code())(config),
    "layer that calls os.system": lambda config: lambda_layer(
        function("os", "system"), arguments={"command": f"touch {canary()}"}
    )(config),
    "layer that turns safe mode off": lambda_layer(function("keras.config", "enable_unsafe_deserialization")),
    "layer that downloads": lambda_layer(function("keras.utils", "get_file")),
    "operation named by a function": instead(**function("keras.utils", "get_file")),
    "layer of PyTorch": instead(module="keras.layers", class_name="TorchModuleWrapper", config={"module": {}}),
    "layer of a SavedModel elsewhere": instead(
        module="keras.layers", class_name="TFSMLayer", config={"filepath": "/etc", "name": "features"}
    ),
    "layer that reads a file": instead(
        module="keras.layers", class_name="StringLookup", config={"vocabulary": "/etc/passwd", "name": "features"}
    ),
    "class of another module": instead(module="subprocess", class_name="Popen", config={"args": ["touch", "x"]}),
    "class of an inner module": instead(module="keras.src.utils.file_utils", class_name="File", config={}),
    "class of an older format": lambda config: features(config).pop("module"),
    "class that is a list": instead(class_name=["Dense"]),
    "layer registered as another": instead(registered_name="builtins>exec"),
    "type that is code": setting("dtype", "int8_from_float32"),
    "weights beside the weights": setting("lora_rank", 10**6),
    "array of another type": setting(
        "bias_initializer", {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U9999"}}
    ),
    "name with an escape sequence": setting("name", "\x1b]0;owned\x07"),
    "number of 4,000 digits": setting("units", 10**4000),
    "network larger than its weights": large,
    "layer that nothing reads": unread,
    "layer that enlarges a picture without end": enlarged,
    "networks that double in each other": doubling,
    "lists nested without end": nested,
}


# Archives.


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def with_members(path: Path, members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return an archive with other members; those that are empty are left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w", compression) as made:
        contents = {name: archive.read(name) for name in archive.namelist()} | dict(members)
        for name, content in contents.items():
            if content:
                made.writestr(name, content)
    return out.getvalue()


def with_config(path: Path, change: Callable[[Json], Any], config: Json) -> bytes:
    changed = copy.deepcopy(config)
    change(changed)
    return with_members(path, {CONFIG: json.dumps(changed).encode()})


def with_weights(path: Path, edit: Callable[[h5py.File], None]) -> bytes:
    return with_members(path, {WEIGHTS: edited(member(path, WEIGHTS), edit)})


def _zips(sound: Path) -> dict[str, bytes]:
    whole, config = sound.read_bytes(), member(sound, CONFIG)
    twice = io.BytesIO(whole)
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr(CONFIG, config)
    encrypted = bytearray(whole)
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    at = whole.index(member(sound, WEIGHTS)[:200]) + 3000
    flipped = whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]
    bomb = {CONFIG: b"[" * 50_000_000}
    return {
        "archive cut off": whole[: len(whole) // 2],
        "archive with a damaged member": flipped,
        "archive with two configurations": twice.getvalue(),
        "archive with a password": bytes(encrypted),
        "archive with a file beside it": with_members(sound, {"../../evil.py": b"1"}),
        "archive with a vocabulary": with_members(sound, {"assets/vocabulary.txt": b"a"}),
        "archive with pickled weights": with_members(sound, {WEIGHTS: b"", "model.weights.npz": pickled_arrays()}),
        "archive whose configuration is a bomb": with_members(sound, bomb, compression=zipfile.ZIP_DEFLATED),
        "archive whose weights are a bomb": with_members(
            sound, {WEIGHTS: bytes(200_000_000)}, compression=zipfile.ZIP_DEFLATED
        ),
        "archive whose configuration is nested": with_members(sound, {CONFIG: b"[" * 1_000_000}),
        "archive without a configuration": with_members(sound, {CONFIG: b""}),
        "archive with a long list of members": with_members(sound, {f"{n}": b"1" for n in range(2000)}),
        "archive that is none": b"no archive " * 100,
        "archive that is empty": b"",
    }


# Weights.


def edited(plain: bytes, edit: Callable[[h5py.File], None]) -> bytes:
    out = io.BytesIO(plain)
    with h5py.File(out, "r+") as file:
        edit(file)
    return out.getvalue()


def _array(file: h5py.File) -> tuple[h5py.Group, str]:
    """Return where the first array stands."""
    group = file["layers/features/vars"] if "layers/features" in file else file["layers/dense/vars"]
    return group, "0"


def _replaced(make_array: Callable[[h5py.Group, str, tuple[int, ...]], Any]) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        group, name = _array(file)
        shape = group[name].shape
        del group[name]
        make_array(group, name, shape)

    return edit


def _external(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    group.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def _virtual(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", shape)
    group.create_virtual_dataset(name, layout)


def _linked(link: Any) -> Callable[[h5py.File], None]:
    return _replaced(lambda group, name, shape: group.__setitem__(name, link))


def _circle(file: h5py.File) -> None:
    group, _ = _array(file)
    group["again"] = group


def _vast(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    group.create_dataset(name, (10**6, 10**6), "f4")


def _packed(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    group.create_dataset(name, data=np.zeros((1000, 20_000), "f4"), chunks=(1000, 20_000), compression="gzip")


def _texts(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    group.create_dataset(name, data=["a", "b"], dtype=h5py.string_dtype())


HDF5: Mapping[str, Callable[[h5py.File], None]] = {
    "array stands in another file": _replaced(_external),
    "array is put together from another file": _replaced(_virtual),
    "array is a link to another file": _linked(h5py.ExternalLink("/etc/passwd", "/x")),
    "array is a link to nowhere": _linked(h5py.SoftLink("/nowhere")),
    "array is far larger than the file": _replaced(_vast),
    "array is packed nothing": _replaced(_packed),
    "array is of texts": _replaced(_texts),
    "groups lead in a circle": _circle,
}
