"""The learner's own place on a class server: its name, its personal link, signing in and out."""

import streamlit as st

from explorer import classroom, engine, workspace
from explorer.classroom import members, rules
from explorer.components.cookie import keep_cookie
from explorer.components.way_back import way_back
from explorer.language import explain, say
from explorer.panels.classroom.join import join_address
from explorer.runs.labels import MOST
from gpt.errors import GPTError

LOOK_SECONDS = 2.0  # between two looks whether a frozen class goes on
_SAID = "workspace_name_said"


def workspace_panel() -> None:
    """Draw it in the sidebar, and above the page what a link asks and that the class is frozen.
    Called by the router; nothing on a personal machine."""
    if not classroom.is_open():
        return
    own = workspace.mine()
    member = members.read(engine.store().root, own.id)
    if workspace.offered():
        _ask()
    _say_frozen()
    popover = st.sidebar.popover(say("Your workspace"), icon=":material/person:", width="stretch")
    with popover:
        st.text_input(
            say("Your name"),
            member.name,
            key="workspace_name",
            max_chars=MOST["name"],
            on_change=_rename,
            args=(own.id,),
            help=say("What the class's board calls your runs. A first name is enough."),
        )
        if said := st.session_state.pop(_SAID, None):
            st.warning(said)
        if own.key:
            st.caption(
                say(
                    "**Your personal link** opens your runs in another browser. Whoever has"
                    " it can change them: keep it to yourself. To show a run, share the"
                    " address of its page instead; others can only look."
                )
            )
            st.code(join_address(f"?{workspace.ADDRESS}={own.key}"), language=None)
        elif st.button(
            say("Sign out"), key="sign_out", help=say("Your runs stay with your account.")
        ):
            st.logout()
    if own.key:
        _keep(own.key)
    else:
        way_back(leaving=False)


def sign_in_panel() -> None:
    """What stands in place of a page until an account says who this is."""
    st.info(say("Sign in with your account: your runs belong to it."))
    if st.button(
        say("Sign in"),
        key="sign_in",
        type="primary",
        help=say("You come back here afterwards."),
    ):
        st.login()
    way_back(leaving=True)


def _keep(key: str) -> None:
    """Let the browser keep the key. One that it has from before, or from another tab, stays and is
    taken up, unless there is nothing in it and something in this one."""
    other = keep_cookie(workspace.COOKIE, key, yields=not workspace.is_linked())
    if workspace.is_linked() or not other or other == key or not members.KEY.fullmatch(other):
        return
    if not workspace.has_runs():
        workspace.adopt(other)
        st.rerun()
    elif not workspace.has_runs(other):
        workspace.adopt(key, linked=True)
        st.rerun()


def _ask() -> None:
    """A personal link was opened: whoever made it up may hope that somebody works in it."""
    begun = workspace.has_runs()
    with st.container(border=True):
        st.markdown(
            say(
                ":material/key: **This link opens a workspace.** Use it if it is yours. Whoever"
                " else has the link sees and can change all that you do in it."
            )
        )
        with st.container(horizontal=True):
            st.button(
                say("Use this workspace"),
                key="workspace_open",
                on_click=workspace.adopt,
                args=(workspace.offered(), True),
                help=say("This browser then works in the workspace of the link."),
            )
            st.button(
                say("Stay in my own") if begun else say("Start my own"),
                key="workspace_stay",
                on_click=workspace.decline,
                help=say("The link is not used. Yours stays as it is, under your own link."),
            )


def _say_frozen() -> None:
    """While the class is frozen: why nothing trains. Looks again, to go on with the class."""
    root = engine.store().root
    if workspace.is_teacher() or not rules.read(root).frozen:
        return

    def body() -> None:
        if not rules.read(root).frozen:
            st.rerun()
        st.info(say(workspace.FROZEN), icon=":material/ac_unit:")

    st.fragment(body, run_every=LOOK_SECONDS)()


def _rename(member: str) -> None:
    try:
        members.rename(engine.store().root, member, st.session_state["workspace_name"])
    except GPTError as error:
        st.session_state[_SAID] = explain(error)
    except OSError:  # of a full disk mostly
        st.session_state[_SAID] = say(workspace.NOT_WRITTEN)
