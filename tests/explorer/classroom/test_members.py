"""A workspace: its key opens it, its id tells nothing, its name is plain text."""

import pytest

from explorer.classroom import members
from explorer.classroom.rules import ClassError
from explorer.runs.labels import LabelError


def test_a_key_cannot_be_guessed_and_its_id_does_not_hold_it():
    keys = {members.new_key() for _ in range(1000)}
    assert len(keys) == 1000 and all(members.KEY.fullmatch(key) for key in keys)
    for key in list(keys)[:20]:
        assert members.ID.fullmatch(members.id_of(key))
        assert key not in members.id_of(key)


def test_a_name_is_kept_tidy_and_taken_away_again(tmp_path):
    member = members.id_of(members.new_key())
    members.rename(tmp_path, member, "  Ana   María ")
    assert members.read(tmp_path, member).title == "Ana María"
    assert members.named(tmp_path) == {member: members.Member(member, "Ana María")}
    members.rename(tmp_path, member, " ")
    assert members.named(tmp_path) == {}
    assert members.read(tmp_path, member).title == f"guest {member[:4]}"


def test_names_end_at_a_limit_that_changes_none_of_those_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(members, "MOST", 2)
    ids = [members.id_of(key) for key in "abc"]
    for member in ids[:2]:
        members.rename(tmp_path, member, "Ann")
    with pytest.raises(ClassError, match="2 names"):
        members.rename(tmp_path, ids[2], "Ben")
    members.rename(tmp_path, ids[0], "Anna")
    assert sorted(one.name for one in members.named(tmp_path).values()) == ["Ann", "Anna"]


def test_a_bad_name_is_one_sentence_and_changes_nothing(tmp_path):
    member = members.id_of("k")
    members.rename(tmp_path, member, "Ben")
    with pytest.raises(LabelError, match="60"):
        members.rename(tmp_path, member, "x" * 61)
    assert members.read(tmp_path, member).name == "Ben"


def test_a_file_written_by_hand_harms_nobody(tmp_path):
    folder = tmp_path / "class" / "members"
    folder.mkdir(parents=True)
    member = members.id_of("k")
    (folder / f"{member}.json").write_text('{"name": "a\\u0000b", "seen": "x"}')
    (folder / "..evil.json").write_text("{}")
    assert [one.title for one in members.named(tmp_path).values()] == [f"guest {member[:4]}"]
