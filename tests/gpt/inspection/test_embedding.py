"""The map of the vocabulary against numpy's decomposition, and neighbours by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import gpt
from tests.gpt.helpers import normal


@pytest.mark.parametrize("shape", [(40, 7), (5, 12), (6, 6)])
def test_the_map_is_numpys_up_to_the_sign(shape):
    vectors = normal(*shape).double() * torch.linspace(1, 3, shape[1]) + 5
    found = gpt.embedding_map(vectors, 3)
    centred = (vectors - vectors.mean(0)).numpy()
    u, s, axes = np.linalg.svd(centred, full_matrices=False)
    expected = (u * s)[:, :3]
    np.testing.assert_allclose(found.points.abs().numpy(), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(found.explained.numpy(), (s**2 / (s**2).sum())[:3], atol=1e-12)
    np.testing.assert_allclose(found.points.numpy(), centred @ found.axes.numpy().T, atol=1e-9)
    np.testing.assert_allclose(found.axes.abs().numpy(), np.abs(axes[:3]), atol=1e-8)


def test_the_farthest_token_is_on_the_positive_side_of_every_axis():
    vectors = normal(30, 8)
    for given in (vectors, -vectors):  # turned around, the map is the same but for its sign
        points = gpt.embedding_map(given, 4).points
        far = points.gather(0, points.abs().argmax(0, keepdim=True))
        assert (far > 0).all()
    torch.testing.assert_close(
        gpt.embedding_map(-vectors).points, gpt.embedding_map(vectors).points
    )


def test_a_map_has_no_more_axes_than_its_vectors():
    assert gpt.embedding_map(normal(9, 1)).points.shape == (9, 1)
    flat = gpt.embedding_map(torch.ones(4, 3))
    assert (flat.points == 0).all() and (flat.explained == 0).all()


def test_neighbours_are_those_with_the_largest_cosine():
    vectors = normal(20, 6)
    ids, cosines = gpt.nearest_tokens(vectors, 4, k=5)
    every = F.cosine_similarity(vectors, vectors[4:5])
    every[4] = -2
    assert torch.equal(ids, every.argsort(descending=True)[:5])
    torch.testing.assert_close(cosines, every[ids])


def test_neighbours_by_hand():
    """Length does not count, only direction; a row of zeros has none."""
    vectors = torch.tensor([[1.0, 0.0], [9.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [0.0, 0.0]])
    ids, cosines = gpt.nearest_tokens(vectors, 0, k=10)
    assert ids[0] == 1 and ids[-1] == 3 and len(ids) == 4
    assert cosines.tolist() == pytest.approx([1, 0, 0, -1])
    with pytest.raises(gpt.GPTError, match="0 to 4, got 5"):
        gpt.nearest_tokens(vectors, 5)
