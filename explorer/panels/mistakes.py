"""What is wrong with the variables of this server, for those who may have set them."""

import streamlit as st

from explorer import variables, workspace
from explorer.language import explain


def mistakes_notice() -> None:
    """Say it on a personal machine, and to the teacher of a class: learners could do nothing."""
    if workspace.is_teacher():
        for sentence in variables.mistakes():
            st.warning(explain(sentence), icon=":material/tune:")
