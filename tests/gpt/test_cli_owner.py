"""Who trains a run owns its folder: the same lock as the server's."""

import pytest
from filelock import FileLock, Timeout

from gpt import GPTError, cli_owner
from gpt.cli_owner import owned


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(cli_owner, "WAIT", 0.05)


def test_a_run_has_one_owner_whichever_of_the_two_locks_it_takes(tmp_path):
    folder = tmp_path / "mine"
    with owned(folder):
        with pytest.raises(Timeout):
            FileLock(folder / "lock").acquire(timeout=0)
        with (
            pytest.raises(GPTError, match="mine is being trained by another process"),
            owned(folder),
        ):
            pass
    with FileLock(folder / "lock"), pytest.raises(GPTError), owned(folder):
        pass
    with owned(folder), pytest.raises(Timeout):
        FileLock(folder / "lock").acquire(timeout=0)


def test_a_look_at_a_run_that_takes_a_moment_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(cli_owner, "WAIT", 10.0)
    look = FileLock(tmp_path / "lock")
    look.acquire()
    monkeypatch.setattr(cli_owner.time, "sleep", lambda _: look.release())
    with owned(tmp_path):
        assert not look.is_locked


def test_where_a_file_system_knows_no_locks_nothing_is_guarded(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def unknown(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with owned(tmp_path), owned(tmp_path):
        pass
