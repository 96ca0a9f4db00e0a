"""The link to a view: it says all that the address says, and it can be read back."""

from urllib.parse import parse_qsl, urlsplit

from streamlit.testing.v1 import AppTest


def app():
    from explorer import lessons
    from explorer.panels.inside.link import link_panel

    link_panel(lessons.BY_KEY["look_inside"])


def test_the_link_holds_the_whole_address():
    at = AppTest.from_function(app)
    asked = {"model": "copying", "look_inside_text": "a&b=c #</b>\n字", "look_inside_head": "2.2"}
    for name, value in asked.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    link = urlsplit(at.code[0].value)
    assert link.path == "/look_inside" and not link.fragment
    assert dict(parse_qsl(link.query)) == asked
