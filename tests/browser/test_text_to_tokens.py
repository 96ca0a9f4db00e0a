"""Page 1 in a browser: byte pairs learnt live and replayed, a guess graded wrong and right."""

import re

from tests.browser.visiting import SOON


def test_merges_are_learnt_on_the_page_and_replayed_one_by_one(server, visit):
    page = visit.open(server, "text_to_tokens").page
    visit.button("Learn byte pairs").click(timeout=SOON)
    sentence = page.get_by_role("textbox", name="Your sentence")
    sentence.fill("hello 🙂")
    sentence.press("Enter")
    merged = re.compile(r"7 characters, 10 bytes, \d tokens")
    visit.wait_text(merged)
    slider = page.get_by_role("slider", name="Merges replayed")
    slider.press("Home")
    visit.wait_text("No merge yet")
    visit.wait_text("7 characters, 10 bytes, 10 tokens")
    slider.press("ArrowRight")
    visit.wait_text(re.compile(r"Merge 1 of \d+: .* \(counted\)"))
    slider.press("End")
    visit.wait_text(merged)


def test_a_wrong_and_a_right_guess_are_graded_by_a_batch_drawn_now(server, visit):
    guess = visit.open(server, "text_to_tokens").page.get_by_placeholder("your guess")
    for answer, right in (("8", False), ("32", True)):
        guess.fill(answer)
        guess.press("Enter")
        visit.wait_grade(right, f"You said {answer}, measured: 32", "has a target of its own")
