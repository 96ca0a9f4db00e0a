"""What every test gets: one thread, folders of its own, and no network."""

import os

# Set before torch is imported, here and in the processes that tests start.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import ipaddress
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import configuration, settings

configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
settings.register_profile("tests", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("tests")


# Files that take longest; begun first, so that none of them is left alone at the end.
LONGEST = ("runs/test_local.py", "browser/test_app.py", "browser/test_faults.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not str(item.path).endswith(LONGEST))


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs and fetched texts go to a folder that is thrown away; the user's own stay untouched."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EXPLORER_RUNS", str(folder / "runs"))
    (folder / "models").mkdir()
    monkeypatch.setenv("EXPLORER_MODELS", str(folder / "models"))
    monkeypatch.setenv("GPT_CACHE", str(folder / "cache"))
    monkeypatch.delenv("GPT_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def tokenizer_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tokenizer files of a small GPT-2."""
    from tests.gpt.gpt2_folders import learn_tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    learn_tokenizer(folder)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection that would leave this machine fails, name look-ups included."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_at_home(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise OSError(f"tests have no network: {address}")
        connect(self, address)  # type: ignore[arg-type]

    def look_up_at_home(host: object, *args: object, **more: object) -> object:
        if host is not None and not _is_loopback(host):
            raise socket.gaierror(f"tests have no network: {host}")
        return look_up(host, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect_at_home)
    monkeypatch.setattr(socket, "getaddrinfo", look_up_at_home)


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
