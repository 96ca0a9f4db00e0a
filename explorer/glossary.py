"""The words of the field, each in one or two sentences, and the page that shows it.

Knows nothing about Streamlit. A term pops up wherever it stands on a page (`components/glossary`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word, what it means, where it is shown (the key of a lesson), and its other forms."""

    name: str
    meaning: str
    page: str
    forms: tuple[str, ...] = ()

    @property
    def all_forms(self) -> tuple[str, ...]:
        return (self.name, *self.forms)


GLOSSARY = [
    # text
    Term("token", "The unit that a model reads and writes: here a character or a piece of a word.",
         "text_to_tokens", ("tokens",)),
    Term("vocabulary", "All tokens that a model knows, each with a number, its id. Its size is V.",
         "text_to_tokens", ("vocabularies",)),
    Term("validation text", "The last tenth of the text. The model never learns from it, so the"
         " loss there says what it really knows.", "text_to_tokens", ("validation split",)),
    Term("training text", "The part of the text from which the model learns.", "text_to_tokens"),
    Term("batch", "Several pieces of text that are learnt from in one step, B of them.",
         "text_to_tokens", ("batches",)),
    Term("context", "The tokens that a model can see when it says what comes next; at most T.",
         "text_to_tokens", ("block size",)),
    # chance and loss
    Term("bigram", "Two tokens in a row. A bigram model says what comes next from the last token"
         " alone.", "bigram", ("bigrams",)),
    Term("loss", "How surprised a model is by the token that really comes: −ln of the probability"
         " it gave it. 0 is never surprised.", "bigram", ("losses", "cross-entropy")),
    Term("validation loss", "The mean loss on text that the model never learnt from.", "bigram"),
    Term("nats", "The unit of a loss with the natural logarithm; one nat is 1.44 bits.", "bigram",
         ("nat",)),
    Term("logits", "One number a token, before softmax: the higher, the likelier the token.",
         "generate", ("logit",)),
    Term("softmax", "Makes positive shares with the sum 1 out of any numbers: each is e to its"
         " power, divided by the sum of all.", "self_attention"),
    Term("probability", "A share between 0 and 1; those of all tokens sum to 1.", "bigram",
         ("probabilities",)),
    Term("entropy", "How spread out probabilities are: 0 if all is on one, largest if even.",
         "multi_head_attention"),
    Term("temperature", "Divides the logits before softmax: below 1 the likely gets likelier, above"
         " 1 all get more alike.", "generate"),
    Term("greedy", "Always taking the likeliest token.", "generate"),
    # attention
    Term("embedding", "The vector of C numbers that stands for a token inside the model.",
         "look_inside", ("embeddings",)),
    Term("query", "What a position is looking for, as a vector.", "self_attention", ("queries",)),
    Term("key", "What a position offers to be found by, as a vector.", "self_attention", ("keys",)),
    Term("value", "What a position hands over when it is looked at, as a vector.",
         "self_attention"),
    Term("self-attention", "Each position takes a weighted mean of the values of positions before"
         " it; the weights come from queries and keys.", "self_attention", ("attention",)),
    Term("mask", "Hides the future: scores of later positions become −∞, so their weight is 0.",
         "self_attention", ("masked", "causal")),
    Term("head", "One attention with queries, keys and values of its own; a layer has several.",
         "multi_head_attention", ("heads",)),
    Term("rotary positions", "Turn queries and keys by an angle that grows with the position, so"
         " that their product tells how far apart they stand.", "since_2017", ("rotary",)),
    # depth
    Term("feed-forward", "Two linear maps with a bend between them: each position thinks by itself"
         " about what it has gathered.", "multi_head_attention"),
    Term("residual path", "x + part(x): a layer adds to what it was given instead of replacing it.",
         "transformer_blocks", ("residual paths", "residual stream")),
    Term("layer norm", "Brings the C numbers of a position to mean 0 and variance 1, then scales"
         " them by learned numbers.", "transformer_blocks", ("layer norms", "pre-norm",
                                                             "post-norm")),
    Term("block", "Attention, then feed-forward, each with a norm and a residual path.",
         "transformer_blocks", ("blocks",)),
    Term("gradient", "For every parameter, how much the loss would change if it changed a little.",
         "transformer_blocks", ("gradients",)),
    # training
    Term("parameters", "The numbers that training adjusts; also called weights.", "train_a_gpt",
         ("parameter",)),
    Term("step", "One update of all parameters, from the gradient on one batch.", "train_a_gpt",
         ("steps",)),
    Term("learning rate", "How far the parameters move in one step.", "train_a_gpt"),
    Term("warm-up", "The first steps, in which the learning rate rises from 0.", "train_a_gpt"),
    Term("dropout", "Sets some numbers to 0 at random while training, so that no part can be relied"
         " on alone.", "train_a_gpt"),
    Term("overfitting", "The training loss falls while the validation loss rises: the model learns"
         " the text by heart.", "train_a_gpt"),
    Term("seed", "The number from which all random draws follow: the same seed, the same run.",
         "train_a_gpt", ("seeds",)),
    Term("snapshot", "The weights as they were at one step of a run.", "train_a_gpt",
         ("snapshots",)),
    Term("checkpoint", "A folder with all weights and settings of a model.", "train_a_gpt",
         ("checkpoints",)),
    Term("FLOPs", "Additions and multiplications: the work that a computation takes.",
         "train_a_gpt", ("FLOP/s",)),
    Term("AdamW", "The usual way to take a step: each parameter has its own pace, from the mean of"
         " its gradients and of their squares.", "train_a_gpt"),
    # since 2017
    Term("ablation", "Switching one part of a model or recipe and leaving the rest, to see what"
         " that part does.", "since_2017", ("ablations",)),
    Term("RMSNorm", "A norm that divides the C numbers of a position by the root of their mean"
         " square, and leaves their mean.", "since_2017"),
    Term("SwiGLU", "A feed-forward with a gate: one half of its hidden numbers says how much of the"
         " other half goes through.", "since_2017"),
    Term("query-key norm", "Queries and keys are brought to one length before they meet, so that"
         " scores stay in bounds.", "since_2017"),
    Term("Muon", "An optimizer that makes the step of a whole matrix about as large in every"
         " direction.", "since_2017"),
    # inside
    Term("KV cache", "Keys and values of the tokens already read, kept so that the next token reads"
         " only itself.", "generate", ("cache",)),
    Term("logit lens", "Reads what the model would say if it stopped after an earlier layer.",
         "look_inside"),
    Term("rollout", "Attention multiplied through all layers: where a path exists from an input to"
         " an output.", "look_inside"),
    Term("induction", "Looking back to what followed an earlier copy of the present token: how a"
         " model repeats what it has just read.", "look_inside"),
]  # fmt: skip

BY_NAME = {term.name: term for term in GLOSSARY}
