"""Page 3 in a real Chromium: a question is answered, a weight is edited, the output follows."""

import re

ROW, COLUMN, NAMES = 35, 58, 50  # height of a row, width of a column and of the names, pixels


def enter(page, row, column, value):
    """Type a value into a cell of the editor, both counted from 1."""
    grid = page.locator("[data-testid=stDataFrame]").first
    grid.scroll_into_view_if_needed()
    grid.click(position={"x": NAMES + COLUMN * (column - 0.5), "y": ROW * (row + 0.5)})
    page.keyboard.press("Enter")
    page.locator("#portal input").fill(value)
    page.keyboard.press("Enter")


def test_an_edited_weight_moves_its_row_and_is_still_there_after_another_page(server, visit):
    page = visit.open(server, "averaging_the_past").page
    visit.wait_text("Often misunderstood")
    visit.wait_text("Each row is an average of the past")
    enter(page, 2, 7, "0.5")
    visit.wait_text(re.compile(r"Row 2 now sees the future: it takes 0\.5 of position 7"))
    visit.wait_text(re.compile(r"Output row 2 is now"))
    # What must not happen: another row that moves.
    assert page.get_by_text(re.compile(r"Output row \d is now")).count() == 1
    page.get_by_text("Make each row sum to 1").click()
    visit.wait_text(re.compile(r"it takes 0\.333 of position 7"))
    page.get_by_role("link", name="Next: 4 Masked self-attention").click()
    visit.wait_text("where does it look?")
    page.get_by_role("link", name="3 Averaging the past").first.click()
    visit.wait_text(re.compile(r"it takes 0\.333 of position 7"))
    visit.button("Start again").click()
    visit.wait_text("Each row is an average of the past")
    page.get_by_text(re.compile("now sees the future")).wait_for(state="hidden")


def test_a_wrong_and_a_right_guess_are_graded_by_an_edit_done_at_once(server, visit):
    visit.open(server, "averaging_the_past")
    reason = "A row of weights makes one row of output"
    visit.answer("all rows")
    visit.wait_grade(False, "You said “all rows”; it is that row only.", "output row 3", reason)
    visit.answer("that row only")
    visit.wait_grade(True, "Yes: that row only.", "output row 3", reason)
