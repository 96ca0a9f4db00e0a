"""How much of what learners upload the server keeps in memory.

Streamlit limits the size of each file (server.maxUploadSize) but not their number: whoever speaks
its protocol by hand could fill the memory. A page uses one file at a time.
"""

from typing import Any

from starlette.exceptions import HTTPException
from streamlit import runtime

MOST = 4  # files of a session; the oldest goes
TOGETHER = 300_000_000  # bytes of all sessions; one that has no room is refused


def limit() -> None:
    """Let the manager of uploaded files drop a session's oldest file for its fifth, and refuse one
    for which all sessions together have no room, as Streamlit refuses one that is too large."""
    manager: Any = runtime.get_instance().uploaded_file_mgr
    if getattr(manager, "limited", False):
        return
    add = manager.add_file

    def add_and_drop(session_id: str, file: Any) -> None:
        add(session_id, file)
        for file_id in list(manager.file_storage.get(session_id, ()))[:-MOST]:
            manager.remove_file(session_id, file_id)
        if _held(manager) > TOGETHER:
            manager.remove_file(session_id, file.file_id)
            raise HTTPException(status_code=413, detail="File too large")

    manager.add_file, manager.limited = add_and_drop, True


def _held(manager: Any) -> int:
    """Bytes of all files of all sessions; a page may take one away meanwhile."""
    sessions = list(manager.file_storage.values())
    return sum(len(file.data) for files in sessions for file in list(files.values()))
