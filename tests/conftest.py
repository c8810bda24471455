"""Milvus in four forms, and pictures.

Suites run in memory, on Milvus Lite, on a server from the PyPI package ``milvus``, and on the compose file where a Docker
engine runs; ``backends.py`` says which runs where. ``MILVISE_TEST_URI`` adds a server of one's own. What cannot run says
why in its skip.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends import IN_PROCESS, MEMORY, backends_of
from doors import DOORS, HTTP, PYTHON, Door
from hypothesis import settings
from memory_client import connect_to_memory
from milvus_server import Server, free_port, milvus_server, restartable_server
from small_world import CLASSES, save_net

from milvise.adapter import Store, connect
from milvise.embeddings.devise.backbones import Backbone, load_backbone
from milvise.ingest.follow import follower

ROOT = Path(__file__).parent.parent

# How long an example takes says how busy the machine is.
settings.register_profile("milvise", deadline=None)
settings.load_profile("milvise")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Say which of the processes that test beside each other takes which tests."""
    from sharing_out import make_scheduler

    return make_scheduler(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, where processes test beside each other."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        from sharing_out import group_of, place_of

        items.sort(key=lambda item: place_of(group_of(item.nodeid)))


def _why_no_docker() -> str | None:
    if shutil.which("docker") is None:
        return "the docker command is not installed"
    for command, meaning in (
        (["info"], "no Docker engine runs"),
        (["compose", "version"], "docker compose is missing"),
    ):
        if subprocess.run(["docker", *command], capture_output=True, timeout=30, check=False).returncode:
            return meaning
    return None


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cache of the tests' own, which processes that test beside each other share."""
    os.environ["MILVISE_CACHE"] = str(_shared(tmp_path_factory) / "milvise-cache")


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this run, which is the same in all processes that test beside each other."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the programs of the Milvus server are unpacked, once in a run."""
    return _shared(tmp_path_factory) / "milvus-programs"


@pytest.fixture(scope="session")
def docker_compose_file() -> str:
    os.environ["MILVUS_PORT"], os.environ["MILVUS_HEALTH_PORT"] = str(free_port()), str(free_port())
    return str(ROOT / "docker-compose.yml")


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["up --detach --wait"]


@pytest.fixture(scope="session")
def _memory() -> str:
    return MEMORY


@pytest.fixture(scope="session")
def _lite(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("lite") / "contract.db")


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[str]:
    _require_server()
    with milvus_server(tmp_path_factory.mktemp("server"), programs=programs) as uri:
        yield uri


@pytest.fixture(scope="session")
def _compose(request: pytest.FixtureRequest) -> str:
    why = _why_no_docker()
    if why is not None:
        pytest.skip(f"the compose file cannot be started: {why}")
    services = request.getfixturevalue("docker_services")
    return f"http://127.0.0.1:{services.port_for('standalone', 19530)}"


@pytest.fixture(scope="session")
def _uri() -> str:
    return os.environ["MILVISE_TEST_URI"]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each test run on its Milvus in turn, and in memory also through an HTTP service where it asks for a door."""
    backends = backends_of(metafunc.definition)
    own = [name for name in backends if name in IN_PROCESS] or [MEMORY]
    for fixture, names in (("milvus_uri", backends), ("own_store", own)):
        if fixture not in metafunc.fixturenames:
            continue
        scope = "session" if fixture == "milvus_uri" else "function"
        if "door" not in metafunc.fixturenames:
            metafunc.parametrize(fixture, names, indirect=True, scope=scope)
            continue
        pairs = [(name, PYTHON) for name in names]
        if metafunc.definition.get_closest_marker("python_only") is None:
            pairs.append((MEMORY, HTTP))
        metafunc.parametrize((fixture, "door"), pairs, indirect=True, scope=scope)


@pytest.fixture(scope="session")
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    """The way to a database: itself, or a client of a service over it."""
    with DOORS[request.param]() as opened:
        yield opened


@pytest.fixture(scope="session")
def milvus_uri(request: pytest.FixtureRequest) -> str:
    """The address of each Milvus in turn."""
    return str(request.getfixturevalue(f"_{request.param}"))


@pytest.fixture(scope="session")
def store(milvus_uri: str) -> Iterator[Store]:
    """A store on each Milvus in turn; tests share it, and name their collections apart."""
    connection = connect_to_memory() if milvus_uri == MEMORY else connect(milvus_uri, create=True)
    yield Store(connection)
    connection.close()


@pytest.fixture(scope="session")
def another_store(milvus_uri: str, store: Store) -> Iterator[Store]:
    """What another client of the same Milvus sees; Milvus Lite and the Milvus in memory have one client each."""
    if store.connection.is_lite or milvus_uri == MEMORY:
        yield store
        return
    connection = connect(milvus_uri)
    yield Store(connection)
    connection.close()


@pytest.fixture(scope="session")
def server_uri(_server: str) -> str:
    return _server


def _require_server() -> None:
    if importlib.util.find_spec("milvus") is None:
        pytest.skip("the PyPI package milvus is not installed; its wheels exist for x86-64 Linux and macOS")


@pytest.fixture(scope="session")
def guarded_uri(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[str]:
    """The address of a server that asks for a token; ``root:Milvus`` may do everything."""
    _require_server()
    with restartable_server(tmp_path_factory.mktemp("guarded"), authorization=True, programs=programs) as server:
        yield server.uri


@pytest.fixture
def own_server(tmp_path: Path, programs: Path) -> Iterator[Server]:
    """A server of the test's own, to be killed."""
    _require_server()
    with restartable_server(tmp_path, programs=programs) as server:
        yield server


@pytest.fixture
def own_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own, where nobody needs time to let go of what was replaced, nor to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("milvise.adapter.store.GRACE_S", 0.0)
        patch.setattr("milvise.adapter.waiting.SHORTEST_PAUSE_S", 0.0)
        connection = connect_to_memory() if request.param == MEMORY else connect(str(tmp_path / "own.db"), create=True)
        yield Store(connection)
        connection.close()


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """Real photos, from the installed packages foolbox and scikit-image."""
    from milvise.operations.demo import PackagedPhotos

    return [item.content.path for item in PackagedPhotos()]


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> list[Backbone]:
    """Two backbones of one architecture and other weights."""
    folder = tmp_path_factory.mktemp("nets")
    return [load_backbone(str(save_net(folder / "net.keras", seed))) for seed in (0, 1)]


@pytest.fixture(scope="session")
def class_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names") / "classes.txt"
    path.write_text("\n".join(CLASSES))
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again after a moment."""
    monkeypatch.setattr(follower, "PAUSE_S", 0.05)
    monkeypatch.setattr(follower, "HELD_S", 0.2)
