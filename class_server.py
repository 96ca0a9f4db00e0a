"""The app as a server for a class: `streamlit run class_server.py --server.address 0.0.0.0`.

The same pages as streamlit_app.py, and around them what a server of many needs: `/health` for a
monitor, response headers, a log on stderr, runs that go on when it starts and not at the first
visit. See explorer/OPERATIONS.md.
"""

import streamlit as st

from explorer import serving

app = st.App(
    "streamlit_app.py",
    routes=serving.ROUTES,
    middleware=serving.MIDDLEWARE,
    lifespan=serving.lifespan,
)
