"""Take a run home: its checkpoint as a zip, its measurements as CSV. Made only when asked for."""

import io
import zipfile
from pathlib import Path

import streamlit as st

from explorer import cache, frames
from explorer.lessons import Lesson
from explorer.panels.model import current_run

EVERYTHING = 10_000_000  # points of a curve: all of them

READ_ME = """\
A trained model: model.safetensors (its weights) and config.json (everything else).

    import gpt
    model, tokenizer, card = gpt.load_checkpoint("{name}")
    print(gpt.generate(model, tokenizer, "\\n", 300))

run.json says what was trained, on which text, with which settings.
"""


def export_panel(lesson: Lesson) -> None:
    """Two buttons for the run that the page shows."""
    run = current_run(lesson)
    folder = run.checkpoint_path if run else None
    if run is None or folder is None:
        st.caption("Once a run has begun, its checkpoint and its measurements can be taken home.")
        return
    name = f"{run.spec()['preset']}-{run.id[:15]}"
    with st.container(horizontal=True):
        st.download_button(
            "Checkpoint (zip)",
            lambda: checkpoint_zip(run.folder, name),
            f"{name}.zip",
            "application/zip",
            key=f"{lesson.key}_zip",
            icon=":material/download:",
            on_click="ignore",
            help="Weights, settings, tokenizer and how to load them. With “keep the best” it is the"
            " model of the best validation loss, else the newest.",
        )
        st.download_button(
            "Measurements (CSV)",
            lambda: metrics_csv(run.folder),
            f"{name}.csv",
            "text/csv",
            key=f"{lesson.key}_csv",
            icon=":material/table:",
            on_click="ignore",
            help="Every step: batch loss, learning rate, gradient norm, tokens a second; and both"
            " losses where they were estimated.",
        )


def checkpoint_zip(folder: Path, name: str) -> bytes:
    """The checkpoint of the run in `folder` as the bytes of a zip with one folder, `name`."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        for file in ("checkpoint/model.safetensors", "checkpoint/config.json", "run.json"):
            archive.write(folder / file, f"{name}/{Path(file).name}")
        archive.writestr(f"{name}/README.txt", READ_ME.format(name=name))
    return data.getvalue()


def metrics_csv(folder: Path) -> str:
    """All that was measured in the run in `folder`, a line a step; empty where nothing was."""
    reader = cache.reader(str(folder))
    reader.update()
    table = frames.metrics(reader.curve(EVERYTHING), reader.evaluations)
    table["step"] = table["step"].astype(int)
    return table.to_csv(index=False)
