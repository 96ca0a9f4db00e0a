"""What a teacher takes home at the end."""

import ast
import csv
import io
import json
import zipfile

import gpt
from explorer.classroom import board, members
from explorer.panels import export
from explorer.panels.classroom import archive
from explorer.runs import files, labels
from tests.pages.bench import Bench, bench  # noqa: F401


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def test_the_archive_holds_every_run_and_what_it_made(bench: Bench, tmp_path):  # noqa: F811
    whole, torn = (bench.train("bigram", "bigram", seed=seed) for seed in (1, 2))
    begun = bench.store.create(whole.spec())
    labels.write(whole.folder, name='=HYPERLINK("evil")')
    (torn.folder / "checkpoint" / "model.safetensors").write_bytes(b"torn")
    (torn.folder / "checkpoint" / "config.json").write_text("{")
    files = unpacked(archive.archive_of(board.entries(bench.store), {whole.id: 3.25}))

    rows = list(csv.DictReader(io.StringIO(files["runs.csv"].decode())))
    assert {row["id"] for row in rows} == {begun.id, torn.id, whole.id}
    assert {row["judged"] for row in rows if row["id"] == whole.id} == {"3.25"}
    cells = [cell for row in rows for cell in row.values()]
    assert '\'=HYPERLINK("evil")' in cells, "no formula for a spreadsheet"

    of_whole = {name for name in files if name.startswith(whole.id)}
    start = f"{whole.id}/bigram-{whole.id[:15]}"
    assert of_whole == {start + offer.ending for offer in export.OFFERS}
    ast.parse(files[f"{start}.py"])
    assert json.loads(files[f"{start}.ipynb"])["nbformat"] == 4
    assert files[f"{start}.csv"].count(b"\n") == 14, "names, the beginning, 12 steps"
    assert json.loads(files[f"{start}-receipt.json"])
    with zipfile.ZipFile(io.BytesIO(files[f"{start}.zip"])) as inner:
        inner.extractall(tmp_path)
    assert gpt.load_checkpoint(next(tmp_path.iterdir()))[1].vocab_size > 50

    missing = files["missing.txt"].decode().splitlines()
    assert missing and all(line.startswith(torn.id) for line in missing)
    assert not any(name.startswith(begun.id) for name in files)


def test_a_folder_says_whose_run_it_holds_and_no_name_leads_out_of_it(bench: Bench):  # noqa: F811
    learner = members.id_of(members.new_key())
    run = bench.train("bigram", "bigram")
    files.write_json(run.folder / "run.json", run.spec() | {"learner": learner})
    members.rename(bench.store.root, learner, "../Änn /\\ Ü")
    found = unpacked(archive.archive_of(board.entries(bench.store), {}))
    assert {name.partition("/")[0] for name in found if run.id in name} == {f"Änn-Ü-{run.id}"}


def test_what_has_no_room_is_named(bench: Bench, tmp_path, monkeypatch):  # noqa: F811
    run = bench.train("bigram", "bigram")
    monkeypatch.setattr(archive, "LARGEST", 0)
    path = tmp_path / "class.zip"
    path.touch()
    archive.add_files(path, str(run.folder.parent), [str(run.folder)])
    files = unpacked(path.read_bytes())
    assert list(files) == ["missing.txt"]
    assert files["missing.txt"].decode().count("holds no more") == len(export.OFFERS)
