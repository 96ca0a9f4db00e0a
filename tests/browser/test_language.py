"""The app in Spanish, down to what only the browser says."""

from explorer import language

HINT = "Click a row, or press Enter on it, to choose it; arrow keys move the cell."
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

    # and back: what stands in its HTML is English again, and the choice is kept
    page.get_by_test_id("stSidebar").get_by_role("combobox").last.click()
    page.get_by_role("option", name="English").click()
    matrices.get_by_text("is chosen: click it again to let go.").wait_for()
    assert matrices.locator(".linear").get_attribute("title") == HELP
    assert matrices.locator(".linear").inner_text() == "linear"
    page.wait_for_function("document.documentElement.lang === 'en'")
