"""How much of what learners upload the server keeps in memory.

Streamlit limits the size of each file (server.maxUploadSize) but not their number: whoever speaks
its protocol by hand could fill the memory. A page uses one file at a time.
"""

from typing import Any

from streamlit import runtime

MOST = 4  # files of a session; the oldest goes


def limit() -> None:
    """Let the manager of uploaded files drop a session's oldest file for its fifth."""
    manager: Any = runtime.get_instance().uploaded_file_mgr
    if getattr(manager, "limited", False):
        return
    add = manager.add_file

    def add_and_drop(session_id: str, file: Any) -> None:
        add(session_id, file)
        for file_id in list(manager.file_storage.get(session_id, ()))[:-MOST]:
            manager.remove_file(session_id, file_id)

    manager.add_file, manager.limited = add_and_drop, True
