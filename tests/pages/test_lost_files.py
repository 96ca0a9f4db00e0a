"""A run loses its files while a page shows it: the model before, or one sentence; never a box."""

import shutil

import pytest

from explorer.runs.run import Run
from tests.pages.bench import bench, said  # noqa: F401


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def again(at):
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    return said(at)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Where the run of the first test is kept for the others."""
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def run(bench, trained):  # noqa: F811
    settings = {"block_size": 16, "n_layer": 1, "n_head": 1, "n_embd": 16, "eval_interval": 4}
    kept = next(trained.iterdir(), None)
    if kept is None:
        kept = trained / bench.train("train_a_gpt", "blocks", **settings).id
        shutil.copytree(bench.store.root / kept.name, kept)
    return Run(shutil.copytree(kept, bench.store.root / kept.name, dirs_exist_ok=True))


def test_a_page_that_trains_shows_the_model_before(bench, run):  # noqa: F811
    at = bench.open("train_a_gpt", run=run.id)
    *_, second, (last, path) = run.snapshots()
    assert f"after {last} steps" in said(at)
    path.unlink()
    assert f"after {second[0]} steps" in again(at)
    cut(second[1])
    before = run.snapshots()[-2][0]
    assert f"after {before} steps, since step {second[0]} cannot be read" in again(at)
    for _, path in run.snapshots():
        cut(path)
    told = again(at)
    assert "cannot be shown" in told and "untrained" in told
    shutil.rmtree(run.folder / "snapshots")
    assert "untrained" in again(at)
    shutil.rmtree(run.folder)
    assert "may have been deleted" in again(at)


@pytest.mark.parametrize("page", ["generate", "look_inside"])
def test_a_page_that_reads_models_says_what_is_lost(bench, run, page):  # noqa: F811
    at = bench.open(page, run=run.id)
    cut(run.snapshots()[-1][1])
    assert "cannot be used" not in again(at), "the checkpoint is whole"
    shutil.rmtree(run.folder / "snapshots")
    assert "cannot be used" not in again(at)
    cut(run.folder / "checkpoint" / "model.safetensors")
    assert "cannot be used" in again(at)
    (run.folder / "checkpoint" / "model.safetensors").unlink()
    assert "has saved no model yet" in again(at)
    shutil.rmtree(run.folder)
    again(at)  # another model was chosen meanwhile
