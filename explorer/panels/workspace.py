"""The learner's own place on a class server: its name, its personal link, signing in and out."""

import streamlit as st

from explorer import classroom, engine, workspace
from explorer.classroom import members
from explorer.components.cookie import keep_cookie
from explorer.language import explain, say
from explorer.panels.classroom.join import join_address
from explorer.runs.labels import MOST, LabelError

_SAID = "workspace_name_said"


def workspace_panel() -> None:
    """Draw it in the sidebar. Called by the router; nothing on a personal machine."""
    if not classroom.is_open():
        return
    own = workspace.mine()
    member = members.read(engine.store().root, own.id)
    with st.sidebar:
        if workspace.offered():
            _ask()
        with st.popover(say("Your workspace"), icon=":material/person:", width="stretch"):
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


def _keep(key: str) -> None:
    """Let the browser keep the key; a key that it had before, from another tab, wins."""
    fresh = not workspace.has_runs()
    other = keep_cookie(workspace.COOKIE, key, yields=fresh)
    if fresh and other and other != key and members.KEY.fullmatch(other):
        workspace.adopt(other)
        st.rerun()


def _ask() -> None:
    """A personal link was opened in a browser that has runs of its own."""
    offered = workspace.offered()
    st.warning(say("This link opens another workspace. Yours stays as it is, under your own link."))
    left, right = st.columns(2)
    left.button(
        say("Open it"),
        key="workspace_open",
        on_click=workspace.adopt,
        args=(offered,),
        help=say("This browser then works in the workspace of the link."),
    )
    right.button(
        say("Stay"), key="workspace_stay", on_click=workspace.decline, help=say("Nothing changes.")
    )


def _rename(member: str) -> None:
    try:
        members.rename(engine.store().root, member, st.session_state["workspace_name"])
    except LabelError as error:
        st.session_state[_SAID] = explain(error)
    except OSError:  # of a full disk mostly
        st.session_state[_SAID] = say(workspace.NOT_WRITTEN)
