"""Atomic files and event lines: what a crash can leave behind, and what a reader makes of it."""

import os

import pytest

from explorer.runs import files


def test_a_file_is_replaced_whole_and_a_failure_leaves_the_old_one(tmp_path):
    path = tmp_path / "status.json"
    files.write_json(path, {"state": "queued"})
    with pytest.raises(OSError, match="full"), files.replacing(path) as partial:
        partial.write_text('{"state": "tr')
        raise OSError("full")
    assert files.read_json(path) == {"state": "queued"}
    assert os.listdir(tmp_path) == ["status.json"], "a temporary file was left behind"


@pytest.mark.parametrize("content", [None, b"", b'{"state": "tra', b"[1, 2]", b"\xff\xfe"])
def test_a_missing_or_damaged_file_reads_as_nothing(tmp_path, content):
    path = tmp_path / "status.json"
    if content is not None:
        path.write_bytes(content)
    assert files.read_json(path) is None


def test_lines_are_read_once_and_a_torn_last_line_waits_for_its_end(tmp_path):
    path = tmp_path / "events.jsonl"
    assert files.read_lines(path, 0) == ([], 0, 0)
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n{"ste')
    events, offset, damaged = files.read_lines(path, 0)
    assert ([e["step"] for e in events], damaged) == ([1, 2], 0)
    with open(path, "ab") as file:
        file.write(b'p": 3}\n')
    assert files.read_lines(path, offset)[0] == [{"step": 3}]


def test_damaged_lines_are_left_out_and_counted(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 1{"step": 2}\n\x00\x00\n7\n1,2\n{"step": 3}\n')
    events, offset, damaged = files.read_lines(path, 0)
    assert [e["step"] for e in events] == [1, 3]
    assert (offset, damaged) == (path.stat().st_size, 4)


def test_a_line_torn_by_a_crash_does_not_swallow_the_next_one(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo')
    for _ in range(2):
        handle = files.open_for_append(path)
        files.write_all(handle, b'{"step": 3}\n')
        os.close(handle)
    events, _, damaged = files.read_lines(path, 0)
    assert ([e["step"] for e in events], damaged) == ([1, 3, 3], 1)
