"""Accounts in place of links, with a real OpenID Connect provider, which believes everybody."""

import json
import re
import subprocess
import sys
import time
import urllib.request

import pytest

from explorer.classroom import members
from tests.browser.serving import ROOT, free_port, measured, serve
from tests.browser.visiting import SOON, Visit

SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "explorer"
client_secret = "of the explorer"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture
def provider():
    """The address of a provider with two accounts."""
    port = free_port()
    program = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen([*program, "--user", "ann", "--user", "ben"]) as process:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=5)
                break
            except OSError:
                assert time.monotonic() < until, "the provider does not answer"
                time.sleep(0.1)
        yield address
        process.terminate()


def sign_in(visit, name):
    visit.button("Sign in").click(timeout=SOON)
    visit.page.get_by_role("button", name=name, exact=True).click(timeout=SOON)
    visit.wait_text("Often misunderstood")
    visit.trouble.clear()  # the provider's own page fetches a style sheet from elsewhere


def test_an_account_is_the_workspace_and_comes_back_to_its_page(browser, tmp_path, provider):
    runs, secrets = measured(tmp_path / "runs"), tmp_path / "secrets.toml"
    settings = {"EXPLORER_RUNS": str(runs), "STREAMLIT_SECRETS_FILES": str(secrets)}
    port = free_port()
    secrets.write_text(SECRETS.format(port=port, provider=provider))
    with serve("explorer/class_server.py", ROOT, tmp_path / "log", port, **settings) as server:
        address = "bigram?bigram_max_steps=500"
        ann = Visit(browser).open(server, address)
        assert ann.page.get_by_text("Train it").count() == 0, "nothing is drawn before the sign-in"
        sign_in(ann, "ann")
        ann.page.wait_for_url(f"**/{address}", timeout=SOON)
        ann.button("Train").click(timeout=SOON)
        run_id = ann.run_id()
        own = members.id_of(members.account_key(provider, "ann"))
        assert json.loads((runs / run_id / "run.json").read_text())["learner"] == own
        assert members.read(runs, own).title == "ann"
        ann.wait_text("Finished.")

        ann.button("Your workspace").click()
        ann.button("Sign out").click()
        ann.page.wait_for_url(re.compile(re.escape(provider)), timeout=SOON)
        ann.leave()
        ben = Visit(browser).open(server, f"bigram?run={run_id}")
        sign_in(ben, "ben")
        ben.wait_text("This run belongs to somebody else")
        ben.close()
