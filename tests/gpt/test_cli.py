"""The command line, in this process where possible: a new one takes seconds to import torch."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gpt
from gpt.cli import main
from gpt.cli_train import RUNS, Interrupt
from tests.gpt.gpt2_folders import gpt_2
from tests.gpt.helpers import TEXT, machine_probe

ROOT = Path(gpt.__file__).parent.parent
TINY = ["--set", "n_embd=16", "--set", "n_head=2", "--set", "n_layer=1", "--set", "batch_size=4",
        "--set", "eval_iters=2", "--set", "sample_tokens=5"]  # fmt: skip
KEYS = {"run", "checkpoint", "preset", "steps", "train_loss", "val_loss", "parameters",
        "tokens_per_second", "seconds", "device"}  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with a small text, as the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "times.txt").write_text(TEXT)
    return tmp_path


def call(capsys, *arguments):
    """Exit status, stdout and stderr of one command."""
    capsys.readouterr()
    try:
        status = main(list(arguments))
    except SystemExit as end:
        status = end.code
    return status, *capsys.readouterr()


def train(capsys, *arguments):
    status, out, err = call(
        capsys, "train", "blocks", "--corpus", "times.txt", "--steps", "4", *TINY, *arguments
    )
    assert status == 0, err
    return json.loads(out.splitlines()[-1])


def test_train_ends_with_one_json_line(here, capsys):
    result = train(capsys)
    assert result.keys() >= KEYS
    assert (result["preset"], result["steps"], result["device"]) == ("blocks", 4, "cpu")
    model, tokenizer, card = gpt.load_checkpoint(result["checkpoint"])
    assert result["parameters"] == sum(p.numel() for p in model.parameters())
    assert (model.config.n_embd, tokenizer.tokens) == (16, sorted(set(TEXT)))
    assert card["val_loss"] == result["val_loss"] and card["corpus"] == "times.txt"
    assert Path(result["run"]).parent == Path("checkpoints/runs")


def test_progress_goes_to_stderr_only(here, capsys):
    _, out, err = call(capsys, "train", "bigram", "--corpus", "times.txt", "--steps", "2", *TINY)
    assert len(out.splitlines()) == 1 and "validation" in err and "2/2" in err


def test_the_same_command_gives_the_same_model(here, capsys):
    one, two, other = train(capsys), train(capsys), train(capsys, "--seed", "7")
    assert one["val_loss"] == two["val_loss"] != other["val_loss"]
    assert one["run"] != two["run"]


def test_out_decides_the_folder_and_is_never_overwritten(here, capsys):
    assert train(capsys, "--out", "mine")["checkpoint"] == os.path.join("mine", "checkpoint")
    arguments = ["--corpus", "times.txt", "--out", "mine", "--steps", "1", *TINY]
    status, _, err = call(capsys, "train", "blocks", *arguments)
    assert status == 2 and "mine holds a run already" in err


def test_minutes_become_steps_by_the_speed_of_this_machine(here, capsys):
    gpt.save_probe(RUNS / "machine.json", machine_probe(step=0.01, op=0.0, flop=0.0))
    arguments = ["--corpus", "times.txt", "--set", "sample_tokens=0", "--set", "eval_iters=1"]
    status, out, err = call(capsys, "train", "bigram", *arguments, "--minutes", "0.001")
    assert status == 0 and "max_steps 3000 → " in err
    assert 1 <= json.loads(out.splitlines()[-1])["steps"] <= 6  # 60 ms of 10 ms each


def test_a_refusal_is_one_line_whatever_it_quotes(here, capsys):
    status, _, err = call(capsys, "list", "a\n# b\u2028c\ud800")
    assert status == 2 and err.splitlines() == [
        "unrecognized arguments: a # b c\\ud800 (see python -m gpt --help)"
    ]


@pytest.mark.parametrize("tokens", ["-1", "22222222222222222222"])
def test_a_text_without_end_is_refused(here, capsys, tokens):
    status, out, err = call(capsys, "sample", "any", "--tokens", tokens)
    assert status == 2 and not out and err.startswith("--tokens") and err.count("\n") == 1


@pytest.mark.parametrize("more", [["--minutes", "0"], ["--minutes", "1", "--steps", "5"]])
def test_minutes_that_make_no_sense_are_refused(here, capsys, more):
    status, _, err = call(capsys, "train", "bigram", "--corpus", "times.txt", *more)
    assert status == 2 and err.startswith("--minutes") and err.count("\n") == 1


def test_resume_goes_on_with_more_steps(here, capsys):
    whole = train(capsys, "--steps", "9")
    train(capsys, "--out", "mine")
    status, out, err = call(capsys, "train", "blocks", "--resume", "mine", "--steps", "9")
    assert status == 0, err
    result = json.loads(out)
    assert (result["steps"], result["val_loss"]) == (9, whole["val_loss"])
    told = json.loads(Path("mine/status.json").read_text())
    assert (told["state"], told["step"], told["by"]) == ("finished", 9, None)
    assert (told["val_loss"], told["best_val_loss"]) == (whole["val_loss"], whole["best_val_loss"])
    assert json.loads(Path("mine/run.json").read_text())["train"]["max_steps"] == 9


def test_sample_writes_the_prompt_and_so_many_characters(here, capsys):
    folder = train(capsys)["run"]
    arguments = ["sample", folder, "--prompt", "3 times", "--tokens", "20", "--seed", "1"]
    status, out, _ = call(capsys, *arguments)
    assert status == 0 and out.startswith("3 times") and len(out) == 7 + 20 + 1
    assert call(capsys, *arguments)[1] == out
    greedy = call(capsys, *arguments, "--temperature", "0")[1]
    assert greedy == call(capsys, *arguments, "--top-k", "1")[1] != out


def test_sample_needs_no_prompt_also_of_a_model_that_knows_no_newline(here, capsys):
    (here / "times.txt").write_text(TEXT.replace("\n", " "))
    status, out, err = call(capsys, "sample", train(capsys)["run"], "--tokens", "20")
    assert (status, len(out), err) == (0, 20 + 1, "")


def test_eval_measures_the_whole_text(here, capsys):
    result = train(capsys)
    status, out, _ = call(capsys, "eval", result["run"], "--corpus", "times.txt")
    found = json.loads(out)
    assert status == 0 and found["val_loss"] == pytest.approx(result["val_loss"], abs=0.3)
    assert found["bits_per_character"] == pytest.approx(found["val_loss"] / 0.6931, rel=1e-3)


def test_a_run_from_before_tokenizers_were_written_down_goes_on(here, capsys):
    train(capsys, "--out", "mine")
    about = json.loads((here / "mine" / "run.json").read_text())
    del about["tokenizer"]
    (here / "mine" / "run.json").write_text(json.dumps(about))
    status, out, err = call(capsys, "train", "blocks", "--resume", "mine", "--steps", "6")
    assert status == 0 and json.loads(out)["steps"] == 6, err


def test_byte_pairs_are_trained_kept_resumed_and_measured_by_the_character(here, capsys):
    arguments = ["--tokenizer", "bpe", "--vocab-size", "280"]
    whole = train(capsys, *arguments, "--steps", "9")
    train(capsys, *arguments, "--out", "mine")
    about = json.loads((here / "mine" / "run.json").read_text())["tokenizer"]
    assert about == {"kind": "bpe", "vocab_size": 280}
    status, out, err = call(capsys, "train", "blocks", "--resume", "mine", "--steps", "9")
    assert status == 0, err
    assert json.loads(out)["val_loss"] == whole["val_loss"]
    other = ["--resume", "mine", "--vocab-size", "290"]
    status, _, err = call(capsys, "train", "blocks", *other)
    assert status == 2 and "keeps its tokenizer" in err
    assert call(capsys, "sample", "mine", "--prompt", "3 é", "--tokens", "5")[1].startswith("3 é")

    found = json.loads(call(capsys, "eval", "mine", "--corpus", "times.txt")[1])
    _, tokenizer, _ = gpt.load_checkpoint("mine/checkpoint")
    text = gpt.split(TEXT)[1]
    nats = found["val_loss"] * len(tokenizer.encode(text))
    assert tokenizer.vocab_size == 280 and len(tokenizer.encode(text)) < len(text)
    assert found["bits_per_character"] == pytest.approx(nats / 0.693147 / len(text), rel=1e-4)


def test_list_names_what_there_is(here, capsys):
    run = train(capsys, "--out", "checkpoints/runs/first")["checkpoint"]
    broken = here / "checkpoints" / "runs" / "broken" / "checkpoint"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text('{"version": 1}')
    status, out, _ = call(capsys, "list")
    assert status == 0 and run in out and "validation loss" in out and "cpu" in out
    assert all(name in out for name in [*gpt.PRESETS, *gpt.CORPORA])
    assert "damaged" in next(line for line in out.splitlines() if "broken" in line)


MISTAKES = [
    (["train", "blok", "--corpus", "times.txt"], "no preset 'blok'. Did you mean 'blocks'"),
    (["train", "blocks", "--corpus", "tims.txt"], "no corpus or file 'tims.txt'"),
    (["train", "blocks", "--corpus", "times.txt", "--set", "n_heads=4"], "'n_head'"),
    (["train", "blocks", "--corpus", "times.txt", "--set", "n_head"], "needs FIELD=VALUE"),
    (["train", "blocks", "--corpus", "times.txt", "--steps", "0"], "max_steps must be between"),
    (["train", "blocks", "--corpus", "times.txt", "--steps", "many"], "invalid int value"),
    (["train", "blocks", "--corpus", "times.txt", "--device", "tpu"], "device must be one of"),
    (["train", "blocks", "--corpus", "times.txt", "--set", "block_size=5000"], "needs about"),
    (["train", "blocks", "--corpus", "."], "no corpus or file"),
    (["train", "blocks", "--corpus", "times.txt", "--vocab-size", "300"], "is for byte pairs"),
    (
        ["train", "blocks", "--corpus", "times.txt", "--tokenizer", "bpe", "--vocab-size", "9"],
        "vocab_size must be between 257",
    ),
    (["train", "blocks", "--resume", "nowhere"], "nowhere is not a run"),
    (["train", "blocks", "--corpus", "tinyshakespeare"], "could not be fetched"),
    (["sample", "nothing"], "no checkpoint 'nothing'"),
    (["eval", "nothing"], "no checkpoint 'nothing'"),
    (["dance"], "invalid choice: 'dance'"),
    ([], "required: COMMAND"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=lambda x: " ".join(x)[:40])
def test_a_mistake_is_one_line_and_status_2(here, capsys, arguments, words):
    status, out, err = call(capsys, *arguments)
    assert status == 2 and out == ""
    assert words in err and len(err.strip().splitlines()) == 1


def test_a_refused_training_leaves_no_run_behind(here, capsys):
    """The corrected command must not be told that its folder is taken."""
    arguments = ["train", "blocks", "--corpus", "times.txt", "--out", "mine"]
    assert call(capsys, *arguments, "--set", "block_size=5000")[0] == 2
    assert not Path("mine").exists()
    train(capsys, "--out", "mine")


def test_a_prompt_with_strange_characters_is_one_line(here, capsys):
    folder = train(capsys)["run"]
    status, out, err = call(capsys, "sample", folder, "--prompt", "3 €")
    assert (status, out) == (2, "") and "EURO SIGN" in err


def test_a_text_that_changed_is_not_resumed(here, capsys):
    train(capsys, "--out", "mine")
    (here / "times.txt").write_text(TEXT + "more")
    status, _, err = call(capsys, "train", "blocks", "--resume", "mine", "--steps", "5")
    assert status == 2 and "has changed" in err


def test_a_run_that_saved_nothing_yet_says_so(here, capsys):
    train(capsys, "--out", "mine")
    (here / "mine" / "resume" / "state.safetensors").unlink()
    status, _, err = call(capsys, "train", "blocks", "--resume", "mine", "--steps", "5")
    assert status == 2 and "state.safetensors" in err and len(err.splitlines()) == 1


def test_a_full_disk_is_one_line(here, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "model.safetensors")

    monkeypatch.setattr("gpt.checkpoint.Path.write_bytes", full)
    status, _, err = call(capsys, "train", "bigram", "--corpus", "times.txt", *TINY)
    assert status == 2 and "No space left on device: model.safetensors" in err.splitlines()[-1]


def test_a_reader_that_leaves_early_is_no_error(here, capsys, monkeypatch):
    """`python -m gpt list | head -1`"""

    def closed(*_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("gpt.cli._print_table", closed)
    assert call(capsys, "list") == (0, "", "")


# --- in processes of their own -----------------------------------------------------------------


def start_process(*arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "gpt", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def steps_in(folder):
    path = folder / "events.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(e["step"], e["loss"]) for e in events if e["kind"] == "step"]


def test_ctrl_c_leaves_a_checkpoint_and_resume_goes_on_to_the_same_losses(here, capsys):
    """Nothing is lost: the step in progress is ended, written down, and saved."""
    folder = here / "mine"
    arguments = ["--corpus", "times.txt", "--steps", "1000000", "--out", "mine", *TINY]
    with start_process("train", "blocks", *arguments) as process:
        try:
            wait_for(lambda: len(steps_in(folder)) >= 30, process)
            status, _, err = call(capsys, "train", "blocks", "--resume", "mine", "--steps", "9")
            assert status == 2 and "trained by another process" in err, "two would train one run"
            told = json.loads((folder / "status.json").read_text())
            assert (told["state"], told["by"]) == ("training", "command line")
            assert told["best_val_loss"] <= told["val_loss"]
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130 and out == ""
    assert "Traceback" not in err and "--resume mine" in err
    gpt.load_checkpoint(folder / "checkpoint")
    told = json.loads((folder / "status.json").read_text())
    assert (told["state"], told["by"]) == ("stopped", None) and told["best_val_loss"] > 0

    before = steps_in(folder)
    saved = gpt.load_state(folder / "resume" / "state.safetensors").meta["step"]
    assert [step for step, _ in before] == list(range(1, saved + 1))
    goal = str(saved + 5)
    assert call(capsys, "train", "blocks", "--resume", "mine", "--steps", goal)[0] == 0
    train(capsys, "--out", "whole", "--steps", goal)
    assert steps_in(folder) == steps_in(here / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_ways_to_ask_for_the_end_are_heard_and_a_second_one_is_not_kept_back(number):
    group, before = gpt.Group(), signal.getsignal(number)
    with Interrupt(group):
        assert not group.stopping
        os.kill(os.getpid(), number)
        assert group.stopping and signal.getsignal(number) == signal.SIG_DFL
    assert signal.getsignal(number) == before


def wait_for(condition, process):
    """Until `condition` holds: as long as the process lives, at most two minutes."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("the training did not get that far")


def test_python_m_gpt_answers_help_and_mistakes():
    with start_process("train", "no_such_preset") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2 and out == ""
    assert err.count("\n") == 1 and "no_such_preset" in err


def test_a_gpt_2_from_a_hugging_face_folder(here, tokenizer_files, capsys):
    """It is listed, found by its name, writes, and its bits are those of a character."""
    gpt_2(here / "checkpoints" / "huggingface" / "small", tokenizer_files)
    assert "small" in (out := call(capsys, "list")[1]) and "from a Hugging Face folder" in out
    status, out, _ = call(capsys, "sample", "small", "--prompt", "3 times", "--tokens", "5")
    assert status == 0 and out.startswith("3 times")
    status, out, _ = call(capsys, "eval", "small", "--corpus", "times.txt")
    found = json.loads(out)
    _, tokenizer, _ = gpt.load_huggingface(here / "checkpoints" / "huggingface" / "small")
    text = gpt.split(TEXT)[1]
    nats = found["val_loss"] * len(tokenizer.encode(text)) / len(text)
    assert status == 0 and found["bits_per_character"] == pytest.approx(nats / 0.6931, rel=1e-3)
