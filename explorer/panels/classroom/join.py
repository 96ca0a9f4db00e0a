"""How the class comes in: the address, as a link and as a QR code for the projector."""

import contextlib
import io
import socket
from urllib.parse import SplitResult, urlsplit

import segno
import streamlit as st

from explorer import classroom, variables
from explorer.language import say
from gpt.errors import GPTError

OPEN = "streamlit run explorer/class_server.py --server.address 0.0.0.0 --server.headless true"
FAR = ("192.0.2.1", 9)  # an address that nobody has (RFC 5737); nothing is sent to it


def join_panel(path: str = "") -> None:
    """Draw the address of this server, for `path` below it, to be read from the last row."""
    address = join_address(path)
    if _is_shut():
        sentence = say(
            "Nobody else can reach this address: the server listens to its own machine only. Behind"
            " a proxy, set `EXPLORER_URL` to the address that the class uses; otherwise stop the"
            " server and start it so:"
        )
        st.warning(f"{sentence}\n\n```bash\n{OPEN}\n```", icon=":material/lan:")
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
    if told := _told():
        return f"{told}/{path}"
    parts = _reached()
    host = parts.hostname or "localhost"
    if host in classroom.LOOPBACK:
        host = _own_address() or host
    port = f":{parts.port}" if parts.port else ""
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{parts.scheme or 'http'}://{host}{port}/{base + '/' if base else ''}{path}"


def _is_shut() -> bool:
    """Whether the server listens to its own machine only, and no proxy is known to pass others on:
    neither told, nor seen in how this page was reached."""
    own = st.get_option("server.address") in classroom.LOOPBACK
    return own and not _told() and (_reached().hostname or "localhost") in classroom.LOOPBACK


def _told() -> str:
    """EXPLORER_URL; "" where it is not set, or is no address."""
    with contextlib.suppress(GPTError):
        return variables.url()
    return ""


def _reached() -> SplitResult:
    """The address by which the browser reached this page."""
    return urlsplit(st.context.url or "http://localhost:8501")


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
    """A PNG of the QR code of `text`, black on white whatever the theme is. Never a Micro QR code,
    which a short address would fit into: telephones do not read it."""
    image = io.BytesIO()
    segno.make_qr(text, error="m").save(image, kind="png", scale=8, border=3)
    return image.getvalue()
