"""How the class comes in: the address, as a link and as a QR code for the projector."""

import contextlib
import io
import socket
from urllib.parse import urlsplit

import segno
import streamlit as st

from explorer import classroom, variables
from explorer.language import say
from gpt.errors import GPTError

FAR = ("192.0.2.1", 9)  # an address that nobody has (RFC 5737); nothing is sent to it


def join_panel(path: str = "") -> None:
    """Draw the address of this server, for `path` below it, to be read from the last row."""
    address = join_address(path)
    left, right = st.columns([1, 2], gap="large", vertical_alignment="center")
    left.image(qr_code(address), width="stretch", caption=say("Scan to join"))
    with right:
        st.markdown(say("Open this address in a browser on the same network:"))
        st.header(f"`{address}`", anchor=False)  # to be read from the last row
        st.caption(
            say(
                "Everybody gets a workspace of their own at the first visit; nobody signs up."
                " If the address does not answer, the network keeps devices apart, or this server"
                " listens to its own machine only."
            )
        )


def join_address(path: str = "") -> str:
    """Where a browser of the class finds this server: EXPLORER_URL, else as this page was reached,
    with the machine's address in the network where that says "localhost"."""
    with contextlib.suppress(GPTError):
        if told := variables.url():
            return f"{told}/{path}"
    parts = urlsplit(st.context.url or "http://localhost:8501")
    host = parts.hostname or "localhost"
    if host in classroom.LOOPBACK:
        host = _own_address() or host
    port = f":{parts.port}" if parts.port else ""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{parts.scheme or 'http'}://{host}{port}/{base + '/' if base else ''}{path}"


def _own_address() -> str | None:
    """The address of this machine in its network, as the system would send from it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(FAR)
            return str(asked.getsockname()[0])
        except OSError:
            return None


@st.cache_data(max_entries=32, show_spinner=False)
def qr_code(text: str) -> bytes:
    """A PNG of the QR code of `text`, black on white whatever the theme is."""
    image = io.BytesIO()
    segno.make(text, error="m").save(image, kind="png", scale=8, border=3)
    return image.getvalue()
