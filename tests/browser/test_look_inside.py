"""Page 9 in a real Chromium: the induction head is clicked and goes off; a guess is graded."""

import re

from tests.browser.visiting import SOON


def test_the_induction_head_is_seen_in_the_map_and_switched_off(server, visit):
    page = visit.open(server, "look_inside?model=copying").page
    atlas = page.locator(".atlas .base")
    atlas.wait_for(timeout=SOON)
    visit.wait_text("Often misunderstood")
    page.get_by_text("Attention is not explanation").scroll_into_view_if_needed()
    # By score: the page opens with the head that is furthest above an even one.
    visit.wait_text(
        re.compile(r"Head 2\.2 gives 9\d% of its weight to what followed an earlier copy")
    )
    # The map begins at the position that the text has chosen: the last but one of 20.
    visit.wait_text(re.compile(r"Pinned: where position 18 looks"))
    box = atlas.bounding_box()
    right = box["width"] - 20
    for head, y in (("1.2", 0.3 * box["height"]), ("2.2", box["height"] - 20)):
        atlas.click(position={"x": right, "y": y}, force=True)  # what lies above only draws
        visit.wait_text(re.compile(rf"Head {re.escape(head)} (gives|has)"))
    visit.button("Switch 2.2 off").click()
    visit.wait_text(re.compile(r"Without head 2\.2 the loss on this text goes from"))
    assert "look_inside_view=Switch" in page.url
    visit.wait_text("Goes on after the position, without head 2.2")


def test_a_picture_is_saved_and_a_link_opens_the_same_place(server, visit, tmp_path):
    page = visit.open(server, "look_inside?model=copying").page
    text = page.get_by_role("textbox", name="Text to read")
    text.fill("qxbfq</script><img src=x onerror=alert(1)>שלום🙂")
    text.press("Control+Enter")
    visit.wait_text(re.compile("Left out, the training text never had them: '<'"))
    page.locator(".text span[data-at='3']").first.click()
    page.wait_for_url(re.compile("look_inside_position=3"), timeout=SOON)
    page.get_by_role("radio", name="Logit lens", exact=True).click()
    visit.wait_text(re.compile(r"After ‘f’ at position 3 the model says"))
    for kind, begins in (
        ("SVG", b"<svg"),
        ("PNG", b"\x89PNG"),
        ("CSV", b'"row","position","read","says","probability"'),
    ):
        visit.rest()
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).last.click()
        assert download.value.suggested_filename == f"logit-lens.{kind.lower()}"
        assert download.value.path().read_bytes().startswith(begins)
    visit.button("Link to this view").click()
    link = page.locator("[data-testid=stPopoverBody] code").inner_text()
    page.goto(link)
    visit.wait_text(re.compile(r"After ‘f’ at position 3 the model says"))


def test_a_wrong_and_a_right_guess_are_graded_by_switching_every_head_off(server, visit):
    page = visit.open(server, "look_inside?model=copying").page
    guess = page.get_by_placeholder("your guess")
    guess.fill("900")
    guess.press("Enter")
    visit.wait_text("Your answer is noted. Press Switch each off to find out.")
    visit.button("Switch each off, one at a time").click()
    reason = "A head is missed when nothing else carries what it brings."
    visit.wait_grade(False, "You said 900, measured: ", reason)
    said = page.get_by_text("You said 900, measured: ").inner_text()
    spare = re.search(r"measured: (\d+)\.", said).group(1)
    assert 0 <= int(spare) <= 4  # it has two layers of two heads
    guess.fill(spare)
    guess.press("Enter")
    visit.wait_grade(True, f"You said {spare}, measured: {spare}.", reason)
