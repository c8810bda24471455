"""deploy/kubernetes: the files are well formed, ask for what they need, and have the memory that the plan says.

There is no cluster here. What is tested is what can be wrong in a file: its form, its parts that must agree, and the commands in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import validate
from test_documents import COMMAND_LINE, problem_of

import milvise
from milvise.adapter.choose_index import SERVER_SHARE
from milvise.core.sizes import read_size

FOLDER = Path(__file__).parents[1] / "deploy" / "kubernetes"
VALUES = sorted(FOLDER.glob("milvus-*.values.yaml"))
SHARE = SERVER_SHARE
"""Which part of the memory of query nodes a gallery may take."""

TEXT = {"type": "string", "minLength": 1}
RESOURCES = {
    "type": "object",
    "required": ["requests", "limits"],
    "properties": {
        "requests": {"type": "object", "required": ["cpu", "memory"]},
        "limits": {"type": "object", "required": ["memory"]},
    },
}
CONTAINER = {
    "type": "object",
    "required": ["name", "image", "command", "args", "resources", "securityContext"],
    "properties": {
        "image": {"const": "milvise"},
        "command": {"const": ["milvise"]},
        "args": {"type": "array", "minItems": 1, "items": TEXT},
        "resources": RESOURCES,
        "securityContext": {
            "type": "object",
            "required": ["allowPrivilegeEscalation", "runAsNonRoot", "runAsUser", "capabilities"],
            "properties": {
                "allowPrivilegeEscalation": {"const": False},
                "runAsNonRoot": {"const": True},
                "capabilities": {"const": {"drop": ["ALL"]}},
            },
        },
    },
}
POD = {
    "type": "object",
    "required": ["containers"],
    "properties": {"containers": {"type": "array", "minItems": 1, "maxItems": 1, "items": CONTAINER}},
}
JOB = {
    "type": "object",
    "required": ["template"],
    "properties": {
        "template": {
            "type": "object",
            "properties": {"spec": {**POD, "required": ["containers", "restartPolicy"]}},
        }
    },
}


def documents(name: str) -> list[dict[str, Any]]:
    found = list(yaml.safe_load_all((FOLDER / name).read_text("utf-8")))
    for document in found:
        validate(document, {"type": "object", "required": ["apiVersion", "kind", "metadata"]})
        assert document["metadata"]["name"]
    return found


def jobs() -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one["spec"] for one in documents("load.yaml") if one["kind"] == "Job"}


def pods() -> list[dict[str, Any]]:
    deployments = [one["spec"] for one in documents("serve.yaml") if one["kind"] == "Deployment"]
    return [spec["template"]["spec"] for spec in [*jobs().values(), *deployments]]


def test_the_steps_of_a_load_are_jobs_without_rights() -> None:
    found = jobs()
    assert list(found) == ["milvise-list", "milvise-embed", "milvise-load"]
    for spec in found.values():
        validate(spec, JOB)


def test_every_pod_mounts_the_volumes_that_it_names() -> None:
    claims = {one["metadata"]["name"] for one in documents("load.yaml") if one["kind"] == "PersistentVolumeClaim"}
    for pod in pods():
        validate(pod, POD)
        names = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == names
        asked = {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "persistentVolumeClaim" in one}
        assert asked <= claims


def test_each_pod_of_the_embedding_job_has_a_shard_of_its_own() -> None:
    embed = jobs()["milvise-embed"]
    assert embed["completionMode"] == "Indexed"
    assert embed["completions"] >= embed["parallelism"] > 1
    assert embed["backoffLimitPerIndex"] > 0
    args = embed["template"]["spec"]["containers"][0]["args"]
    assert args[args.index("--shard") + 1] == "$(JOB_COMPLETION_INDEX)"
    listed = jobs()["milvise-list"]["template"]["spec"]["containers"][0]["args"]
    assert listed[listed.index("--out") + 1] == args[args.index("--out") + 1]
    # One shard for each index, of a hundred million pictures.
    assert embed["completions"] * int(listed[listed.index("--rows") + 1]) == 100_000_000


def test_the_steps_can_be_applied_one_after_the_other() -> None:
    labels = [one["metadata"]["labels"]["step"] for one in documents("load.yaml")]
    told = (FOLDER / "load.yaml").read_text("utf-8")
    assert labels == ["storage", "list", "embed", "load"]
    assert all(f"kubectl apply -f load.yaml -l step={label}" in told for label in labels)


def test_the_commands_of_all_pods_parse() -> None:
    known = set(getattr(COMMAND_LINE, "commands", {}))
    commands = [pod["containers"][0]["args"] for pod in pods()]
    commands = [[word.replace("$(JOB_COMPLETION_INDEX)", "3") for word in command] for command in commands]
    assert {command[0] for command in commands} == {"embed", "load", "serve"}
    # Commands that this version has.
    found = [problem_of(command) for command in commands if command[0] in known]
    assert found == [None] * len(found)
    assert found


def test_the_service_is_found_by_its_labels_and_its_port() -> None:
    deployment, service = documents("serve.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    (port,) = container["ports"]
    assert {container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")} == {port["name"]}
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.name.partition(".")[0])
def test_milvus_has_the_memory_that_the_plan_says(path: Path) -> None:
    values = yaml.safe_load(path.read_text("utf-8"))
    pictures = path.name.removeprefix("milvus-").partition(".")[0]
    is_cluster = values["cluster"]["enabled"]
    searching = values["queryNode" if is_cluster else "standalone"]
    validate(searching["resources"], RESOURCES)
    assert searching["resources"]["requests"]["memory"] == searching["resources"]["limits"]["memory"]
    memory = read_size(searching["resources"]["limits"]["memory"] + "B") * searching.get("replicas", 1)
    planned = milvise.plan(pictures, memory=round(SHARE * memory), milvus=values["image"]["all"]["tag"])
    needed = sum(one.keep.value for one in planned.collections)
    assert all(one.fits for one in planned.collections)
    # Neither too little nor twice too much, and the figure that the file tells.
    assert needed <= SHARE * memory < 1.5 * needed
    kinds = {one.index.partition(":")[0].upper() for one in planned.collections}
    told = path.read_text("utf-8")
    assert f"{kinds.pop()} over both collections is to have {needed / 1e9:.0f} GB" in told
    assert not kinds
    # A place for rows before they are in the object store, one place for metadata, and no open door.
    assert values["etcd"]["replicaCount"] % 2 == 1
    assert values["woodpecker"]["enabled"] if is_cluster else values["standalone"]["messageQueue"] == "woodpecker"
    assert not values["pulsarv3"]["enabled"]
    user = yaml.safe_load(values["extraConfigFiles"]["user.yaml"])
    assert user["common"]["security"]["authorizationEnabled"] is True


def test_there_are_values_for_three_sizes() -> None:
    assert [path.name for path in VALUES] == [
        "milvus-100m.values.yaml",
        "milvus-10m.values.yaml",
        "milvus-1m.values.yaml",
    ]


def test_the_runbook_makes_every_secret_that_a_pod_reads() -> None:
    def named(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(named, value))
        if not isinstance(value, dict):
            return set()
        own = {value["secretKeyRef"]["name"]} if "secretKeyRef" in value else set()
        return own.union({value["secretName"]} if "secretName" in value else set(), *map(named, value.values()))

    secrets = named(pods())
    told = (FOLDER.parents[1] / "docs" / "runbook.md").read_text("utf-8")
    assert secrets == {"milvise-milvus", "milvise-milvus-s3", "milvise-s3", "milvise-keys"}
    assert all(f"kubectl create secret generic {name} " in told for name in secrets)


def test_the_backup_goes_into_another_bucket() -> None:
    backup = yaml.safe_load((FOLDER / "backup.yaml").read_text("utf-8"))
    external = yaml.safe_load((FOLDER / "milvus-100m.values.yaml").read_text("utf-8"))["externalS3"]
    assert backup["configVersion"] == "v2"
    storage = backup["milvus"]["storage"]
    assert (storage["bucketName"], storage["rootPath"]) == (external["bucketName"], external["rootPath"])
    assert backup["backup"]["storage"]["bucketName"] != storage["bucketName"]
