"""A run folder in two places: what is new comes across once, whole, and in a safe order."""

import threading

import pytest

import gpt
from explorer.runs import RunError, RunStore, files, job, mirror, states


@pytest.fixture
def pair(run, tmp_path):
    """A queued run and its copy on another machine."""
    run.set_status(state=states.QUEUED)
    return run, mirror.unpack(mirror.pack(run), tmp_path / "elsewhere")


def contents(run):
    names = [path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*")]
    kept = [name for name in names if name not in ("lock", "run.json") and "." in name]
    return {name: (run.folder / name).read_bytes() for name in kept}


def test_a_run_trained_elsewhere_leaves_the_same_folder(pair):
    here, there = pair
    watch = mirror.Watch(there.folder)
    training = threading.Thread(target=job.work, args=(there, job.Signals(), 0.01))
    training.start()
    looks = []
    while training.is_alive():
        looks.append(watch.look())
    training.join()
    looks.append(watch.look())
    for news in looks:
        mirror.apply(here, 0, news)
        if here.resume_path.exists():  # the events are never behind what they led to
            step = gpt.load_state(here.resume_path).meta["step"]
            assert step <= max(event.get("step", 0) for event in here.events()[0])
    assert contents(here) == contents(there)
    assert here.status()["state"] == "finished"
    for news in looks:  # a server that was killed before it could say that it has them
        mirror.apply(here, 0, news)
    assert contents(here) == contents(there)
    assert watch.look() == {}


def test_what_is_there_before_is_not_sent_back_and_what_is_removed_is_removed(pair, tmp_path):
    here, _ = pair
    (here.folder / "snapshots").mkdir()
    for name in ("000001", "000002"):
        (here.folder / "snapshots" / f"{name}.safetensors").write_bytes(b"x" * 1000)
    there = mirror.unpack(mirror.pack(here), tmp_path / "again")
    watch = mirror.Watch(there.folder)
    assert watch.look() == {}
    stand_in = there.folder / "snapshots" / "000001.safetensors"
    assert stand_in.stat().st_size == 1000 and stand_in.stat().st_blocks == 0
    stand_in.unlink()
    assert watch.look() == {"gone": ["snapshots/000001.safetensors"]}
    mirror.apply(here, 0, {"gone": ["snapshots/000001.safetensors"]})
    assert [step for step, _ in here.snapshots()] == [2]


def test_events_of_a_second_attempt_follow_those_of_the_first(pair):
    here, there = pair
    here.note("queued")
    base = (here.folder / "events.jsonl").stat().st_size
    watch = mirror.Watch(there.folder)
    there.note("continued")
    with open(there.folder / "events.jsonl", "ab") as events:
        events.write(b'{"half')  # a line that is being written
    news = watch.look()
    for _ in range(2):
        mirror.apply(here, base, news)
    assert [event["note"] for event in here.events()[0]] == ["queued", "continued"]
    with pytest.raises(RunError, match="missing before byte"):
        mirror.apply(here, base + 10_000, news)


def test_a_text_known_by_name_travels_along(store, tools, tmp_path):
    corpus = gpt.load_corpus("copying")
    about = {"name": corpus.name, "sha256": corpus.sha256}
    run = store.create(tools.describe() | {"corpus": about})
    there = mirror.unpack(mirror.pack(run), tmp_path / "elsewhere")
    assert there.text() == corpus.text and run.text() is None
    assert job.load_corpus(there, there.spec()) == corpus


@pytest.mark.parametrize(
    "name", ["../../.bashrc", "run.json", "labels.json", "lock", "snapshots/../../x", "resume/x.py"]
)
def test_a_machine_of_the_cluster_cannot_write_elsewhere(run, name):
    before = sorted(run.folder.parent.rglob("*"))
    for news in ({"files": {name: b"x"}}, {"gone": [name]}):
        with pytest.raises(RunError, match="may not write"):
            mirror.apply(run, 0, news)
    assert sorted(run.folder.parent.rglob("*")) == before


def test_a_store_elsewhere_reads_it_as_its_own(pair):
    _, there = pair
    assert [run.id for run in RunStore(there.folder.parent).list()] == [there.id]
    assert files.read_json(there.folder / "run.json")["corpus"]["path"].startswith("texts/")
