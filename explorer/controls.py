"""The controls of the settings: what each is called, what it does, and which page has which."""

from dataclasses import dataclass
from typing import Any

from explorer.language import message


@dataclass(frozen=True)
class Control:
    """How one field is set: its values, or None for a switch. Label and help are said later."""

    label: str
    help: str
    values: tuple[Any, ...] | None = None


CONTROLS = {
    "learning_rate": Control(
        message("Learning rate"),
        message(
            "How far each step moves the weights. Too small: slow. Too large: the loss explodes."
        ),
        (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0, 10.0),
    ),
    "max_steps": Control(
        message("Steps"),
        message(
            "Optimizer updates. More steps, lower loss, until the model has learnt what it can."
        ),
        (100, 200, 500, 1000, 2000, 3000, 5000, 10_000, 20_000),
    ),
    "batch_size": Control(
        message("Batch size (B)"),
        message("Windows of text per step. Larger: smoother gradient, slower step."),
        (1, 2, 4, 8, 12, 16, 24, 32, 64, 128),
    ),
    "block_size": Control(
        message("Context (T, block_size)"),
        message("How many tokens back the model can look. Attention's cost grows with it."),
        (1, 2, 4, 8, 16, 32, 64, 128, 256),
    ),
    "n_embd": Control(
        message("Width (C, n_embd)"),
        message("Numbers that stand for one token. Must be divisible by the number of heads."),
        (8, 16, 32, 48, 64, 96, 128, 192, 256, 384),
    ),
    "n_head": Control(
        message("Heads (H, n_head)"),
        message("Attention heads side by side; each gets n_embd / n_head numbers."),
        (1, 2, 3, 4, 6, 8, 12, 16),
    ),
    "n_layer": Control(
        message("Layers (L, n_layer)"),
        message("Blocks, one after the other."),
        (1, 2, 3, 4, 5, 6, 8, 12),
    ),
    "dropout": Control(
        message("Dropout"),
        message(
            "Share of activations set to zero at random in training: helps against overfitting."
        ),
        (0.0, 0.1, 0.2, 0.3, 0.5),
    ),
    "eval_interval": Control(
        message("Measure every … steps"),
        message("How often both losses are estimated and a sample is written."),
        (50, 100, 250, 500, 1000),
    ),
    "eval_iters": Control(
        message("Batches per measurement"),
        message("More batches: a steadier estimate that takes longer."),
        (5, 10, 20, 50, 100, 200),
    ),
    "weight_decay": Control(
        message("Weight decay"),
        message("Pulls the weights towards zero at every step."),
        (0.0, 0.01, 0.03, 0.1, 0.3),
    ),
    "warmup_steps": Control(
        message("Warm-up steps"),
        message(
            "The learning rate rises from zero over so many steps, while Adam learns its scales."
        ),
        (0, 20, 50, 100, 200, 500),
    ),
    "grad_clip": Control(
        message("Gradient clipping"),
        message("Longest gradient allowed; 0 means no limit. Tames single bad batches."),
        (0.0, 0.1, 0.5, 1.0, 5.0),
    ),
    "patience": Control(
        message("Early stop after …"),
        message("Stop after so many measurements without a better validation loss; 0 means never."),
        (0, 2, 3, 5, 10),
    ),
    "schedule": Control(
        message("Learning rate over time"),
        message(
            "constant, or falling to the lowest learning rate along half a cosine or a straight"
            " line."
        ),
        ("constant", "cosine", "linear"),
    ),
    "min_learning_rate": Control(
        message("Lowest learning rate"),
        message("Where the cosine or the line ends. A tenth of the learning rate is usual."),
        (0.0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
    ),
    "beta1": Control(
        message("Momentum (β₁)"),
        message(
            "AdamW averages about 1/(1 − β₁) gradients for its direction: 0.9 means about ten."
        ),
        (0.0, 0.5, 0.8, 0.9, 0.95, 0.99),
    ),
    "beta2": Control(
        message("Scale memory (β₂)"),
        message(
            "AdamW divides each step by the usual size of that gradient, averaged over about 1/(1"
            " − β₂)"
            " steps."
        ),
        (0.9, 0.95, 0.98, 0.99, 0.999),
    ),
    "feed_forward_multiple": Control(
        message("Feed-forward width"),
        message("Hidden numbers, in multiples of n_embd; 0 is one linear map and the bend."),
        (0, 1, 2, 4, 8),
    ),
    "attention_scale": Control(
        message("Scale scores by"),
        message(
            "1/√head_size keeps their variance near 1. 1/√n_embd is a slip found in copies of the"
            " tutorial. none: softmax saturates."
        ),
        ("head_size", "n_embd", "none"),
    ),
    "norm": Control(
        message("Layer norm"),
        message("Before each part (pre, as in GPT-2), after it (post, as in 2017), or none."),
        ("pre", "post", "none"),
    ),
    "norm_kind": Control(
        message("Kind of norm"),
        message(
            "layer: subtract the mean, divide by the spread. rms: only divide, as newer models do."
        ),
        ("layer", "rms"),
    ),
    "activation": Control(
        message("Activation"),
        message(
            "The bend in the feed-forward network. gelu_tanh is GPT-2's formula for gelu;"
            " relu_squared"
            " and swiglu came later."
        ),
        ("relu", "gelu", "gelu_tanh", "relu_squared", "swiglu"),
    ),
    "qk_norm": Control(
        message("Query-key norm"),
        message(
            "Queries and keys are brought to one length before they meet: scores cannot explode."
        ),
    ),
    "n_kv_head": Control(
        message("Heads of keys and values"),
        message(
            "Each is shared by a group of heads (grouped-query attention): a smaller cache. 0: one"
            " for"
            " every head."
        ),
        (0, 1, 2, 3, 4, 6, 8),
    ),
    "precision": Control(
        message("Precision of products"),
        message(
            "Matrix products in float32, or with inputs rounded to bfloat16: several times faster"
            " where"
            " the hardware has it, the loss differs in the third digit. auto takes it there."
        ),
        ("auto", "float32", "bfloat16"),
    ),
    "optimizer": Control(
        message("Optimizer"),
        message(
            "adamw; or muon, which makes the steps of the blocks' matrices equally large in all"
            " directions."
        ),
        ("adamw", "muon"),
    ),
    "init": Control(
        message("Weights at the start"),
        message("gpt2: small, so that the first loss is near ln V. tutorial: PyTorch's defaults."),
        ("gpt2", "tutorial"),
    ),
    "positions": Control(
        message("Positions"),
        message(
            "learned: a vector for each. rotary: queries and keys are turned by their position."
            " none."
        ),
        ("learned", "rotary", "none"),
    ),
    "residual": Control(message("Residual path"), message("Add each part's output to its input.")),
    "feed_forward": Control(
        message("Feed-forward"), message("A small network on each position after attention.")
    ),
    "bias": Control(
        message("Biases"),
        message("A learned offset in linear maps and norms. GPT-2 had them; most models do not."),
    ),
    "qkv_bias": Control(
        message("Biases on queries, keys, values"),
        message("A learned offset for each of them too, as GPT-2 has it."),
    ),
    "read_out_bias": Control(
        message("Bias on the read-out"),
        message(
            "A learned offset for the score of each token, where biases are on. GPT-2 has none."
        ),
    ),
    "tie_weights": Control(
        message("Tie embedding and read-out"),
        message("One matrix turns tokens into vectors and vectors into scores: fewer parameters."),
    ),
    "causal": Control(
        message("Causal mask"),
        message("Hides the future. Off: the model sees the answer and cheats."),
    ),
    "keep_best": Control(
        message("Keep the best"), message("At the end, go back to the best validation loss.")
    ),
    "seed": Control(
        message("Seed"), message("Decides the first weights, the batches and the samples.")
    ),
}

GROUPS = {  # of the laboratory, page 7
    message("Size"): ["n_layer", "n_head", "n_embd", "block_size"],
    message("Training"): [
        "batch_size",
        "learning_rate",
        "seed",
        "eval_interval",
        "eval_iters",
        "precision",
    ],
    message("Schedule"): [
        *("optimizer", "schedule", "warmup_steps", "min_learning_rate"),
        *("grad_clip", "beta1", "beta2"),
    ],
    message("Regularisation"): ["dropout", "weight_decay", "patience", "keep_best"],
    message("Parts"): [
        *("norm", "norm_kind", "activation", "positions", "attention_scale", "init"),
        *("feed_forward_multiple", "n_kv_head"),
        *("qk_norm", "residual", "feed_forward", "tie_weights"),
        *("bias", "qkv_bias", "read_out_bias"),
    ],
}
OF_PAGE = {
    "bigram": ("max_steps", "learning_rate", "batch_size", "init"),
    "self_attention": (
        *("n_embd", "block_size", "attention_scale", "positions", "causal"),
        *("max_steps", "learning_rate"),
    ),
    "multi_head_attention": (
        *("n_head", "n_embd", "block_size", "seed"),
        *("feed_forward", "attention_scale", "max_steps", "learning_rate"),
    ),
    "transformer_blocks": (
        *("n_layer", "norm", "init", "residual", "max_steps", "learning_rate"),
        *("n_head", "n_embd", "block_size", "activation", "dropout"),
    ),
    "train_a_gpt": ("max_steps", *(name for names in GROUPS.values() for name in names)),
}
