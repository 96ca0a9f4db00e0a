"""Home: something alive, the map of the rungs, and the way back to where you were."""

import streamlit as st

from explorer.panels import lesson

lesson.open_page("home")
st.write("Home comes here.")
