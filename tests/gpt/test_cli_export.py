"""The commands `export` and `verify`, from a real run of the command `train`."""

import json
from pathlib import Path

import pytest

import gpt
from tests.gpt.test_cli import call, here, train  # noqa: F401


@pytest.fixture
def run(here, capsys):  # noqa: F811
    """A run with twelve steps, in the folder "mine"."""
    train(capsys, "--steps", "12", "--out", "mine")
    return here / "mine"


@pytest.mark.parametrize("form", ["script", "notebook", "receipt"])
def test_a_run_is_written_to_one_file(run, capsys, form):
    status, out, err = call(capsys, "export", "mine", "--format", form, "--out", "home/it.py")
    assert (status, out) == (0, "") and "it.py is written" in err
    text = Path("home/it.py").read_text(encoding="utf-8")
    losses = json.loads(Path("mine/events.jsonl").read_text().splitlines()[3])["loss"]
    if form == "script":
        assert "python it.py times.txt" in text and f"{losses:.6f}" in text
        compile(text, "it.py", "exec")
    else:
        assert json.loads(text)["nbformat" if form == "notebook" else "losses"]


def test_a_checkpoint_is_written_for_transformers(run, capsys):
    arguments = ["--format", "huggingface", "--out", "home"]
    assert call(capsys, "export", "mine/checkpoint", *arguments)[0] == 0
    config = json.loads(Path("home/config.json").read_text())
    assert config["vocab_size"] == gpt.read_config(Path("mine/checkpoint"))["vocab_size"]
    assert Path("home/model.safetensors").exists() and Path("home/tokenizer.json").exists()


def test_a_run_is_verified_and_so_is_its_receipt(run, capsys):
    status, out, _ = call(capsys, "verify", "mine")
    result = json.loads(out.splitlines()[-1])
    assert status == 0 and result["matches"] and result["steps"] == 10 and result["difference"] == 0
    call(capsys, "export", "mine", "--format", "receipt", "--out", "receipt.json")
    assert call(capsys, "verify", "receipt.json")[0] == 0
    Path("times.txt").rename("moved.txt")
    assert call(capsys, "verify", "receipt.json")[0] == 2
    assert call(capsys, "verify", "receipt.json", "--corpus", "moved.txt")[0] == 0


def test_a_run_on_a_pasted_text_is_verified_without_a_file(run, capsys):
    """As the pages keep it: under its hash, beside the runs."""
    about = json.loads((run / "run.json").read_text())
    (run.parent / "texts").mkdir()
    Path("times.txt").rename(run.parent / "texts" / f"{about['corpus']['sha256']}.txt")
    assert call(capsys, "verify", "mine")[0] == 0


def test_a_run_that_is_not_what_it_says_ends_with_status_1(run, capsys):
    path = run / "checkpoint" / "config.json"
    path.write_text(path.read_text().replace('"seed": 1337', '"seed": 1338'))
    status, out, err = call(capsys, "verify", "mine")
    assert status == 1 and not json.loads(out)["matches"]
    assert err.startswith("Not the same") and len(err.splitlines()) == 1


MISTAKES = [
    (["export", "nothing", "--format", "script", "--out", "x"], "no checkpoint 'nothing'"),
    (["export", "mine", "--format", "word", "--out", "x"], "invalid choice: 'word'"),
    (["export", "mine", "--format", "script"], "--out"),
    (["export", "mine", "--format", "script", "--out", "times.txt"], "exists already"),
    (["verify", "nothing"], "no checkpoint 'nothing'"),
    (["verify", "times.txt"], "neither a run nor a receipt"),
    (["verify", "mine/run.json"], "neither a run nor a receipt"),
    (["verify", "mine", "--corpus", "python_docs"], "is not the text of this run"),
    (["verify", "mine", "--corpus", "gone.txt"], "no corpus or file 'gone.txt'"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=lambda x: " ".join(x)[:40])
def test_a_mistake_is_one_line_and_status_2(run, capsys, arguments, words):
    status, out, err = call(capsys, *arguments)
    assert (status, out) == (2, "") and words in err and len(err.strip().splitlines()) == 1
