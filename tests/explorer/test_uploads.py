"""A session's files are few, however many it sends."""

from types import SimpleNamespace

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from explorer import uploads


def test_the_oldest_file_of_a_session_goes_for_its_fifth(monkeypatch):
    manager = MemoryUploadedFileManager("/upload")
    runtime = SimpleNamespace(uploaded_file_mgr=manager)
    monkeypatch.setattr(uploads.runtime, "get_instance", lambda: runtime)
    uploads.limit()
    uploads.limit()  # each page asks; the second time changes nothing
    for number in range(50):
        manager.add_file("ann", UploadedFileRec(str(number), "a.txt", "text/plain", b"x" * 100))
    manager.add_file("ben", UploadedFileRec("b", "b.txt", "text/plain", b"y"))
    assert [f.file_id for f in manager.get_files("ann", [str(n) for n in range(50)])] == [
        "46", "47", "48", "49",
    ]  # fmt: skip
    assert [f.data for f in manager.get_files("ben", ["b"])] == [b"y"]
