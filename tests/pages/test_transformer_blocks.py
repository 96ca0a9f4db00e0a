from tests.pages.bench import bench, by_key, said  # noqa: F401

PAGE = "transformer_blocks"


def test_the_gradient_picture_waits_for_a_guess(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert "goes through 3 blocks" in said(at) and "one forward and one backward" not in said(at)
    assert not at.error and not at.warning
    by_key(at.radio, f"{PAGE}.answer.gradient").set_value("over 1,000 times shorter").run()
    assert not at.exception
    assert any("Yes: **over 1,000 times shorter**" in s.value for s in at.success)
    assert "one forward and one backward pass on 32 windows of 8 tokens" in said(at)


def test_a_wrong_guess_is_graded_by_the_measurement(bench):  # noqa: F811
    at = bench.open(PAGE)
    guess = "about as long (within 3 times)"
    by_key(at.radio, f"{PAGE}.answer.gradient").set_value(guess).run()
    assert any("it is **over 1,000 times shorter**" in w.value for w in at.warning)


def test_a_teacher_can_skip_the_guess(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.toggle, f"{PAGE}_skip").set_value(True).run()
    assert not at.exception and "It is: **over 1,000 times shorter**" in said(at)


def test_layer_norm_by_hand_equals_pytorchs(bench):  # noqa: F811
    at = bench.open(PAGE)
    table = next(d.value for d in at.dataframe if "nn.LayerNorm" in d.value.columns)
    assert len(table) == 32
    assert (table["by hand"].astype(float) - table["nn.LayerNorm"].astype(float)).abs().max() < 1e-4
    by_key(at.selectbox, f"{PAGE}_norm_shown").set_value("final_norm").run()
    assert not at.exception


def test_without_a_norm_there_is_nothing_to_compute_and_the_page_says_so(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.selectbox, f"{PAGE}_norm").set_value("none").run()
    assert not at.exception and "This model has no layer norm" in said(at)


def test_one_press_trains_every_variant_once(bench):  # noqa: F811
    at = bench.open(PAGE)
    by_key(at.button, f"{PAGE}_variants").click().run()
    assert not at.exception
    made = [run.spec()["model"] for run in bench.store.list()]
    assert [(m["residual"], m["norm"]) for m in made] == [
        (True, "pre"),
        (True, "none"),
        (False, "pre"),
        (False, "none"),
    ]
    assert bench.executor.submitted == [run.id for run in bench.store.list()]
    button = by_key(at.button, f"{PAGE}_variants")
    assert button.disabled and button.label == "All variants are trained"


def test_what_is_set_is_one_of_the_four_variants(bench):  # noqa: F811
    """Without residual path and norm, the variants are the ways to put them back."""
    at = bench.open(PAGE)
    by_key(at.toggle, f"{PAGE}_residual").set_value(False)
    by_key(at.selectbox, f"{PAGE}_norm").set_value("none").run()
    button = by_key(at.button, f"{PAGE}_variants")
    assert button.label == "Train 4 variants"
    assert "no residual path, no norm (as set); residual path, norm pre" in button.help


def test_a_finished_run_is_shown_measured_and_compared(bench):  # noqa: F811
    bench.train(PAGE, "blocks", residual=False, norm="none")
    run = bench.train(PAGE, "blocks")
    at = bench.open(PAGE, run=run.id)
    by_key(at.toggle, f"{PAGE}_skip").set_value(True).run()
    assert not at.exception and "your run, after 12 steps" in said(at)
    chooser = next(s for s in at.selectbox if s.label == "Run that this page shows")
    assert chooser.options == ["1: residual off, norm none", "2: residual on, norm pre"]
    assert by_key(at.number_input, f"{PAGE}.answer.loss").value is None
    assert any(i.value.startswith("Measured: **") for i in at.info)


def test_a_run_of_this_page_can_be_taken_home(bench):  # noqa: F811
    at = bench.open(PAGE)
    assert not at.get("download_button") and "can be taken home" in said(at)
    run = bench.train(PAGE, "blocks")
    labels = {b.label for b in bench.open(PAGE, run=run.id).get("download_button")}
    assert labels >= {"Program (.py)", "Notebook (.ipynb)", "Receipt (JSON)"}
