"""Training jobs and their records: folders that anything can read, worked by warm processes.

    store.py    a run is a folder              reader.py   follow one cheaply
    queue.py    who trains next                executors/  who trains where
    worker.py   the process that trains        job.py      what it does for one run
    labels.py   a run's name, star, group      files.py    atomic files, event lines
    retry.py    when its worker dies           mirror.py   a run folder in two places

No Streamlit in here, and torch only inside the worker process.
"""

from explorer.runs.reader import RunReader
from explorer.runs.store import Run, RunBusy, RunError, RunStore

__all__ = ["Run", "RunBusy", "RunError", "RunReader", "RunStore"]
