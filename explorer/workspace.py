"""Whose runs these are, in this session. See `classroom/members.py` for what a workspace is.

On a personal machine everybody is the same person and nothing is asked. On a class server each
browser has its workspace: the key lies in a cookie and in a personal link. A run of somebody else
can be looked at by whoever was given its address (its id cannot be guessed), and by nobody changed
but its owner and the teacher: every command of a page goes through `command`, `submit`, `change`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer import classroom, engine, history, state
from explorer.classroom import members, rules
from explorer.language import explain, message, say
from explorer.runs import labels
from explorer.runs.executors import Command
from explorer.runs.run import Run, RunError
from gpt.errors import GPTError

COOKIE = "explorer_workspace"
ADDRESS = "workspace"  # of a personal link; taken out of the address at once
_HELD, _OFFERED, _NAMED = "workspace key", "workspace offered", "workspace named"
_LINKED, _SAID = "workspace of a link", "workspace said"

NOT_YOURS = message("This run belongs to somebody else: you can look at it, but not change it.")
FROZEN = message("Your teacher has paused the class: nothing can be started until it goes on.")
BY_TEACHER = message("Your teacher asked for it.")
NOT_WRITTEN = message("This could not be written down: free some disk space, then try again.")
TOO_MANY = message(
    "{most} of your runs are waiting or training: wait until one is done, or stop one."
)
TOO_FULL = message("You have {most} runs, which is the limit here: delete some on page 10.")
TOO_MANY_STARS = message(
    "{most} of your runs have a star, which is the limit here: take a star away first."
)

_starring = threading.Lock()  # of two stars given at once, the second counts the first


@dataclass(frozen=True)
class Workspace:
    """id: "" on a personal machine. key: opens it; "" where an account does."""

    id: str
    key: str = ""


# --- who this is -----------------------------------------------------------------------------


def begin() -> None:
    """Settle whose session this is before anything is drawn. Called by the router."""
    if not classroom.is_open():
        return
    linked = st.query_params.get(ADDRESS)
    if linked is not None:
        state.set_address(ADDRESS, None)  # it would be seen on a projector, and shared
    if _account() is not None:  # it is the workspace, whatever a link or a cookie says
        _name_by_account()
        return
    if linked is not None and members.KEY.fullmatch(linked) and linked != _held():
        # Nobody loses a workspace to a link unasked, or works in one that somebody else opened.
        st.session_state[_OFFERED] = linked


def mine() -> Workspace:
    """The workspace of this session."""
    if not classroom.is_open():
        return Workspace("")
    account = _account()
    if account is not None:
        return Workspace(members.id_of(account))
    key = _held()
    return Workspace(members.id_of(key), key)


def _held() -> str:
    """The key of this session: as the browser's cookie has it, else a new one."""
    if _HELD not in st.session_state:
        kept = st.context.cookies.get(COOKIE, "")
        st.session_state[_HELD] = kept if members.KEY.fullmatch(kept) else members.new_key()
    key: str = st.session_state[_HELD]
    return key


def adopt(key: str, linked: bool = False) -> None:
    """Work in the workspace of `key` from now on; whoever made it up has an empty one. linked: the
    browser is to keep it in place of the one that it has."""
    st.session_state[_HELD] = key
    st.session_state[_LINKED] = linked
    st.session_state.pop(_OFFERED, None)
    for name in [name for name in st.session_state if str(name).endswith(".run")]:
        del st.session_state[name]  # the pages showed the runs of the other


def is_linked() -> bool:
    """Whether a personal link was used, or this workspace has work and the browser's has none."""
    return bool(st.session_state.get(_LINKED))


def offered() -> str | None:
    """The key of a personal link that waits for a yes; None where there is none, or an account."""
    return None if _account() else st.session_state.get(_OFFERED)


def decline() -> None:
    st.session_state.pop(_OFFERED, None)


def must_sign_in() -> bool:
    """Whether an OpenID provider is set up here and has not yet said who this is."""
    return classroom.is_open() and getattr(st.user, "is_logged_in", None) is False


def _account() -> str | None:
    """What the OpenID provider says of this person, as a key; None where there is no provider."""
    if not getattr(st.user, "is_logged_in", False):
        return None
    return members.account_key(str(st.user.get("iss")), str(st.user.get("sub")))


def _name_by_account() -> None:
    """Call a workspace as its account is called, until its owner says otherwise."""
    if st.session_state.get(_NAMED):
        return
    st.session_state[_NAMED] = True
    told = str(st.user.get("name") or str(st.user.get("email") or "").partition("@")[0])
    root, own = engine.store().root, mine().id
    if told and not members.read(root, own).name:
        with suppress(GPTError, OSError):  # a strange name, one too many, a full disk
            members.rename(root, own, told[: labels.MOST["name"]])


def is_teacher(member: str | None = None) -> bool:
    """Whether a workspace, this one unless another is named, has shown the teacher's key. On a
    personal machine: everybody."""
    if not classroom.is_open():
        return True
    return rules.is_teacher(engine.store().root, mine().id if member is None else member)


# --- whose run it is -------------------------------------------------------------------------


def entries(most: int = 200) -> list[history.Entry]:
    """The newest runs of this workspace and the dear ones among the older, newest first."""
    return history.entries(engine.store(), most, mine().id or None, dear=True)


def runs() -> list[Run]:
    """All runs of this workspace, those that no list shows too, oldest first."""
    return engine.store().list(mine().id or None)


def say_how_many(shown: int) -> None:
    """Below a list of runs: how many of all it shows."""
    st.caption(
        say("Your newest {n} of {all} runs, those with a star first.", n=shown, all=len(runs()))
    )


def has_runs(key: str | None = None) -> bool:
    """Whether anything was begun in this workspace, or in the one of `key`."""
    return bool(engine.store().list(members.id_of(key) if key else mine().id or None))


def may_change(run: Run) -> bool:
    """Whether this session may steer, rename and delete `run`."""
    return is_mine(run) or is_teacher()


def is_mine(run: Run) -> bool:
    """Whether `run` is this learner's own, so that pages may call it theirs."""
    return mine().id in ("", owner_of(run))


def owner_of(run: Run) -> str:
    """The id of the workspace that a run belongs to; "" for runs made without a class."""
    return engine.store().learner_of(run.id) or ""


# --- what a page asks for --------------------------------------------------------------------


def command(run_id: str, wish: Command, why: str = "") -> None:
    """Steer a run, if this session may; else say why not. why: a sentence for the run's owner."""
    with telling():
        run = engine.store().get(run_id)
        _check(run, starts=wish in ("continue", "step"))
        engine.executor().command(run_id, wish, why or ("" if is_mine(run) else BY_TEACHER))


def submit(run_id: str) -> None:
    """Let a run train, if this session may; else say why not."""
    with telling():
        run = engine.store().get(run_id)
        _check(run, starts=True)
        engine.executor().submit(run_id)


def changing(run_id: str) -> Run:
    """The run, for a change of its name or its end; raises RunError if this session may not."""
    run = engine.store().get(run_id)
    _check(run)
    return run


def label(run_id: str, what: str, value: Any) -> None:
    """Keep a run's name, star or group; raises RunError if this session may not, or when it would
    be a star too many, and LabelError as `labels.write` does."""
    run = changing(run_id)
    with _starring:
        if what == "star" and value and not is_teacher() and _has_stars_enough(run):
            raise RunError(say(TOO_MANY_STARS, most=rules.STARS_AT_MOST))
        labels.write(run.folder, **{what: value})


def _has_stars_enough(run: Run) -> bool:
    starred = (labels.read(other.folder).star for other in runs() if other.id != run.id)
    return sum(starred) >= rules.STARS_AT_MOST


def problem() -> str | None:
    """Why this workspace cannot begin another run now, in one sentence; None: it can."""
    if not classroom.is_open() or is_teacher():
        return None
    if len(engine.store().list(mine().id)) >= rules.RUNS_AT_MOST:
        return say(TOO_FULL, most=rules.RUNS_AT_MOST)
    return _must_wait()


def _must_wait(run_id: str = "") -> str | None:
    """Why a learner cannot let a run (this one, or a new one) train now."""
    store = engine.store()
    if rules.read(store.root).frozen:
        return say(FROZEN)
    others = (busy for busy in engine.busy() if busy != run_id)
    if sum(store.learner_of(other) == mine().id for other in others) >= rules.ACTIVE_AT_MOST:
        return say(TOO_MANY, most=rules.ACTIVE_AT_MOST)
    return None


def _check(run: Run, starts: bool = False) -> None:
    if not may_change(run):
        raise RunError(NOT_YOURS)
    if starts and not is_teacher() and (reason := _must_wait(run.id)):
        raise RunError(reason)


@contextmanager
def telling() -> Iterator[None]:
    """What goes wrong in a callback, which has no place to draw, is said all the same."""
    try:
        yield
    except GPTError as error:
        trouble(str(error))
    except OSError:  # of a full disk mostly
        trouble(NOT_WRITTEN)


def trouble(sentence: str) -> None:
    """Let what is drawn next say `sentence`: a callback itself has no place for it."""
    st.session_state[_SAID] = sentence


def say_trouble() -> None:
    """What a click could not do, once, over the page, so that nobody overlooks it. Called by the
    router, and by each part of a page that has such buttons and is drawn by itself."""
    if said := st.session_state.pop(_SAID, ""):
        st.toast(explain(said), icon=":material/front_hand:", duration="long")
