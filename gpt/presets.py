"""The presets: the rungs of the ladder, each a complete recipe.

Follows Karpathy, "Let's build GPT" (2023) and, for `gpt_mini`, the laptop quick start of his
nanoGPT; `gpt_modern` is this project's own.
"""

from dataclasses import replace

from gpt.config import ModelConfig, Preset, TrainConfig
from gpt.errors import ConfigError, nearest

# The one-layer rungs of the tutorial, before residual paths, norms and projections appear.
_BARE = ModelConfig(
    block_size=8,
    n_embd=32,
    feed_forward=False,
    residual=False,
    norm="none",
    output_projection=False,
    init="tutorial",
)

PRESETS: dict[str, Preset] = {
    p.name: p
    for p in [
        Preset(
            "bigram",
            "Bigram",
            "A table that looks up the next character from the last one alone.",
            ModelConfig(architecture="bigram", block_size=8, init="tutorial"),
            TrainConfig(max_steps=3000, learning_rate=1e-2),
        ),
        Preset(
            "self_attention",
            "One head of self-attention",
            "One attention head of size 32, nothing else.",
            _BARE,
        ),
        Preset(
            "multi_head",
            "Multi-head attention",
            "Four attention heads of size 8 side by side.",
            replace(_BARE, n_head=4),
        ),
        Preset(
            "blocks",
            "Transformer blocks",
            "Three blocks of attention and feed-forward with residual paths and layer norm.",
            ModelConfig(block_size=8, n_embd=32, n_head=4, n_layer=3, init="tutorial"),
        ),
        Preset(
            "gpt_mini",
            "Laptop GPT",
            "Four layers: nanoGPT's quick start for a laptop, a minute or two on two CPU cores.",
            ModelConfig(
                block_size=64,
                n_embd=128,
                n_head=4,
                n_layer=4,
                bias=False,
                activation="gelu",
                tie_weights=True,
            ),
            TrainConfig(
                batch_size=12,
                max_steps=2000,
                learning_rate=1e-3,
                schedule="cosine",
                warmup_steps=100,
                min_learning_rate=1e-4,
                weight_decay=0.1,
                beta2=0.99,
                grad_clip=1.0,
                eval_interval=250,
                eval_iters=20,
            ),
        ),
        Preset(
            "gpt_modern",
            "Modern GPT",
            "Ideas since 2017: a lower loss than the laptop GPT in a sixth of its time.",
            ModelConfig(
                block_size=64,
                n_embd=96,
                n_head=3,
                n_layer=2,
                bias=False,
                activation="swiglu",
                positions="rotary",
                qk_norm=True,
            ),
            TrainConfig(
                batch_size=24,
                max_steps=240,
                learning_rate=5e-3,
                optimizer="muon",
                schedule="linear",
                warmup_steps=10,
                weight_decay=0.1,
                beta2=0.99,
                eval_interval=60,
                eval_iters=5,
            ),
        ),
        Preset(
            "gpt_tutorial",
            "The tutorial's GPT",
            "Six layers of six heads: minutes on a GPU, days on a CPU.",
            ModelConfig(block_size=256, n_embd=384, n_head=6, n_layer=6, dropout=0.2),
            TrainConfig(batch_size=64, learning_rate=3e-4, keep_best=True),
        ),
    ]
}


def get_preset(name: str) -> Preset:
    """Return the preset called `name`; a misspelt name raises ConfigError with the nearest one."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}.{nearest(name, PRESETS)}")
    return PRESETS[name]
