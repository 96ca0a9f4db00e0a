"""The app as a server for a class: `streamlit run explorer/class_server.py --server.address …`.

The same pages as streamlit_app.py, and around them what a server of many needs: `/health` for a
monitor, response headers, a log on stderr, runs that go on when it starts and not at the first
visit. See explorer/OPERATIONS.md.
"""

import os
import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:  # Streamlit puts this file's own folder there
    sys.path.insert(0, str(ROOT))

from explorer import serving  # noqa: E402
from explorer.runs import RunError  # noqa: E402
from explorer.runs.executors.choice import CHOICE, check_choice  # noqa: E402

# Also behind a proxy, where it listens to its own machine only: everybody has a workspace.
os.environ.setdefault("EXPLORER_CLASS", "on")

try:
    check_choice(os.environ.get(CHOICE, ""))
except RunError as error:
    sys.exit(str(error))

app = st.App(
    str(ROOT / "streamlit_app.py"),
    routes=serving.ROUTES,
    middleware=serving.MIDDLEWARE,
    lifespan=serving.lifespan,
)
