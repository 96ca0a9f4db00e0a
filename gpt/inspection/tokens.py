"""What each token of a text costs a model: surprisal in nats, and the measures made of it."""

import math

from torch import Tensor


def token_losses(logits: Tensor, ids: Tensor) -> Tensor:
    """−ln p of every token but the first: logits (B, T, V) and ids (B, T) → (B, T - 1) nats.

    losses[:, i] is what token i + 1 costs, so it is token i + 1 that a picture colours; the last
    logits have no token to be right or wrong about.
    """
    log_p = logits[:, :-1].log_softmax(-1)  # (B, T - 1, V)
    return -log_p.gather(-1, ids[:, 1:, None])[..., 0]


def perplexity(losses: Tensor) -> float:
    """e to the mean loss: among how many equally likely tokens the model would be as unsure.

    Comparable between models of the same tokenizer only.
    """
    return losses.mean().exp().item()


def bits_per_character(losses: Tensor, predicted: str) -> float:
    """All the nats of `losses` in bits, for each character of the text that they predict.

    That text is the tokens but the first; NaN when there are none. Comparable between tokenizers.
    For a character model it is the mean loss / ln 2.
    """
    return losses.sum().item() / math.log(2) / (len(predicted) or math.nan)


def bits_per_byte(losses: Tensor, predicted: str) -> float:
    """The same for each byte of the predicted text in UTF-8."""
    size = len(predicted.encode(errors="surrogatepass"))
    return losses.sum().item() / math.log(2) / (size or math.nan)
