"""What deploy/ says must be what the server takes, and what its tools read."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from adhere.config import ServeConfig
from adhere.flags import parse

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
UNIT = (DEPLOY / "adhere.service").read_text(encoding="utf-8")
WORKLOAD, SERVICE, BUDGET = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
POD: dict[str, Any] = WORKLOAD["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def of_dockerfile() -> list[str]:
    (words,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    return yaml.safe_load(words)


def of_unit() -> list[str]:
    (line,) = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", UNIT, re.MULTILINE)
    return shlex.split(line.replace("\\\n", " "))[1:]


STARTED = {
    "Dockerfile": of_dockerfile(),
    "compose.yaml": COMPOSE["services"]["gateway"]["command"],
    "adhere.service": of_unit(),
    "kubernetes.yaml": CONTAINER["args"],
}


@pytest.mark.parametrize("file", STARTED)
def test_the_server_takes_what_it_is_started_with(file: str) -> None:
    verb, *words = STARTED[file]
    config = parse(verb, words)
    assert isinstance(config, ServeConfig)
    assert config.port == 8000
    assert config.keys is not None
    assert not config.open


def test_a_directory_of_keys_is_mounted_not_the_file() -> None:
    """A change of the file is a rename, which a mount of the file alone would not see."""
    assert COMPOSE["services"]["gateway"]["volumes"] == ["keys:/keys:ro"]
    (mount,) = [each for each in CONTAINER["volumeMounts"] if each["name"] == "keys"]
    assert (mount["mountPath"], mount["readOnly"], "subPath" in mount) == ("/keys", True, False)


def test_the_image_runs_as_a_user_without_rights() -> None:
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert f"--uid {user} " in DOCKERFILE
    assert POD["securityContext"]["runAsUser"] == int(user)
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"] is True
    assert COMPOSE["services"]["gateway"]["read_only"] is True


def test_the_image_is_built_from_files_that_there_are() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    assert copied
    for each in copied:
        assert (DEPLOY.parent / each).exists()
        assert f"!{each}" in ignored


def test_an_answer_under_way_has_its_time_before_it_is_killed() -> None:
    def drain(file: str) -> float:
        config = parse("serve", STARTED[file][1:])
        assert isinstance(config, ServeConfig)
        return config.drain

    slept = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["terminationGracePeriodSeconds"] > drain("kubernetes.yaml") + slept
    assert int(COMPOSE["services"]["gateway"]["stop_grace_period"].rstrip("s")) > drain("compose.yaml")
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert int(stop) > drain("adhere.service")


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")],
)
def test_probes_ask_routes_that_need_no_key(probe: str, path: str) -> None:
    assert CONTAINER[probe]["httpGet"] == {"path": path, "port": "http"}


def test_what_selects_the_pods_is_what_they_are_called() -> None:
    labels = WORKLOAD["spec"]["template"]["metadata"]["labels"]
    selectors = [WORKLOAD["spec"]["selector"]["matchLabels"], SERVICE["spec"]["selector"]]
    assert [*selectors, BUDGET["spec"]["selector"]["matchLabels"]] == [labels] * 3


def test_the_gateway_asks_the_server_beside_it() -> None:
    services = COMPOSE["services"]
    words = dict(pairwise(services["gateway"]["command"]))
    vllm = dict(pairwise(services["vllm"]["command"]))
    assert words["--upstream"] == "http://vllm:8000/v1"
    assert words["--upstream-model"] == vllm["--served-model-name"]
    key = services["gateway"]["environment"]["OPENAI_API_KEY"]
    assert services["vllm"]["environment"]["VLLM_API_KEY"] == key
    assert set(services["gateway"]["networks"]) & set(services["vllm"]["networks"]) == {"back"}
    assert "ports" not in services["vllm"]


def test_compose_knows_all_networks_and_volumes() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("networks", ())) <= COMPOSE["networks"].keys()
        assert {each.split(":")[0] for each in service.get("volumes", ())} <= COMPOSE["volumes"].keys()


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd here")
    unit = tmp_path / "adhere.service"
    # Programs and users that this machine does not have would be told of too.
    here = UNIT.replace("/opt/adhere/bin/adhere", sys.executable).replace("User=adhere", "User=root")
    unit.write_text(here, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = [line for line in done.stderr.splitlines() if "adhere.service" in line]
    assert told == []


def test_compose_takes_its_file() -> None:
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no docker here")
    if subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker compose here")
    command = [docker, "compose", "--file", str(DEPLOY / "compose.yaml"), "config", "--quiet"]
    env = {**os.environ, "UPSTREAM_KEY": "k"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
