"""Training jobs and their records: folders that anything can read, worked by warm processes.

    run.py      a run is a folder              store.py    all of them
    states.py   where one can stand            reader.py   follow one cheaply
    queue.py    who trains next                executors/  who trains where
    worker.py   the process that trains        job.py      what it does for one run
    labels.py   a run's name, star, group      files.py    atomic files, event lines
    retry.py    when its worker dies           mirror.py   a run folder in two places

No Streamlit in here, and torch only inside the worker process.
"""

from explorer.runs.reader import RunReader
from explorer.runs.run import Run, RunBusy, RunError
from explorer.runs.store import RunStore

__all__ = ["Run", "RunBusy", "RunError", "RunReader", "RunStore"]
