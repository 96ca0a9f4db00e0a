"""The command that keeps runs within the budget."""

import json
import os

import pytest

from explorer import clean, server_log
from explorer.runs import RunStore, states


@pytest.fixture
def run(own_folders):
    made = RunStore().create({"corpus": {"name": "t", "text": "t"}, "model": {}, "train": {}})
    made.set_status(state=states.FINISHED)
    old = "2026-01-01T00:00:00+00:00"
    path = made.folder / "status.json"
    path.write_text(json.dumps(made.recorded() | {"updated": old}))
    yield made
    server_log.end()


def say(capsys, *arguments):
    code = clean.main(list(arguments))
    out = capsys.readouterr()
    return code, (json.loads(out.out) if out.out else {}), out.err


def test_it_announces_and_with_now_it_cleans(run, capsys, monkeypatch):
    monkeypatch.setenv("EXPLORER_DISK_BUDGET", "100")
    code, told, err = say(capsys, "--dry-run")
    assert (code, told["removed"], told["announced"], told["budget"]) == (0, 0, 1, 100)
    assert f"{run.id}: the whole run, on " in err
    assert not (run.folder.parent / "cleaning.json").exists()
    say(capsys)
    assert (run.folder.parent / "cleaning.json").exists() and run.folder.exists()
    code, told, err = say(capsys, "--now")
    assert (code, told["removed"]) == (0, 1) and "cleaned" in err
    assert not run.folder.exists()
    (line,) = (run.folder.parent / "server.log").read_text().splitlines()
    assert json.loads(line)["event"] == "run.cleaned"


@pytest.mark.parametrize("budget", [None, "much"])
def test_without_a_budget_it_says_so_and_changes_nothing(run, capsys, budget):
    code, _, err = say(capsys, "--now", *(["--budget", budget] if budget else []))
    assert code == 2 and "EXPLORER_DISK_BUDGET" in err
    assert os.listdir(run.folder) and "Traceback" not in err
