"""The app in Spanish, down to what only the browser says, and a page done in it."""

import re

from explorer import language
from explorer.panels.question import TRAIN

HINT = "Click a row, or press Enter on it, to choose it; arrow keys move the cell."
REASON = "Un modelo que no sabe nada obtiene ln"
HELP = "colour follows the probability itself"


def test_components_follow_the_language_of_the_page(server, visit):
    spanish = language.catalogue("es")
    page = visit.open(server, "self_attention?language=es").page
    matrices = page.locator(".matrices").first
    matrices.get_by_text(spanish[HINT]).wait_for()
    assert matrices.locator(".linear").get_attribute("title") == spanish[HELP]
    assert page.get_by_text(HINT).count() == 0
    assert page.locator("html").get_attribute("lang") == "es"

    matrices.locator(".grid").first.click()
    chosen = spanish["Row ‘{row}’ is chosen: click it again to let go."].partition("‘")[0]
    matrices.get_by_text(chosen).wait_for()

    page.get_by_test_id("stRadio").locator("[role=radiogroup] label").first.click()  # a prediction
    visit.wait_text(spanish["Your answer is noted. Press {press} to find out."].partition("{")[0])

    # and back: what stands in its HTML is English again, and the choices are kept
    page.get_by_test_id("stSidebar").get_by_role("combobox").last.click()
    page.get_by_role("option", name="English").click()
    matrices.get_by_text("is chosen: click it again to let go.").wait_for()
    assert matrices.locator(".linear").get_attribute("title") == HELP
    assert matrices.locator(".linear").inner_text() == "linear"
    page.wait_for_function("document.documentElement.lang === 'en'")
    visit.wait_text("Your answer is noted")
    assert page.get_by_test_id("stRadio").locator("input:checked").count() == 1
    boxes = page.get_by_test_id("stSidebar").get_by_role("combobox")
    assert boxes.nth(1).input_value() == "Characters"


def test_a_page_is_done_in_spanish_and_graded_in_it(server, visit):
    spanish = language.catalogue("es")
    page = visit.open(server, "bigram?language=es&bigram_max_steps=20").page
    guess = page.get_by_placeholder(spanish["your guess"])
    guess.fill("17")
    guess.press("Enter")
    visit.wait_text(spanish["Your answer is noted. Press {press} to find out."].partition("{")[0])
    visit.rest()
    visit.button(spanish[TRAIN]).click()
    visit.run_id()
    visit.wait_text(spanish["Finished."].strip("*"), timeout=90_000)
    said = spanish["You said {answer:g}, measured: {measured}"].partition("{measured}")[0]
    visit.wait_grade(False, said.format(answer=17), REASON)
    found = page.get_by_text(said.format(answer=17)).inner_text()
    loss = re.search(r": (\d\.\d+)\. ", found).group(1)
    guess.fill(loss)
    guess.press("Enter")
    visit.wait_grade(True, said.format(answer=float(loss)), loss, REASON)
    assert page.get_by_text(re.compile("You said|measured:|Your answer is")).count() == 0
