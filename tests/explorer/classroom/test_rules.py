"""What holds for a class, and who may say so."""

import asyncio
import multiprocessing
import os
import stat
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import ModuleType

import pytest

from explorer import serving
from explorer.classroom import rules


def test_rules_are_kept_and_damaged_ones_mean_nothing_is_said(tmp_path):
    rules.change(tmp_path, lambda now: replace(now, frozen=True, held=("a",)))
    rules.change(tmp_path, lambda now: replace(now, teachers=("t",)))
    assert rules.read(tmp_path) == rules.Rules(frozen=True, held=("a",), teachers=("t",))
    (tmp_path / "class" / "rules.json").write_text('{"frozen": "yes", "teachers": 3}')
    assert rules.read(tmp_path) == rules.Rules()


def test_the_teachers_key_is_there_before_anybody_comes(own_folders, monkeypatch):
    """Whoever starts a server looks for it at once."""
    monkeypatch.delenv("EXPLORER_TEACHER_KEY", raising=False)
    for name in ("start", "close"):
        monkeypatch.setattr(serving.engine, name, lambda: None)
    monkeypatch.setattr(serving.server_log, "begin", lambda root, aloud: None)

    async def start():
        async with serving.lifespan(None):
            assert rules.key_file(serving.engine.store().root).read_text()

    with ThreadPoolExecutor() as apart:  # another test's browser may have a loop of its own here
        apart.submit(lambda: asyncio.run(start())).result()


def test_the_teachers_key_lies_in_a_file_that_only_its_owner_reads(tmp_path, monkeypatch):
    monkeypatch.delenv("EXPLORER_TEACHER_KEY", raising=False)
    key = rules.teacher_key(tmp_path)
    assert key == rules.teacher_key(tmp_path) and len(key) >= rules.KEY_AT_LEAST
    if os.name == "posix":
        assert stat.S_IMODE(rules.key_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("tried", ["", "x", "ключ", "\0", "a" * 10_000])
def test_a_wrong_key_opens_nothing(tmp_path, monkeypatch, tried):
    monkeypatch.setattr(rules, "AFTER_WRONG", 0.0)
    assert not rules.is_teachers_key(tmp_path, tried)
    assert rules.is_teachers_key(tmp_path, rules.teacher_key(tmp_path) + "\n")


def test_a_key_that_could_be_guessed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_TEACHER_KEY", "1234")
    with pytest.raises(rules.ClassError, match="at least 12"):
        rules.is_teachers_key(tmp_path, "1234")


def test_another_key_makes_all_teachers_learners_again(tmp_path, monkeypatch):
    rules.make_teacher(tmp_path, "ann")
    assert rules.is_teacher(tmp_path, "ann") and not rules.is_teacher(tmp_path, "ben")
    monkeypatch.setenv("EXPLORER_TEACHER_KEY", "a completely new key")
    assert not rules.is_teacher(tmp_path, "ann")
    monkeypatch.delenv("EXPLORER_TEACHER_KEY")
    rules.make_teacher(tmp_path, "ann", yes=False)
    assert not rules.is_teacher(tmp_path, "ann")


def test_of_two_teachers_who_come_at_once_none_is_forgotten(tmp_path):
    rules.teacher_key(tmp_path)
    names = [f"teacher {i}" for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: rules.make_teacher(tmp_path, name), names))
    assert all(rules.is_teacher(tmp_path, name) for name in names)


def test_two_servers_on_one_folder_forget_nothing_of_each_other(tmp_path, monkeypatch):
    # A page that was tested here before has left itself as the program that processes begin with.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    add = partial(_come_in, tmp_path)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as servers:
        list(servers.map(add, range(200), chunksize=10))
    assert len(rules.read(tmp_path).held) == 200


def _come_in(root, number):
    rules.change(root, lambda now: replace(now, held=(*now.held, str(number))))
