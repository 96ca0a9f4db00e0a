"""A session's files are few, however many it sends, and all together have a limit."""

from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from explorer import uploads


@pytest.fixture
def manager(monkeypatch) -> MemoryUploadedFileManager:
    found = MemoryUploadedFileManager("/upload")
    monkeypatch.setattr(
        uploads.runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=found)
    )
    uploads.limit()
    uploads.limit()  # each page asks; the second time changes nothing
    return found


def send(manager: MemoryUploadedFileManager, session: str, name: str, size: int) -> None:
    manager.add_file(session, UploadedFileRec(name, f"{name}.txt", "text/plain", b"x" * size))


def kept(manager: MemoryUploadedFileManager, session: str) -> list[str]:
    return list(manager.file_storage.get(session, ()))


def test_the_oldest_file_of_a_session_goes_for_its_fifth(manager):
    for number in range(50):
        send(manager, "ann", str(number), 100)
    send(manager, "ben", "b", 1)
    assert kept(manager, "ann") == ["46", "47", "48", "49"]
    assert [f.data for f in manager.get_files("ben", ["b"])] == [b"x"]


def test_a_file_for_which_all_sessions_have_no_room_is_refused(manager, monkeypatch):
    monkeypatch.setattr(uploads, "TOGETHER", 1000)
    for session in ("ann", "ben", "eve"):
        send(manager, session, "first", 300)
    with pytest.raises(HTTPException) as refused:
        send(manager, "dan", "first", 300)
    assert (refused.value.status_code, refused.value.detail) == (413, "File too large")
    assert not kept(manager, "dan") and kept(manager, "ann") == ["first"]
    manager.remove_session_files("ann")  # who leaves makes room
    send(manager, "dan", "first", 300)
    assert kept(manager, "dan") == ["first"]


def test_the_oldest_goes_before_the_room_is_measured(manager, monkeypatch):
    monkeypatch.setattr(uploads, "TOGETHER", 1000)
    for number in range(20):
        send(manager, "ann", str(number), 250)
    assert kept(manager, "ann") == ["16", "17", "18", "19"]
