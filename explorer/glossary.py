"""The words of the field, each in one or two sentences, and the page that shows it.

A term pops up wherever it stands on a page (`components/glossary`), in the learner's language.
"""

from dataclasses import dataclass

from explorer.language import message, say


@dataclass(frozen=True)
class Term:
    """A word, where it is shown (the key of a lesson), what it means, and its other forms.

    forms: with a comma and a space between them. A translation may have more or fewer of them.
    """

    name: str
    page: str
    meaning: str
    forms: str = ""

    @property
    def all_forms(self) -> list[str]:
        """The word as it can stand on a page, in the learner's language."""
        return [say(self.name), *(say(self.forms).split(", ") if self.forms else [])]


GLOSSARY = [
    # text
    Term(message("token"), "text_to_tokens",
         message("The unit that a model reads and writes: here a character or a piece of a word."),
         message("tokens")),
    Term(message("vocabulary"), "text_to_tokens",
         message("All tokens that a model knows, each with a number, its id. Its size is V."),
         message("vocabularies")),
    Term(message("validation text"), "text_to_tokens",
         message("The last tenth of the text. The model never learns from it, so the loss there"
                 " says what it really knows."),
         message("validation split")),
    Term(message("training text"), "text_to_tokens",
         message("The part of the text from which the model learns.")),
    Term(message("batch"), "text_to_tokens",
         message("Several pieces of text that are learnt from in one step, B of them."),
         message("batches")),
    Term(message("context"), "text_to_tokens",
         message("The tokens that a model can see when it says what comes next; at most T."),
         message("block size")),
    # chance and loss
    Term(message("bigram"), "bigram",
         message("Two tokens in a row. A bigram model says what comes next from the last token"
                 " alone."),
         message("bigrams")),
    Term(message("loss"), "bigram",
         message("How surprised a model is by the token that really comes: −ln of the probability"
                 " it gave it. 0 is never surprised."),
         message("losses, cross-entropy")),
    Term(message("validation loss"), "bigram",
         message("The mean loss on text that the model never learnt from.")),
    Term(message("nats"), "bigram",
         message("The unit of a loss with the natural logarithm; one nat is 1.44 bits."),
         message("nat")),
    Term(message("logits"), "generate",
         message("One number a token, before softmax: the higher, the likelier the token."),
         message("logit")),
    Term(message("softmax"), "self_attention",
         message("Makes positive shares with the sum 1 out of any numbers: each is e to its"
                 " power, divided by the sum of all.")),
    Term(message("probability"), "bigram",
         message("A share between 0 and 1; those of all tokens sum to 1."),
         message("probabilities")),
    Term(message("entropy"), "multi_head_attention",
         message("How spread out probabilities are: 0 if all is on one, largest if even.")),
    Term(message("temperature"), "generate",
         message("Divides the logits before softmax: below 1 the likely gets likelier, above 1"
                 " all get more alike.")),
    Term(message("greedy"), "generate",
         message("Always taking the likeliest token.")),
    # attention
    Term(message("embedding"), "look_inside",
         message("The vector of C numbers that stands for a token inside the model."),
         message("embeddings")),
    Term(message("query"), "self_attention",
         message("What a position is looking for, as a vector."),
         message("queries")),
    Term(message("key"), "self_attention",
         message("What a position offers to be found by, as a vector."),
         message("keys")),
    Term(message("value"), "self_attention",
         message("What a position hands over when it is looked at, as a vector.")),
    Term(message("self-attention"), "self_attention",
         message("Each position takes a weighted mean of the values of positions before it; the"
                 " weights come from queries and keys."),
         message("attention")),
    Term(message("mask"), "self_attention",
         message("Hides the future: scores of later positions become −∞, so their weight is 0."),
         message("masked, causal")),
    Term(message("head"), "multi_head_attention",
         message("One attention with queries, keys and values of its own; a layer has several."),
         message("heads")),
    Term(message("rotary positions"), "since_2017",
         message("Turn queries and keys by an angle that grows with the position, so that their"
                 " product tells how far apart they stand."),
         message("rotary")),
    # depth
    Term(message("feed-forward"), "multi_head_attention",
         message("Two linear maps with a bend between them: each position thinks by itself about"
                 " what it has gathered.")),
    Term(message("residual path"), "transformer_blocks",
         message("x + part(x): a layer adds to what it was given instead of replacing it."),
         message("residual paths, residual stream")),
    Term(message("layer norm"), "transformer_blocks",
         message("Brings the C numbers of a position to mean 0 and variance 1, then scales them"
                 " by learned numbers."),
         message("layer norms, pre-norm, post-norm")),
    Term(message("block"), "transformer_blocks",
         message("Attention, then feed-forward, each with a norm and a residual path."),
         message("blocks")),
    Term(message("gradient"), "transformer_blocks",
         message("For every parameter, how much the loss would change if it changed a little."),
         message("gradients")),
    # training
    Term(message("parameters"), "train_a_gpt",
         message("The numbers that training adjusts; also called weights."),
         message("parameter")),
    Term(message("step"), "train_a_gpt",
         message("One update of all parameters, from the gradient on one batch."),
         message("steps")),
    Term(message("learning rate"), "train_a_gpt",
         message("How far the parameters move in one step.")),
    Term(message("warm-up"), "train_a_gpt",
         message("The first steps, in which the learning rate rises from 0.")),
    Term(message("dropout"), "train_a_gpt",
         message("Sets some numbers to 0 at random while training, so that no part can be relied"
                 " on alone.")),
    Term(message("overfitting"), "train_a_gpt",
         message("The training loss falls while the validation loss rises: the model learns the"
                 " text by heart.")),
    Term(message("seed"), "train_a_gpt",
         message("The number from which all random draws follow: the same seed, the same run."),
         message("seeds")),
    Term(message("snapshot"), "train_a_gpt",
         message("The weights as they were at one step of a run."),
         message("snapshots")),
    Term(message("checkpoint"), "train_a_gpt",
         message("A folder with all weights and settings of a model."),
         message("checkpoints")),
    Term(message("FLOPs"), "train_a_gpt",
         message("Additions and multiplications: the work that a computation takes."),
         message("FLOP/s")),
    Term(message("AdamW"), "train_a_gpt",
         message("The usual way to take a step: each parameter has its own pace, from the mean of"
                 " its gradients and of their squares.")),
    # since 2017
    Term(message("ablation"), "since_2017",
         message("Switching one part of a model or recipe and leaving the rest, to see what that"
                 " part does."),
         message("ablations")),
    Term(message("RMSNorm"), "since_2017",
         message("A norm that divides the C numbers of a position by the root of their mean"
                 " square, and leaves their mean.")),
    Term(message("SwiGLU"), "since_2017",
         message("A feed-forward with a gate: one half of its hidden numbers says how much of the"
                 " other half goes through.")),
    Term(message("query-key norm"), "since_2017",
         message("Queries and keys are brought to one length before they meet, so that scores"
                 " stay in bounds.")),
    Term(message("Muon"), "since_2017",
         message("An optimizer that makes the step of a whole matrix about as large in every"
                 " direction.")),
    # inside
    Term(message("KV cache"), "generate",
         message("Keys and values of the tokens already read, kept so that the next token reads"
                 " only itself."),
         message("cache")),
    Term(message("logit lens"), "look_inside",
         message("Reads what the model would say if it stopped after an earlier layer.")),
    Term(message("rollout"), "look_inside",
         message("Attention multiplied through all layers: where a path exists from an input to"
                 " an output.")),
    Term(message("induction"), "look_inside",
         message("Looking back to what followed an earlier copy of the present token: how a model"
                 " repeats what it has just read.")),
]  # fmt: skip

BY_NAME = {term.name: term for term in GLOSSARY}
