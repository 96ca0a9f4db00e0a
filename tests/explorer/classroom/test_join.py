"""How the class comes in: the address, its QR code, and a warning where nobody can come in."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import segno
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.panels.classroom import join

ROOT = Path(__file__).parents[3]
OWN = "192.168.1.20"


@pytest.fixture
def server(monkeypatch):
    """Set how the server was started and how the page was reached."""
    monkeypatch.delenv("EXPLORER_URL", raising=False)
    monkeypatch.setattr(join, "_own_address", lambda: OWN)
    known = st.get_option

    def start(url="http://localhost:8501/class_page", address="0.0.0.0", base=""):
        options = {"server.address": address, "server.baseUrlPath": base}
        monkeypatch.setattr(st, "get_option", lambda name: options.get(name, known(name)))
        monkeypatch.setattr(st, "context", SimpleNamespace(url=url))

    return start


@pytest.mark.parametrize(
    ("url", "base", "address"),
    [
        ("http://localhost:8501/class_page", "", f"http://{OWN}:8501/?run=1"),
        ("http://127.0.0.1:8600/", "", f"http://{OWN}:8600/?run=1"),
        ("http://[::1]:8501/", "", f"http://{OWN}:8501/?run=1"),
        ("http://localhost:8501/gpt/class_page", "/gpt/", f"http://{OWN}:8501/gpt/?run=1"),
        ("https://gpt.school.example/class_page", "", "https://gpt.school.example/?run=1"),
        (None, "", f"http://{OWN}:8501/?run=1"),
    ],
)
def test_the_class_finds_the_server_where_this_page_was_found(server, url, base, address):
    server(url, base=base)
    assert join.join_address("?run=1") == address


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("https://gpt.school.example/", "https://gpt.school.example/bigram"),
        ("http://10.0.0.7:8080/gpt", "http://10.0.0.7:8080/gpt/bigram"),
        ("no address", f"http://{OWN}:8501/bigram"),
    ],
)
def test_what_the_variable_says_goes_first_if_it_is_an_address(server, monkeypatch, told, address):
    server()
    monkeypatch.setenv("EXPLORER_URL", told)
    assert join.join_address("bigram") == address


def test_a_machine_without_a_network_keeps_its_own_name(server, monkeypatch):
    server()
    monkeypatch.setattr(join, "_own_address", lambda: None)
    assert join.join_address() == "http://localhost:8501/"


def panel():
    from explorer.panels.classroom import join

    join.join_panel()


@pytest.mark.parametrize(
    ("url", "address", "told", "shut"),
    [
        ("http://localhost:8501/", "localhost", "", True),
        (None, "127.0.0.1", "", True),
        ("http://localhost:8501/", "::1", "no address", True),
        ("http://localhost:8501/", "0.0.0.0", "", False),
        (f"http://{OWN}:8501/", None, "", False),
        ("http://localhost:8501/", "localhost", "https://gpt.school.example", False),
        ("https://gpt.school.example/", "localhost", "", False),  # through a proxy
    ],
)
def test_who_cannot_be_reached_is_told_the_command(server, monkeypatch, url, address, told, shut):
    server(url, address)
    monkeypatch.setenv("EXPLORER_URL", told)
    at = AppTest.from_function(panel).run()
    assert not at.exception
    assert at.header[0].value == f"`{join.join_address()}`", "the address stays"
    assert [join.OPEN in warning.value for warning in at.warning] == [True] * shut


@pytest.mark.parametrize("name", ["README.md", "explorer/OPERATIONS.md"])
def test_the_command_is_the_one_that_is_documented(name):
    assert f"\n{join.OPEN}\n" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [f"http://{OWN}:8501/", "http://gpt/"])
def test_the_code_is_a_picture_of_the_address(text):
    """Square by square; the short one would fit into a Micro QR code, which no telephone reads."""
    image = np.array(Image.open(io.BytesIO(join.qr_code(text))).convert("L"))
    dark = image[4::8, 4::8] < 128  # the middle of each square
    assert dark[3:-3, 3:-3].tolist() == [
        [bool(square) for square in row] for row in segno.make_qr(text, error="m").matrix
    ]
    frame = dark.copy()
    frame[3:-3, 3:-3] = False
    assert not frame.any()
