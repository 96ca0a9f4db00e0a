"""Page 8 in a real Chromium: what becomes of a greedy text is guessed, written and graded."""

from explorer.panels.contest import CHOICES, REPEATS
from tests.browser.visiting import SOON


def test_a_guess_about_greedy_text_is_graded_by_two_texts_written_now(server, visit):
    page = visit.open(server, "generate").page
    wrong = CHOICES[0]
    visit.answer(wrong)
    visit.wait_text("Your answer is noted. Press Write both to find out.")
    assert page.get_by_text("You said “").count() == 0, "graded before anything was written"
    visit.button("Write both").click()
    reason = "The most probable token leads to the most probable next one"
    visit.wait_grade(False, f"You said “{wrong}”; it is {REPEATS}.", reason)
    page.get_by_text("pieces occur for the first time (counted)").nth(1).wait_for(timeout=SOON)
    visit.answer(REPEATS)
    visit.wait_grade(True, f"Yes: {REPEATS}.", reason)
