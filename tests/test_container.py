"""The files for a container say what the code has: nothing copied that is not there, no key in it.
So do the commands and units that are written for whoever runs a server.

Neither a container engine nor systemd runs in the tests; what can be wrong without is looked for.
"""

import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from explorer import health
from explorer.runs import disk

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line.split(None, 1)
    for line in re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", DOCKERFILE)).splitlines()
    if line.strip()
]
OPERATIONS = (ROOT / "explorer" / "OPERATIONS.md").read_text(encoding="utf-8")
CLUSTER = (ROOT / "explorer/runs/executors/CLUSTER.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def said(instruction):
    return [words for name, words in INSTRUCTIONS if name == instruction]


def copied():
    """What the image holds of this folder."""
    return [source for words in said("COPY") for source in words.split()[:-1]]


def test_what_is_copied_is_there_and_all_that_the_app_needs():
    for source in copied():
        assert list(ROOT.glob(source)), f"COPY {source}"
    needed = {"streamlit_app.py", "pages", "explorer", "gpt"}
    needed |= {"checkpoints/pretrained", ".streamlit/config.toml", "requirements*.txt"}
    assert needed == set(copied())


def test_the_builder_gets_what_is_copied_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "all is left out"
    assert {line[1:] for line in rules if line.startswith("!")} == set(copied())


def test_the_image_runs_as_nobody_special_on_pinned_bases_and_keeps_its_runs():
    images = [words.split()[0] for words in said("FROM")]
    assert images.pop() == "${DEVICE}-base"
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in images), images
    assert said("USER") == ["${USER_ID}"] and "ARG USER_ID=1000" in DOCKERFILE
    assert said("VOLUME") == ["/data"]
    assert "EXPLORER_RUNS=/data/runs" in DOCKERFILE


def test_it_is_started_and_asked_as_the_code_understands():
    command = re.findall(r'"([^"]*)"', said("CMD")[-1])
    assert command[:3] == ["streamlit", "run", "explorer/class_server.py"]
    port = said("EXPOSE")[0]
    assert f"--server.port={port}" in command and health.URL.endswith(f":{port}")
    (check,) = said("HEALTHCHECK")
    assert "explorer.health" in check and f":{port}" in check


def findings(*options):
    """The rules that the linter sees broken, such as "DL3008"."""
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    command = [linter, "--no-color", *options, "Dockerfile"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not told.stderr, told.stderr
    return [line.split()[1] for line in told.stdout.splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="hadolint is not packed for Windows")
def test_a_linter_finds_nothing_but_what_the_file_gives_a_reason_for():
    assert findings("--disable-ignore-pragma") == ["DL3008"]
    assert findings() == []


def code():
    files = [*ROOT.glob("explorer/**/*.py"), *ROOT.glob("gpt/**/*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize(
    "where",
    [
        "Dockerfile",
        "compose.yaml",
        "explorer/OPERATIONS.md",
        "explorer/runs/executors/CLUSTER.md",
    ],
)
def test_every_variable_that_is_named_is_one_that_the_code_reads(where):
    """A name that is mistyped would silently do nothing."""
    text = (ROOT / where).read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:EXPLORER|GPT)_[A-Z_]*[A-Z]\b", text))
    assert names, where
    unread = {name for name in names if name not in code()}
    assert not unread, unread


def test_every_variable_that_the_code_reads_is_in_the_table_of_operations():
    text = OPERATIONS
    names = set(re.findall(r'"((?:EXPLORER|GPT)_[A-Z_]*[A-Z])"', code()))
    missing = {name for name in names if f"`{name}`" not in text}
    assert {"EXPLORER_RUNS", "GPT_DATA"} <= names and not missing, missing


def test_no_secret_is_written_down():
    for text in (DOCKERFILE, (ROOT / "compose.yaml").read_text()):
        assert not re.search(
            r"(?i)(key|token|password|secret)\s*[:=]\s*['\"]?[\w-]{12,}['\"]?\s*$", text
        )
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"ray.token", ".streamlit/secrets.toml"} <= set(ignored)
    assert not [source for source in copied() if "secret" in source or source == ".streamlit"]


def test_a_class_server_has_a_budget_for_its_disk():
    """Without one nothing is ever cleaned, and learners' runs fill the disk."""
    asked = COMPOSE["services"]["server"]["environment"]["EXPLORER_DISK_BUDGET"]
    otherwise = re.fullmatch(r"\$\{EXPLORER_DISK_BUDGET:-(.+)\}", asked)
    assert otherwise and disk.budget_from(otherwise[1])
    operations = (ROOT / "explorer" / "OPERATIONS.md").read_text(encoding="utf-8")
    for begins in ("Environment=EXPLORER_RUNS=", "    -e EXPLORER_DISK_BUDGET="):
        line = next(line for line in operations.splitlines() if line.startswith(begins))
        assert re.search(r"EXPLORER_DISK_BUDGET=\d+GB", line)


def test_the_cluster_is_one_image_whose_parts_find_each_other():
    services = COMPOSE["services"]
    assert {service["image"] for service in services.values()} == {"gpt-explorer:cluster"}
    assert all(service["secrets"] == ["ray_token"] for service in services.values())
    head = shlex.split(services["head"]["command"])
    ports = dict(word[2:].split("=") for word in head if "=" in word)
    executor = services["server"]["environment"]["EXPLORER_EXECUTOR"]
    assert executor == f"ray://head:{ports['ray-client-server-port']}"
    assert f"--address=head:{ports['port']}" in services["worker"]["command"]
    assert services["server"]["ports"] == ["${PUBLISH:-127.0.0.1}:8501:8501"], "this machine only"
    assert "ports" not in services["head"] and "ports" not in services["worker"]


@pytest.mark.parametrize("text", [OPERATIONS, CLUSTER])
def test_a_server_of_many_is_started_by_the_file_that_is_made_for_it(text):
    """CLUSTER.md started the app without workspaces behind a proxy, /health and headers."""
    started = re.findall(r"streamlit run (\S+\.py)", text)
    assert set(started) == {"explorer/class_server.py"} and (ROOT / started[0]).exists()


def test_the_firewall_closes_every_port_that_the_units_of_the_cluster_open():
    (closed,) = re.findall(r"tcp dport \{ (.*) \} drop", CLUSTER)
    ranges = [[int(end) for end in part.split("-")] for part in closed.split(", ")]
    opened = dict(re.findall(r"--([a-z-]*port)=(\d+)", CLUSTER))
    pinned = {"node-manager-port", "object-manager-port", "runtime-env-agent-port"}
    assert pinned | {"min-worker-port", "max-worker-port", "port"} <= set(opened)
    for name, port in opened.items():
        assert any(ends[0] <= int(port) <= ends[-1] for ends in ranges), name
    assert len(re.findall(r"(?m)^#?ExecStart=.* \$PORTS$", CLUSTER)) == 2, "a head and a box"


def test_the_service_gets_the_settings_and_the_token_of_the_cluster():
    """As User=explorer, who could not read what root had made."""
    (settings,) = re.findall(r"(?m)^EnvironmentFile=(.*)$", CLUSTER)
    assert f"EnvironmentFile={settings}\nEnvironment=EXPLORER_EXECUTOR=ray://" in OPERATIONS
    (token,) = re.findall(r"(?m)^RAY_AUTH_TOKEN_PATH=(.*)$", CLUSTER)
    (user,) = set(re.findall(r"(?m)^User=(.*)$", CLUSTER + OPERATIONS))
    assert f"chown {user}: {token}" in CLUSTER and f"-o {user} " in CLUSTER
