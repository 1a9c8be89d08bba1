"""What the layer returns under an intervention, against the table and the embedding by hand."""

import pytest
import torch

from anzan.layer import ResultTable, SymbolicLayer, TopKSoftmax, intervene

IDS = torch.tensor([[[1, 2, -1], [3, -1, -1], [0, 4, 2]]])


@pytest.mark.parametrize("estimator", [None, TopKSoftmax(2)])
def test_the_named_candidates_are_returned(estimator: torch.nn.Module | None) -> None:
    layer, embedding, scores = SymbolicLayer(estimator), torch.randn(5, 4), torch.randn(2, 3)
    table = ResultTable(IDS)
    with intervene(layer, lambda choice: torch.tensor([2, 1])) as own:
        out = layer(scores, table, embedding)
    torch.testing.assert_close(out.embedded[0], embedding[IDS[0, 2]])
    torch.testing.assert_close(out.embedded[1, 0], embedding[3])
    assert not out.embedded[1, 1:].any()
    assert out.mask.tolist() == [[True, True, True], [True, False, False]]
    torch.testing.assert_close(own[0].log_probs, scores.log_softmax(-1))


def test_without_a_result_there_is_nothing_to_read() -> None:
    layer, embedding = SymbolicLayer(), torch.randn(5, 4)
    with intervene(layer, None) as own:
        out = layer(torch.randn(2, 3), ResultTable(IDS), embedding)
    assert not out.embedded.any() and not out.mask.any() and len(own) == 1


def test_afterwards_the_layer_is_as_it_was() -> None:
    layer, embedding = SymbolicLayer(), torch.randn(5, 4)
    scores = torch.tensor([[-50.0, 0.0, -50.0]])
    with pytest.raises(RuntimeError, match="on purpose"), intervene(layer, None):
        raise RuntimeError("on purpose")
    torch.testing.assert_close(layer(scores, ResultTable(IDS), embedding).embedded[0, 0], embedding[3])
