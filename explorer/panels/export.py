"""Take a run home: as a program, a notebook, a model, measurements, a receipt. Each is made when it
is asked for, by the same functions as `python -m gpt export`."""

import io
import tempfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

import gpt
from explorer import cache, frames
from explorer.language import explain, message, say
from explorer.lessons import Lesson
from explorer.panels.model import current_run
from explorer.panels.piece import piece
from explorer.runs.run import Run

EVERYTHING = 10_000_000  # points of a curve: all of them
AT_ONCE = 2  # downloads of this server that are made: each holds a whole file in memory

_making = threading.Semaphore(AT_ONCE)

READ_ME = """\
A trained model: model.safetensors (its weights) and config.json (everything else).

    import gpt
    model, tokenizer, card = gpt.load_checkpoint("{name}")
    print(gpt.generate(model, tokenizer, "\\n", 300))

run.json says what was trained, on which text, with which settings.
"""
READ_ME_TRANSFORMERS = """\
A trained model for Hugging Face transformers:

    from transformers import AutoModelForCausalLM, AutoTokenizer
    model = AutoModelForCausalLM.from_pretrained("{name}", trust_remote_code=True)
    tokenizer = AutoTokenizer.from_pretrained("{name}", trust_remote_code=True)

trust_remote_code is needed where modeling_gpt.py lies here: the network's own source, which
transformers then runs.
"""


@dataclass(frozen=True)
class Offer:
    """One thing to take home, and what to say about it."""

    key: str
    label: str
    icon: str
    ending: str  # of the file's name
    kind: str
    make: Callable[[Path, str], str | bytes]
    help: str


@piece
def export_panel(lesson: Lesson) -> None:
    """A button that opens all downloads for the run that the page shows."""
    run = current_run(lesson)
    if run is None or run.checkpoint_path is None:
        st.caption(
            say("Once a run has begun, it can be taken home: as a program, a notebook, a model.")
        )
        return
    with st.popover(
        say("Take it home"),
        icon=":material/home:",
        help=say(
            "Download this run: as a program that trains it again, as a notebook, its model, its"
            " measurements, its receipt."
        ),
    ):
        problem = problem_of(run)
        for offer in OFFERS:
            if problem is None or offer in WITHOUT_SOURCE:
                _button(lesson, run, offer)
        if problem is not None:
            st.caption(explain(problem))


def _button(lesson: Lesson, run: Run, offer: Offer) -> None:
    name = f"{run.spec()['preset']}-{run.id[:15]}"
    st.download_button(
        say(offer.label),
        lambda: in_turn(lambda: offer.make(run.folder, name)),
        f"{name}{offer.ending}",
        offer.kind,
        key=f"{lesson.key}_{offer.key}",
        icon=f":material/{offer.icon}:",
        on_click="ignore",
        width="stretch",
        help=say(offer.help),
    )


def in_turn(make: Callable[[], str | bytes]) -> str | bytes:
    """What `make` makes, once fewer than AT_ONCE others are being made."""
    with _making:
        return make()


def problem_of(run: Run) -> str | None:
    """Why this run cannot be written as a program, in one sentence; None: it can."""
    from gpt import takehome

    try:
        _ = takehome.read_recipe(run.folder).facts
    except gpt.GPTError as error:
        return str(error)
    return None


def program(folder: Path, name: str) -> str:
    """The run in `folder` as one Python file called `name`.py."""
    from gpt import takehome

    return takehome.script(takehome.read_recipe(folder), f"{name}.py")


def notebook(folder: Path, name: str) -> str:
    """The run in `folder` as a notebook."""
    from gpt import takehome

    return takehome.notebook(takehome.read_recipe(folder))


def receipt(folder: Path, name: str) -> str:
    """The receipt of the run in `folder`, as JSON."""
    from gpt import takehome

    return takehome.to_json(takehome.receipt(folder))


def huggingface_zip(folder: Path, name: str) -> bytes:
    """The model of the run in `folder` for transformers: a zip with one folder, `name`."""
    from gpt import takehome

    model, tokenizer, card = gpt.load_checkpoint(folder / "checkpoint")
    with tempfile.TemporaryDirectory() as place:
        title = card["preset"]["title"]
        made = takehome.save_huggingface(Path(place) / name, model, tokenizer, title)
        return _zipped(sorted(made.iterdir()), name, READ_ME_TRANSFORMERS)


def checkpoint_zip(folder: Path, name: str) -> bytes:
    """The checkpoint of the run in `folder` as the bytes of a zip with one folder, `name`."""
    files = ("checkpoint/model.safetensors", "checkpoint/config.json", "run.json")
    return _zipped([folder / file for file in files], name, READ_ME)


def _zipped(files: list[Path], name: str, read_me: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(file, f"{name}/{file.name}")
        archive.writestr(f"{name}/README.txt", read_me.format(name=name))
    return data.getvalue()


def metrics_csv(folder: Path, name: str = "") -> str:
    """All that was measured in the run in `folder`, a line a step; empty where nothing was."""
    reader = cache.reader(str(folder))
    reader.update()
    table = frames.metrics(reader.curve(EVERYTHING), reader.evaluations)
    table["step"] = table["step"].astype(int)
    return table.to_csv(index=False)


OFFERS = [
    Offer(
        "script", message("Program (.py)"), "terminal", ".py", "text/x-python", program,
        message(
            "This run as one plain program of the sources that it used, with its settings in it: it"
            " needs only torch and the text, trains, gives the same first losses on a CPU, and"
            " writes."
        ),
    ),
    Offer(
        "notebook", message("Notebook (.ipynb)"), "menu_book", ".ipynb", "application/x-ipynb+json",
        notebook,
        message(
            "Every step from the text to this run's trained model, a cell each, as in the lecture:"
            " vocabulary, batches, bigram, averaging the past, a head, the model, training,"
            " writing."
        ),
    ),
    Offer(
        "zip", message("Checkpoint (zip)"), "download", ".zip", "application/zip", checkpoint_zip,
        message(
            "Weights, settings, tokenizer and how to load them. With “keep the best” it is the"
            " model of the best validation loss, else the newest."
        ),
    ),
    Offer(
        "huggingface", message("For transformers (zip)"), "hub", "-huggingface.zip",
        "application/zip", huggingface_zip,
        message(
            "The same model as a folder that Hugging Face transformers reads, with its tokenizer: a"
            " plain GPT-2 where the network is one, else with the network's own source."
        ),
    ),
    Offer(
        "csv", message("Measurements (CSV)"), "table", ".csv", "text/csv", metrics_csv,
        message(
            "Every step: batch loss, learning rate, gradient norm, tokens a second; and both"
            " losses where they were estimated."
        ),
    ),
    Offer(
        "receipt", message("Receipt (JSON)"), "receipt_long", "-receipt.json",
        "application/json", receipt,
        message(
            "Seed, settings, the text's SHA-256, versions and the first ten losses. Later,"
            " `python -m gpt verify FILE` makes these steps anew and says whether they are the"
            " same."
        ),
    ),
]  # fmt: skip
WITHOUT_SOURCE = [offer for offer in OFFERS if offer.key in ("zip", "csv")]
