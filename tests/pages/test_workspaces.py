"""Nobody sees, stops, renames, continues or deletes another's run; who has its address may look."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from explorer import cache, lessons, server_log, workspace
from explorer.classroom import board, fairness, members, rules
from explorer.panels import manage, sweep
from explorer.panels import workspace as panel
from explorer.panels.classroom import order
from explorer.runs import files, labels, states
from explorer.runs.run import RunError
from gpt.scaling import BUDGETS
from tests.pages.bench import APP, by_key, said
from tests.pages.school import ANN, BEN, run_of, sit

STEERING = ("pause", "stop", "continue", "step")


def test_a_run_belongs_to_the_workspace_that_began_it(school):
    run = run_of(school, ANN)
    assert run.spec()["learner"] == members.id_of(ANN)
    assert ANN not in (run.folder / "run.json").read_text()


def test_who_was_given_the_address_looks_but_has_no_buttons(school):
    run = run_of(school, ANN)
    own = sit(school, ANN, "bigram", run=run.id)
    assert {b.key for b in own.button} >= {"bigram_continue", "bigram_step"}
    other = sit(school, BEN, "bigram", run=run.id)
    assert not {f"bigram_{wish}" for wish in STEERING} & {b.key for b in other.button}
    assert any("somebody else" in c.value for c in other.caption)
    assert any("Paused" in m.value for m in other.markdown)  # it is the run that is looked at


def test_no_list_shows_another_workspaces_run(school):
    run = run_of(school, ANN)
    for page in ("home", "bigram", "generate", "look_inside", "the_ladder"):  # those with lists
        at = sit(school, BEN, page)
        assert run.id not in repr([*at.main, *at.sidebar]), page


@pytest.mark.parametrize("wish", ["pause", "stop", "continue", "step"])
def test_a_forged_command_changes_nothing_and_is_answered(school, wish, monkeypatch):
    run = run_of(school, ANN)
    before = list(school.executor.commands), list(school.executor.submitted)
    said = {}
    monkeypatch.setattr(workspace, "mine", lambda: workspace.Workspace(members.id_of(BEN), BEN))
    monkeypatch.setattr(workspace.st, "session_state", said)
    workspace.command(run.id, wish)
    workspace.submit(run.id)
    assert (school.executor.commands, school.executor.submitted) == before
    assert said["workspace said"] == workspace.NOT_YOURS
    with pytest.raises(RunError):
        workspace.changing(run.id)


def test_another_cannot_rename_or_delete(school, monkeypatch):
    run = run_of(school, ANN)
    monkeypatch.setattr(workspace, "mine", lambda: workspace.Workspace(members.id_of(BEN), BEN))
    lesson = lessons.BY_KEY["the_ladder"]
    monkeypatch.setattr(manage.st, "session_state", {"k": "mine now"})
    manage._keep(lesson, run.id, "name", "k")
    manage._remove(lesson, run.id)
    assert run.folder.exists() and not (run.folder / "labels.json").exists()


def test_a_learner_has_so_many_stars_and_a_teacher_any(school, monkeypatch):
    first = run_of(school, ANN)
    more = [school.store.create(first.spec()) for _ in range(2)]
    monkeypatch.setattr(rules, "STARS_AT_MOST", 2)
    monkeypatch.setattr(workspace, "mine", lambda: workspace.Workspace(members.id_of(ANN), ANN))
    lesson = lessons.BY_KEY["the_ladder"]

    def star(run, on=True):
        """What the switch and the page's sentence say afterwards."""
        memory = {"k": on}
        monkeypatch.setattr(manage.st, "session_state", memory)
        manage._keep(lesson, run.id, "star", "k")
        return memory["k"], memory.get("the_ladder.said")

    for run in (first, more[0], first):  # a star that is there already is none too many
        assert star(run) == (True, None)
    shown, sentence = star(more[1])
    assert not shown and sentence.startswith("2 of your runs have a star")
    assert not labels.read(more[1].folder).star
    workspace.label(more[1].id, "name", "mine")  # only stars are limited
    assert labels.read(more[1].folder) == labels.Labels("mine", star=False)
    assert star(first, False) == (False, None) and star(more[1]) == (True, None)
    assert not star(first)[0]
    rules.make_teacher(school.store.root, members.id_of(ANN))
    assert star(first) == (True, None)


def test_the_switch_of_a_star_too_many_goes_back_and_says_why(school, monkeypatch):
    run = run_of(school, ANN)
    monkeypatch.setattr(rules, "STARS_AT_MOST", 0)
    at = sit(school, ANN, "the_ladder")
    key = f"the_ladder_labels_{run.id}_star"
    by_key(at.toggle, key).set_value(True).run()
    assert not at.exception and by_key(at.toggle, key).value is False
    assert any("have a star, which is the limit here" in w.value for w in at.warning)


def test_on_a_personal_machine_every_run_may_have_a_star(bench, monkeypatch):
    run = bench.train("bigram", "bigram")
    monkeypatch.setattr(rules, "STARS_AT_MOST", 0)
    workspace.label(run.id, "star", True)
    assert labels.read(run.folder).star


def test_a_button_of_the_board_does_nothing_for_who_has_left_it(school, monkeypatch):
    run = run_of(school, ANN, states.TRAINING)
    monkeypatch.setattr(school.executor, "active", lambda: [run.id])
    monkeypatch.setattr(workspace, "mine", lambda: workspace.Workspace(members.id_of(BEN), BEN))
    order.freeze()
    assert not rules.read(school.store.root).frozen and school.executor.commands == []
    rules.make_teacher(school.store.root, members.id_of(BEN))
    order.freeze()
    assert rules.read(school.store.root).frozen
    assert school.executor.commands == [(run.id, "pause")]
    rules.change(school.store.root, lambda now: rules.Rules(frozen=now.frozen))
    order.thaw()
    assert rules.read(school.store.root).frozen


def test_who_has_left_the_board_judges_nothing_and_takes_nothing_home(school, monkeypatch):
    run = run_of(school, ANN)
    ben, text = members.id_of(BEN), cache.text("python_docs")
    begun = []
    monkeypatch.setattr(order.judging(), "begin", lambda entries, text: begun.append(entries))
    monkeypatch.setattr(workspace, "mine", lambda: workspace.Workspace(ben, BEN))
    offered = []
    monkeypatch.setattr(order.st, "download_button", lambda *given, **more: offered.append(given))
    order.archive_panel(text)  # as drawn while Ben teaches: it is asked for later
    make = offered[0][1]
    order.judge_all(text)
    assert not begun and make() == b""
    rules.make_teacher(school.store.root, ben)
    order.judge_all(text)
    assert [entry.run.id for entry in begun[0]] == [run.id]
    monkeypatch.setattr(workspace, "mine", None)  # whoever makes it has no session
    assert b"runs.csv" in make()
    now, most = [], []

    def archive_of(*_):
        now.append(1)
        most.append(len(now))
        time.sleep(0.02)
        now.pop()
        return b"made"

    monkeypatch.setattr(order, "archive_of", archive_of)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: make(), range(4))) == [b"made"] * 4
    assert max(most) == 1, "each holds all models of a class in memory"
    rules.make_teacher(school.store.root, ben, False)
    assert make() == b""


def test_a_frozen_class_begins_nothing(school):
    run = run_of(school, ANN)
    rules.change(school.store.root, lambda now: rules.Rules(frozen=True))
    at = sit(school, ANN, "bigram", run=run.id)
    by_key(at.button, "bigram_continue").click().run()
    assert any("paused the class" in t.value for t in at.toast)
    by_key(at.button, "bigram_train").click().run()
    assert any("paused the class" in t.value for t in at.toast)
    assert len(school.store.list()) == 1 and school.executor.commands == []


def test_a_learner_reads_that_the_class_is_frozen_until_it_goes_on(school):
    rules.change(school.store.root, lambda now: replace(now, frozen=True))
    at = sit(school, ANN)
    assert [i.value for i in at.info] == [workspace.FROZEN]
    rules.change(school.store.root, lambda now: replace(now, frozen=False))
    assert not at.run().info


def test_a_run_that_waits_can_leave_the_queue(school, monkeypatch):
    run = run_of(school, ANN, states.QUEUED)
    monkeypatch.setattr(school.executor, "position", lambda run_id: 2)
    at = sit(school, ANN, "bigram", run=run.id)
    assert any("1 other waits before it" in m.value for m in at.markdown)
    leave = by_key(at.button, "bigram_stop")
    assert leave.label == "Leave the queue" and "bigram_pause" not in {b.key for b in at.button}
    leave.click().run()
    assert school.executor.commands[-1] == (run.id, "stop")
    monkeypatch.setattr(school.executor, "position", lambda run_id: 1)
    assert any("It is next." in m.value for m in at.run().markdown)


def test_a_board_without_runs_tells_the_teacher_what_to_do_first(school):
    rules.make_teacher(school.store.root, members.id_of(BEN))
    at = sit(school, BEN, "class_page")
    assert "Nobody has trained yet" in at.info[0].value and at.expander[0].proto.expanded
    assert not {"class_judge", "class_archive"} & {b.key for b in at.button}
    run_of(school, ANN)
    at = sit(school, BEN, "class_page")
    assert "class_judge" in {b.key for b in at.button} and not at.expander[0].proto.expanded


def test_continuing_what_was_paused_goes_around_no_limit(school, monkeypatch):
    """Whoever paused eleven runs, began eleven others and went on would have had them all."""
    run, other = run_of(school, ANN), run_of(school, ANN)
    monkeypatch.setattr(rules, "ACTIVE_AT_MOST", 1)
    monkeypatch.setattr(school.executor, "waiting", lambda: [other.id])
    at = sit(school, ANN, "bigram", run=run.id)
    by_key(at.button, "bigram_continue").click().run()
    assert any("wait until one is done" in t.value for t in at.toast)
    assert school.executor.commands == []
    monkeypatch.setattr(school.executor, "waiting", lambda: [run.id])
    by_key(at.button, "bigram_continue").click().run()  # the pause that was asked for, taken back
    assert school.executor.commands == [(run.id, "continue")]


def test_the_largest_sweep_of_page_11_fits_under_the_limit(school, monkeypatch):
    """Twelve of its runs began, and a sentence said that the others could not."""
    monkeypatch.setattr(school.executor, "waiting", lambda: school.executor.submitted)
    at = sit(school, ANN, "scaling", scaling_count=str(max(sweep.COUNTS)))
    by_key(at.button, "scaling_start").click().run()
    assert len(school.executor.submitted) == max(sweep.COUNTS) * BUDGETS == 21
    assert not at.toast


def test_a_run_above_the_limit_is_refused_with_its_sentence(school, monkeypatch):
    run = run_of(school, ANN)
    monkeypatch.setattr(school.executor, "waiting", lambda: [run.id] * rules.ACTIVE_AT_MOST)
    at = sit(school, ANN, "bigram")
    by_key(at.button, "bigram_train").click().run()
    assert school.store.names() == [run.id]
    (toast,) = at.toast
    refusal = "of your runs are waiting or training: wait until one is done, or stop one."
    assert toast.value == f"{rules.ACTIVE_AT_MOST} {refusal}"


def test_a_full_disk_is_said_and_ends_no_page(school, monkeypatch):
    at = sit(school, BEN, "class_page")
    by_key(at.text_input, "class_key").set_value(rules.teacher_key(school.store.root)).run()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    for key in ("class_freeze", "class_leave"):
        by_key(at.button, key).click().run()
        assert not at.exception and any("free some disk space" in t.value for t in at.toast)
    by_key(at.text_input, "workspace_name").set_value("Ben").run()
    assert not at.exception and any("free some disk space" in w.value for w in at.warning)


def test_a_personal_link_leaves_the_address_and_opens_its_workspace_after_a_yes(school):
    run = run_of(school, ANN)
    at = sit(school, BEN, workspace=ANN)
    assert "workspace" not in at.query_params
    assert run.id not in repr([*at.main]) and at.session_state["workspace key"] == BEN
    by_key(at.button, "workspace_open").click().run()
    assert any(run.id in repr(link.proto) for link in at.main if link.type == "page_link")
    assert "workspace_open" not in {b.key for b in at.button}


@pytest.mark.parametrize(("begun", "label"), [(False, "Start my own"), (True, "Stay in my own")])
def test_a_link_that_somebody_else_made_up_takes_nobody_in_unasked(school, begun, label):
    if begun:
        run_of(school, BEN)
    at = sit(school, BEN, workspace=ANN)
    stay = by_key(at.button, "workspace_stay")
    assert stay.label == label
    stay.click().run()
    at.switch_page("pages/bigram.py").run()
    by_key(at.button, "bigram_train").click().run()
    assert school.store.list()[-1].spec()["learner"] == members.id_of(BEN)


def test_a_visit_writes_nothing_and_a_name_one_file(school):
    at = sit(school, BEN)
    folder = school.store.root / "class" / "members"
    assert not folder.exists()
    by_key(at.text_input, "workspace_name").set_value("Ben").run()
    assert [path.stem for path in folder.iterdir()] == [members.id_of(BEN)]


def test_anothers_run_is_not_called_yours(school):
    run = school.train("multi_head_attention", "multi_head")
    spec = run.spec() | {"learner": members.id_of(ANN)}
    (run.folder / "run.json").write_text(json.dumps(spec))
    school.store._learners.clear()  # which never changes otherwise
    own = said(sit(school, ANN, "multi_head_attention", run=run.id))
    assert "Model: your run, after 12 steps" in own and "Shown is your run" in own
    other = said(sit(school, BEN, "multi_head_attention", run=run.id))
    assert "Model: another's run, after 12 steps" in other and "Shown is another's run" in other
    assert "your run, after" not in other


@pytest.mark.parametrize("key", ["", "x", "../../etc", "a" * 32 + "\n", "<script>x</script>"])
def test_what_is_no_key_opens_nothing(school, key):
    at = sit(school, BEN, workspace=key)
    assert at.session_state["workspace key"] == BEN and not at.exception


def test_the_teachers_key_opens_the_board(school, monkeypatch):
    monkeypatch.setattr(rules, "AFTER_WRONG", 0.0)
    run = run_of(school, ANN, states.TRAINING)
    at = sit(school, BEN, "class_page")
    assert not at.dataframe
    by_key(at.text_input, "class_key").set_value("wrong").run()
    assert any("not the teacher's key" in e.value for e in at.error) and not at.dataframe
    by_key(at.text_input, "class_key").set_value(rules.teacher_key(school.store.root)).run()
    assert at.dataframe[0].value.shape[0] == 1
    by_key(at.selectbox, "class_run").select(run.id).run()
    by_key(at.button, "class_stop").click().run()
    assert school.executor.commands[-1] == (run.id, "stop")


def test_wrong_keys_are_logged_once_a_minute(school, monkeypatch):
    """One line for each would let whoever guesses push all else out of the log."""
    monkeypatch.setattr(rules, "AFTER_WRONG", 0.0)
    monkeypatch.setattr(server_log, "_seldom", {})
    told = []
    monkeypatch.setattr(
        server_log, "note", lambda event, *_, **fields: told.append((event, fields))
    )
    at = sit(school, BEN, "class_page")
    for tried in ("wrong", "wronger", "wrongest"):
        by_key(at.text_input, "class_key").set_value(tried).run()
        assert any("not the teacher's key" in e.value for e in at.error)
    assert told == [("class.wrong_key", {"workspace": members.id_of(BEN), "left_out": None})]


def test_on_a_personal_machine_nothing_of_it_is_there(bench):
    at = bench.open("home")
    assert workspace.mine() == workspace.Workspace("")
    assert not [p for p in at.sidebar if "workspace" in repr(p).lower()]


class Account:
    """What Streamlit says of a person where an OpenID provider is set up."""

    def __init__(self, subject: str = "", **told: str) -> None:
        self.is_logged_in = bool(subject)
        self.get = ({"iss": "https://school.example", "sub": subject} | told).get


def test_where_accounts_are_set_up_nothing_opens_without_one(school, monkeypatch):
    monkeypatch.setattr(workspace.st, "user", Account())
    at = AppTest.from_file(str(APP), default_timeout=120).run()
    assert [b.key for b in at.button] == ["sign_in"] and not at.subheader
    assert not (school.store.root / "class" / "members").exists()


def test_with_an_account_the_workspace_is_its_own_wherever_it_signs_in(school, monkeypatch):
    monkeypatch.setattr(workspace.st, "user", Account("ann"))
    run = run_of(school, BEN)  # another browser's key changes nothing
    assert run.spec()["learner"] == members.id_of(
        members.account_key("https://school.example", "ann")
    )
    monkeypatch.setattr(workspace.st, "user", Account("ben"))
    assert not workspace.may_change(run)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"name": "Ann Lee", "email": "al@school.example"}, "Ann Lee"),
        ({"email": "al@school.example"}, "al"),
        ({}, ""),
        ({"name": "x" * 5000}, "x" * labels.MOST["name"]),
        ({"name": "\0\u202e"}, ""),
    ],
)
def test_a_workspace_is_called_as_its_account_until_its_owner_says_otherwise(
    school, monkeypatch, told, name
):
    monkeypatch.setattr(workspace.st, "user", Account("ann", **told))
    own = members.id_of(members.account_key("https://school.example", "ann"))
    at = sit(school, BEN)
    assert members.read(school.store.root, own).name == name
    members.rename(school.store.root, own, "Annie")
    at.run()
    sit(school, BEN)
    assert members.read(school.store.root, own).name == "Annie"


def test_a_personal_link_is_offered_to_nobody_who_has_an_account(school, monkeypatch):
    monkeypatch.setattr(workspace.st, "user", Account("ann"))
    run_of(school, BEN)
    at = sit(school, BEN, workspace=ANN)  # it could not be opened
    assert "workspace" not in at.query_params
    assert "workspace_open" not in {b.key for b in at.button}


class Browser:
    """What Streamlit tells of a browser that kept a key."""

    def __init__(self, key: str) -> None:
        self.cookies = {workspace.COOKIE: key}


def test_whoever_asks_first_gets_the_workspace_of_the_browser(school, monkeypatch):
    monkeypatch.setattr(workspace.st, "context", Browser(ANN))
    monkeypatch.setattr(workspace.st, "session_state", {})
    assert workspace.mine() == workspace.Workspace(members.id_of(ANN), ANN)


@pytest.mark.parametrize(
    ("own_runs", "other_runs", "linked", "after"),
    [
        (False, False, False, "ben"),  # another tab was first
        (False, True, False, "ben"),
        (True, True, False, "ann"),  # nothing is lost on either side: the cookie stays
        (True, False, False, "ann"),
        (True, True, True, "ann"),  # a personal link was used: the browser keeps that
    ],
)
def test_a_workspace_that_the_browser_has_gives_way_only_to_work_or_a_link(
    school, monkeypatch, own_runs, other_runs, linked, after
):
    """A page that Streamlit opened by itself had made up a key, whose first run replaced it."""
    for key, some in ((ANN, own_runs), (BEN, other_runs)):
        if some:
            run_of(school, key)
    monkeypatch.setattr(workspace.st, "session_state", {})
    monkeypatch.setattr(panel.st, "rerun", lambda: None)
    kept = {"key": BEN}

    def keep_cookie(name, value, *, yields):
        if yields and kept["key"] != value:
            return kept["key"]
        kept["key"] = value
        return None

    monkeypatch.setattr(panel, "keep_cookie", keep_cookie)
    workspace.adopt(ANN, linked=linked)
    for _ in range(3):  # drawings of the page
        panel._keep(workspace.mine().key)
    assert workspace.mine().key == {"ann": ANN, "ben": BEN}[after]
    replaced = linked or (own_runs and not other_runs)
    assert kept["key"] == (ANN if replaced else BEN)


def test_a_double_click_on_freeze_forgets_no_run(school, monkeypatch):
    run = run_of(school, ANN, states.TRAINING)
    monkeypatch.setattr(workspace, "is_teacher", lambda: True)
    monkeypatch.setattr(school.executor, "active", lambda: [run.id])
    order.freeze()
    monkeypatch.setattr(school.executor, "active", lambda: [])  # it is paused by now
    order.freeze()
    assert rules.read(school.store.root).held == (run.id,)
    order.thaw()
    assert school.executor.commands[-1] == (run.id, "continue")
    assert rules.read(school.store.root) == rules.Rules()


def test_an_old_run_that_trains_can_still_be_stopped_on_the_board(school):
    """Two hundred newer runs had pushed it off the board, and out of the box that steers."""
    old = run_of(school, ANN, states.TRAINING)
    spec = old.spec()
    for _ in range(board.MOST):
        school.store.create(spec)
    rules.make_teacher(school.store.root, members.id_of(BEN))
    at = sit(school, BEN, "class_page")
    assert len(at.dataframe[0].value) == board.MOST + 1
    assert any("the newest 200 of 201 runs, the older ones that train" in c.value
               for c in at.caption)  # fmt: skip
    by_key(at.selectbox, "class_run").select(old.id).run()
    by_key(at.button, "class_stop").click().run()
    assert school.executor.commands[-1] == (old.id, "stop")


def test_the_judge_judges_an_old_run_too_and_says_whom_it_leaves_out(school, monkeypatch):
    """It judged the two hundred newest, and told nobody."""
    runs = [run_of(school, ANN, states.FINISHED) for _ in range(3)]
    rules.make_teacher(school.store.root, members.id_of(BEN))
    monkeypatch.setattr(board.entries, "__defaults__", ((), 2))
    judge = fairness.Judging()
    monkeypatch.setattr(order, "judging", lambda: judge)

    def judged(at):
        by_key(at.button, "class_judge").click().run()
        judge._thread.join(60)
        return {run_id for run_id, *_ in judge._found}

    at = sit(school, BEN, "class_page")
    assert not any("runs are judged" in c.value for c in at.caption)
    monkeypatch.setattr(fairness, "MOST", 2)
    assert judged(at.run()) == {run.id for run in runs[1:]}
    assert any("2 of 3 runs are judged: the newest 2," in c.value for c in at.caption)
    monkeypatch.setattr(fairness, "MOST", 3)
    assert judged(at.run()) == {run.id for run in runs}


def test_a_column_of_the_board_comes_and_goes_without_moving_another(school, monkeypatch):
    """A browser knows the column that it sorts by from its place: each that came or went between
    two looks undid the teacher's sorting."""
    run = run_of(school, ANN, states.QUEUED)
    rules.make_teacher(school.store.root, members.id_of(BEN))
    at = sit(school, BEN, "class_page")
    before, *_ = at.dataframe
    assert not {"place", "task", "judged"} & set(before.proto.column_order)
    monkeypatch.setattr(school.executor, "waiting", lambda: [run.id])
    monkeypatch.setattr(board, "reached", lambda *_: "Warm up")
    monkeypatch.setattr(order, "judge_panel", lambda text: {run.id: fairness.Verdict(2.5)})
    after, *_ = at.run().dataframe
    assert set(after.proto.column_order) - set(before.proto.column_order) == {
        "place", "task", "judged",
    }  # fmt: skip
    assert list(after.value.columns) == list(before.value.columns)
    assert list(after.value[["place", "judged", "task"]].iloc[0]) == [1, 2.5, "Warm up"]
    numbers = ["place", "judged", "validation loss"]
    assert list(after.value[numbers].dtypes) == list(before.value[numbers].dtypes)


@pytest.mark.parametrize("executor", ["", "ray://head:10001"])
def test_the_gauges_of_a_cluster_say_that_they_are_of_this_server(school, monkeypatch, executor):
    monkeypatch.setenv("EXPLORER_EXECUTOR", executor)
    rules.make_teacher(school.store.root, members.id_of(BEN))
    told = {m.label: m.proto.help for m in sit(school, BEN, "class_page").metric}
    busy = told.get("This server's processor", "")
    memory = told.get("This server's free memory", "")
    cluster = bool(executor)
    assert ("The other machines of the cluster" in busy) is cluster
    assert ("The other machines of the cluster" in memory) is cluster
    assert ("in the cluster" in told["Training now"]) is cluster
    assert ("on this machine" in told["Training now"]) is not cluster
    assert {"Processor", "Memory free"}.isdisjoint(told) is cluster


def test_the_whole_class_is_on_one_chart_with_its_names(school):
    """Thirty learners looked at the eight runs that happened to be first in the table."""
    first = run_of(school, ANN)
    for n in range(30):
        run = first if n == 0 else school.store.create(first.spec() | {"learner": f"{n:04x}"})
        told = [
            {"kind": "evaluation", "step": step, "val_loss": 2 + (n + 1) / (step + 1) / 99,
             "train_loss": 2.0}
            for step in (0, 5, 9)
        ]  # fmt: skip
        (run.folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in told))
        run.set_status(state=states.PAUSED, step=9, val_loss=told[-1]["val_loss"])
    rules.make_teacher(school.store.root, members.id_of(BEN))
    at = sit(school, BEN, "class_page")
    (chart,) = at.get("vega_lite_chart")
    table = chart.proto.datasets[0]
    assert table.name == "losses"
    drawn = pa.ipc.open_stream(table.data.data).read_pandas()
    titles = {learner.partition(" · ")[0] for learner in drawn["run"]}
    assert titles == set(at.dataframe[0].value["learner"]) and len(titles) == 30
    best = drawn[drawn["shown"]]["run"].unique()
    ids = [run.id for run in school.store.list()]
    assert len(best) == 8 and set(best) == set(drawn["run"].unique()[:8])
    assert {f"guest {n:04x}" for n in range(1, 8)} < {run.partition(" · ")[0] for run in best}
    assert "of 30 runs" in said(at) and "In colour are the 8 whose loss came lowest" in said(at)
    spec = chart.proto.spec
    (school.store.root / ids[-1] / "events.jsonl").write_text(json.dumps(told[0]) + "\n")
    assert at.run().get("vega_lite_chart")[0].proto.spec == spec, "only the table travels"
