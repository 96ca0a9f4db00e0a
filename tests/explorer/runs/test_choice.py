"""EXPLORER_EXECUTOR says who trains; what it cannot mean is refused in one sentence."""

import pytest

from explorer.runs import RunError
from explorer.runs.executors import choice


@pytest.mark.parametrize(
    "wrong", ["rey", "http://head:10001", "ray://", "ray://head", "ray:// x:1"]
)
def test_a_wrong_choice_is_one_sentence(store, wrong):
    with pytest.raises(RunError, match=r"^EXPLORER_EXECUTOR is .*: leave it empty .*\.$"):
        choice.choose(store, wrong)


def test_a_share_that_is_no_number_is_refused_before_anything_starts(monkeypatch):
    """The thread that makes the executor died of it, and every page waited for ever."""
    monkeypatch.setattr(choice, "find_spec", lambda name: True)
    monkeypatch.setenv("EXPLORER_RAY_CORES", "two")
    with pytest.raises(RunError, match=r"^EXPLORER_RAY_CORES is 'two': set it to a number from"):
        choice.check_choice("ray://head:10001")


@pytest.mark.parametrize("right", ["", "local"])
def test_without_a_choice_this_machine_trains(right):
    choice.check_choice(right)


@pytest.mark.parametrize("chosen", ["ray", "ray://head:10001"])
def test_a_missing_ray_is_said_with_its_remedy(monkeypatch, chosen):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"pip install -r requirements-cluster\.txt\.$"):
        choice.check_choice(chosen)
