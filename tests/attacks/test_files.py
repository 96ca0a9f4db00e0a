"""Checkpoints, Hugging Face folders, lesson files and texts that somebody made to do harm.

Every one is refused with one of the project's own errors, soon, or it is harmless.
"""

import gzip
import io
import json
import os
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpt
from explorer.classroom import tasks
from explorer.runs import files, labels
from gpt.checkpoint import CONFIG, WEIGHTS
from gpt.errors import GPTError
from gpt.text import decode_bytes
from tests.attacks import hostile
from tests.gpt.gpt2_folders import gpt_2

EXAMPLES = max(20, hostile.WHOLE // 4)
NUMBERS: tuple[Any, ...] = (
    0, -1, 1.5, 2**31, 2**62, 10**400, 1e308, float("nan"), float("inf"), True, None, "8", "",
    [], {},
    [8], {"a": 1}, "nan", "\0",
)  # fmt: skip


def refused(attempt: Callable[[], Any]) -> None:
    """Either it works, or one of the project's own errors says why not; and soon."""
    begin = time.perf_counter()
    try:
        attempt()
    except GPTError as error:
        assert str(error) and len(str(error)) < 5000
    assert time.perf_counter() - begin < hostile.SLOWEST


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A good checkpoint, small."""
    preset = gpt.PRESETS["blocks"].with_settings({"n_embd": 8, "n_head": 2, "n_layer": 1})
    tokenizer = gpt.CharTokenizer.train("hello world")
    model = gpt.build_model(preset.model, tokenizer.vocab_size)
    return gpt.save_checkpoint(tmp_path / "saved", model, tokenizer, preset)


def weights(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(told) if length is None else length) + told + body


def tensor(shape: list[Any], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


BAD_WEIGHTS = {
    "empty": b"",
    "seven bytes": b"\0" * 7,
    "header of 2**63": weights({}, length=2**63),
    "header of 2**64-1": weights({}, length=2**64 - 1),
    "header of 100 MB that is not there": weights({}, length=100_000_000),
    "header is no JSON": weights(b"{" * 1000),
    "header is deep": weights(b"[" * 100_000 + b"]" * 100_000),
    "header is deep in an object": weights(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "overlapping": weights({"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)}, b"\0" * 12),
    "beyond the end": weights({"a": tensor([2], 0, 8)}, b"\0" * 4),
    "backwards": weights({"a": tensor([2], 8, 0)}, b"\0" * 8),
    "negative": weights({"a": tensor([2], -8, 0)}, b"\0" * 8),
    "a shape of 2**62": weights({"a": tensor([2**31, 2**31], 0, 8)}, b"\0" * 8),
    "a shape that wraps": weights({"a": tensor([2**32, 2**32], 0, 0)}),
    "a shape of nan": b'' + weights(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}'),
    "a foreign dtype": weights({"a": tensor([2], 0, 8, "OBJECT")}, b"\0" * 8),
    "integers": weights({"a": tensor([1], 0, 8, "I64")}, b"\0" * 8),
    "twenty thousand names": weights({f"n{i}": tensor([0], 0, 0) for i in range(20_000)}),
    "a pickle": b"\x80\x04\x95cposix\nsystem\n(S'touch /tmp/pwned'\ntR.",
    "a zip": b"PK\x03\x04" + b"\0" * 100,
}  # fmt: skip


@pytest.mark.parametrize("data", BAD_WEIGHTS.values(), ids=BAD_WEIGHTS.keys())
def test_weights_made_to_do_harm_are_refused(saved, data):
    (saved / WEIGHTS).write_bytes(data)
    refused(lambda: gpt.load_checkpoint(saved))
    with pytest.raises(GPTError):
        gpt.load_checkpoint(saved)


def changed(config: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    new = json.loads(json.dumps(config))
    place = new
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return new


def paths(value: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where something stands in nested objects: [("preset",), ("preset", "model"), ...]."""
    found = [before] if before else []
    if isinstance(value, dict):
        found += [path for name in value for path in paths(value[name], (*before, name))]
    return found


def test_a_config_with_a_strange_value_anywhere_is_refused(saved):
    config = json.loads((saved / CONFIG).read_text())
    tried = 0
    for number, path in enumerate(paths(config)):
        for value in NUMBERS if hostile.WHOLE else NUMBERS[number % 4 :: 4]:
            (saved / CONFIG).write_text(json.dumps(changed(config, path, value)))
            try:
                refused(lambda: gpt.load_checkpoint(saved))
            except Exception as error:
                raise AssertionError(f"{path} = {value!r:.50}: {error!r:.200}") from error
            tried += 1
    assert tried > 100
    print(f"tried {tried} configs")


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", "[" * 100_000, '{"a":' * 100_000, "\0" * 100, "NaN", "1" * 10_000,
     '{"version": 1' + "0" * 5000 + "}", "\ud800".encode("utf-8", "surrogatepass")],
)  # fmt: skip
def test_a_config_that_is_no_config_is_refused(saved, text):
    (saved / CONFIG).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(GPTError):
        gpt.load_checkpoint(saved)
    refused(lambda: gpt.load_checkpoint(saved))


def test_a_link_in_place_of_a_file_gives_nothing_away(saved, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the teacher's key")
    for name in (CONFIG, WEIGHTS):
        kept = (saved / name).read_bytes()
        (saved / name).unlink()
        (saved / name).symlink_to(secret)
        with pytest.raises(GPTError) as caught:
            gpt.load_checkpoint(saved)
        assert "teacher's key" not in str(caught.value)
        (saved / name).unlink()
        (saved / name).write_bytes(kept)


# --- lesson files, texts, small files of a run -----------------------------------------------

LESSON = {"title": "A", "page": "bigram", "settings": {"max_steps": 500}, "open": ["max_steps"],
          "checks": [{"measure": "steps", "at_least": 5}], "words": "x", "text": "copying",
          "tokens": "character"}  # fmt: skip


@pytest.mark.parametrize("lesson", [LESSON, LESSON | {"text": "ab" * 32, "text_name": "mine.txt"}])
def test_a_lesson_file_with_a_strange_value_anywhere_is_refused(lesson):
    for path in paths(lesson):
        for value in (*NUMBERS, *hostile.MARKUP, *hostile.TEXTS)[:: 1 if hostile.WHOLE else 5]:
            told = json.dumps(changed(lesson, path, value))
            try:
                refused(lambda told=told: tasks.from_json(told))
            except Exception as error:
                raise AssertionError(f"{path} = {value!r:.50}: {error!r:.200}") from error


STRANGE = ("ab" * 32, "AB" * 32, "ab" * 31, "ab" * 32 + "\n", f"../{'ab' * 32}", "../class/teacher",
           "٠" * 64, *hostile.MARKUP, *hostile.TEXTS, *NUMBERS)  # fmt: skip


def test_a_lesson_file_leads_to_no_text_that_is_not_kept_here(tmp_path):
    """Whatever it gives for a SHA-256: no task comes of it, and no other file is touched."""
    texts = tmp_path / "texts"
    texts.mkdir()
    for outside in (tmp_path / f"{'ab' * 32}.txt", tmp_path / "class" / "teacher.txt"):
        outside.parent.mkdir(exist_ok=True)
        outside.write_text("a secret")
        os.utime(outside, (0, 0))
    for value in STRANGE:
        with pytest.raises(GPTError):
            told = LESSON | {"text": value, "text_name": "mine.txt"}
            tasks.save(tmp_path, tasks.from_json(json.dumps(told)))
    assert tasks.every(tmp_path) == [] and not list(texts.iterdir())
    assert all(path.stat().st_mtime == 0 for path in tmp_path.rglob("*.txt"))


@settings(max_examples=EXAMPLES)
@given(st.one_of(hostile.from_json.map(json.dumps), hostile.anything, st.binary(max_size=300)))
def test_whatever_is_uploaded_as_a_lesson_is_refused_or_read(data):
    refused(lambda: tasks.from_json(data))


def _zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * 10_000_000)
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", gzip.compress(b"x" * 10_000_000), _zip(), "héllo".encode("utf-16"),
     "héllo".encode("latin-1"), b"\xff\xfe\0\0", b"\xed\xa0\x80", b"x" * 25_000_000,
     b"a b" * 6_500_000, b"x\0", b"%PDF-1.7\n\xe2\xe3", "é".encode() * 9_000_000],
)  # fmt: skip
def test_an_upload_that_is_no_text_is_refused_and_never_unpacked(data):
    refused(lambda: gpt.corpus_from_text(decode_bytes(data, "x.txt"), "x.txt"))


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=400) | hostile.anything.map(lambda t: t.encode(errors="surrogatepass")))
def test_whatever_lies_in_a_runs_small_files_counts_as_none(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / labels.FILE).write_bytes(data)
    labels.read(folder)
    files.read_json(folder / labels.FILE)
    files.read_lines(folder / labels.FILE, 0)


def test_deep_json_in_a_run_counts_as_damaged(tmp_path):
    (tmp_path / labels.FILE).write_text("[" * 200_000)
    assert files.read_json(tmp_path / labels.FILE) is None
    (tmp_path / "events.jsonl").write_text("[" * 200_000 + '\n{"kind": "x"}\n')
    assert files.read_lines(tmp_path / "events.jsonl", 0)[0] == [{"kind": "x"}]


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(["name", "group"]), st.sampled_from(hostile.TEXTS) | hostile.anything)
def test_a_label_is_one_visible_line_or_refused(what, text):
    try:
        tidied = labels.tidy(what, text)
    except labels.LabelError:
        return
    assert tidied.isprintable() and len(tidied) <= labels.MOST[what] and "\n" not in tidied


# --- folders of Hugging Face -----------------------------------------------------------------


@pytest.fixture
def theirs(tmp_path: Path, tokenizer_files: Path) -> Path:
    """A good folder of a small GPT-2."""
    gpt_2(tmp_path / "theirs", tokenizer_files)
    return tmp_path / "theirs"


def test_a_strange_value_anywhere_in_their_config_is_refused(theirs):
    config = json.loads((theirs / "config.json").read_text())
    for number, path in enumerate(paths(config)):
        for value in NUMBERS if hostile.WHOLE else NUMBERS[number % 6 :: 6]:
            (theirs / "config.json").write_text(json.dumps(changed(config, path, value)))
            try:
                refused(lambda: gpt.load_huggingface(theirs))
            except Exception as error:
                raise AssertionError(f"{path} = {value!r:.50}: {error!r:.200}") from error


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", "[" * 100_000),
        ("config.json", '{"model_type": "gpt2"}'),
        ("config.json", '{"model_type": "gpt2", "activation_function": []}'),
        ("vocab.json", "[" * 100_000),
        ("vocab.json", '{"a": 1e400}'),
        ("vocab.json", '{"a": 1000000000000}'),
        ("vocab.json", '{"a": -5, "b": "x"}'),
        ("vocab.json", "[1]"),
        ("vocab.json", "{}"),
        ("merges.txt", "a b\n" * 200_000),
        ("merges.txt", "one\ntwo three four\n"),
        ("merges.txt", "\0" * 1000),
    ],
)
def test_files_of_theirs_made_to_do_harm_are_refused(theirs, name, text):
    (theirs / name).write_text(text)
    with pytest.raises(GPTError):
        gpt.load_huggingface(theirs)
    refused(lambda: gpt.load_huggingface(theirs))
