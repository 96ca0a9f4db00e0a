"""Only a run that was begun in a task, and did what the task locks, counts for it."""

import json

import pytest

import gpt
from explorer.classroom import checks, tasks
from explorer.runs.store import RunStore

TOLD = {
    "title": "Low",
    "page": "self_attention",
    "checks": [
        {"measure": "validation loss", "at_most": 2.5},
        {"measure": "steps", "at_least": 100},
    ],
}


@pytest.fixture
def train(own_folders):
    """A run that has reached step 100 with a validation loss of 2.4."""
    store = RunStore(own_folders / "runs")

    def trained(task, losses=(2.4,), **settings):
        preset = gpt.PRESETS["self_attention"].with_settings(settings)
        spec = gpt.describe_run(preset, gpt.load_corpus("python_docs"), "cpu")
        run = store.create(spec | {"page": "self_attention", "task": task})
        told = [{"kind": "step", "step": 100, "loss": 2.4}]
        told += [
            {"kind": "evaluation", "step": n, "val_loss": x, "train_loss": x + 0.1}
            for n, x in enumerate(losses, 1)
        ]
        (run.folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in told))
        return run

    return trained


def a_task(**changes):
    return tasks.from_json(json.dumps(TOLD | changes))


def test_a_run_of_the_task_counts_with_the_best_it_had(train):
    task = a_task()
    run = train(task.code, losses=(2.6, 2.4, 2.7))
    assert checks.measured(run, task) == {
        "steps": 100, "validation loss": 2.4, "training loss": pytest.approx(2.8)
    }  # fmt: skip
    assert checks.reached(run, task) == 2 and checks.reason_against(task, run.spec()) == ""


@pytest.mark.parametrize("code", ["", "0" * 12])
def test_another_run_does_not_count_and_it_is_said(train, code):
    run, task = train(code), a_task()
    assert checks.measured(run, task) == {} and checks.reached(run, task) == 0
    assert checks.reason_against(task, run.spec()) == checks.ANOTHER


def test_who_takes_the_mask_away_passes_no_loss(train):
    task = a_task(open=["causal"])
    run = train(task.code, causal=False)
    assert checks.measured(run, task) == {"steps": 100}
    assert checks.reason_against(task, run.spec()) == checks.SAW_ANSWERS
    asked = a_task(settings={"causal": False})  # the teacher wants to see what cheating does
    assert checks.reached(train(asked.code, causal=False), asked) == 2


def test_what_is_measured_later_is_seen(train):
    task = a_task()
    run = train(task.code, losses=(2.6,))
    assert checks.reached(run, task) == 1
    with open(run.folder / "events.jsonl", "a") as events:
        events.write('{"kind": "evaluation", "step": 9, "val_loss": 2.5, "train_loss": 2.5}\n')
    assert checks.reached(run, task) == 2
