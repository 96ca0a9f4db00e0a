"""The sentences about a curve: each for its curve, and none for a healthy one."""

from explorer.notices import notices

KNOWS_NOTHING = 4.17


def curve(train: list[float | None], val: list[float | None]) -> list[dict]:
    return [
        {"step": 100 * i, "train_loss": t, "val_loss": v}
        for i, (t, v) in enumerate(zip(train, val, strict=True))
    ]


def test_a_healthy_curve_needs_no_words():
    falling = [4.2, 3.0, 2.6, 2.4, 2.3, 2.2, 2.1, 2.0]
    assert notices(curve(falling, falling), KNOWS_NOTHING, 1e-3) == []


def test_overfitting_names_the_best_step():
    said = notices(curve([4.2, 2.0, 1.5, 1.0], [4.2, 2.2, 2.4, 2.7]), KNOWS_NOTHING, 1e-3)
    assert len(said) == 1
    assert "Overfitting since step 100" in said[0]
    assert "2.200 to 2.700" in said[0]


def test_noise_is_not_called_overfitting():
    assert notices(curve([4.2, 2.0, 1.99], [4.2, 2.200, 2.205]), KNOWS_NOTHING, 1e-3) == []


def test_an_explosion_names_the_learning_rate():
    said = notices(curve([4.2, 40.0], [4.2, 41.0]), KNOWS_NOTHING, 10.0)
    assert "step 100, to 40.00: a model which knows nothing has 4.17" in said[0]
    assert "learning rate, 10:" in said[0]


def test_not_a_number_counts_as_explosion():
    (said,) = notices(curve([4.2, None], [4.2, None]), KNOWS_NOTHING, 1.0)
    assert "not a number by step 100" in said and "learning rate" in said


def test_a_bad_start_alone_is_no_explosion():
    assert notices(curve([9.0, 4.0, 3.0], [9.0, 4.0, 3.0]), KNOWS_NOTHING, 1e-3) == []


def test_a_plateau_names_where_it_began():
    flat = [4.2, 2.5, 2.49, 2.49, 2.49, 2.49, 2.49]
    said = notices(curve(flat, flat), KNOWS_NOTHING, 1e-3)
    assert said == [
        "No longer improving: none of the last 4 validation losses is below 2.490, that of step"
        " 200."
    ]


def test_a_loss_that_falls_at_each_estimate_is_not_called_at_rest():
    slow = [4.2, 2.5, 2.498, 2.496, 2.494, 2.492, 2.491]
    (said,) = notices(curve(slow, slow), KNOWS_NOTHING, 1e-3)
    assert said.startswith("Hardly improving: none of the last 4 validation losses is 0.01 below")


def test_a_few_estimates_are_no_plateau():
    flat = [4.2, 2.5, 2.5, 2.5, 2.5]
    assert notices(curve(flat, flat), KNOWS_NOTHING, 1e-3) == []


def test_a_training_loss_that_is_no_number_is_not_called_falling():
    (said,) = notices(curve([4.2, 2.2, 2.0, None], [4.2, 2.2, 2.0, 2.5]), KNOWS_NOTHING, 1.0)
    assert "not a number by step 300" in said


def test_a_loss_that_rose_is_not_said_to_stay_near_its_best():
    up = [4.2, 2.5, 2.9, 2.9, 2.8, 2.9, 2.9]
    (said,) = notices(curve(up, up), KNOWS_NOTHING, 1e-3)
    assert "below 2.500, that of step 100" in said
