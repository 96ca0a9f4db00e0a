"""The registry: the only list of pages, in the order of the course.

A new page is one file in `pages/` and one line here. Titles and ideas are said in
the learner's language where they are shown.
"""

from dataclasses import dataclass

from explorer.language import message, say


@dataclass(frozen=True)
class Lesson:
    """One page. `key` is the name of its file, its address, and the prefix of what it remembers.

    (File and address have one name because Streamlit also discovers the folder `pages/` by itself,
    and would call any other address unknown before the router has spoken.)
    """

    key: str
    number: int
    title: str
    icon: str
    idea: str  # the one idea it adds, for the map on Home
    preset: str | None = None  # the rung that it trains

    @property
    def file(self) -> str:
        return f"pages/{self.key}.py"

    @property
    def headline(self) -> str:
        """What stands at the top of the page."""
        return say("GPT from scratch") if self.key == "home" else self.heading

    @property
    def heading(self) -> str:
        return f"{self.number} {say(self.title)}" if self.number else say(self.title)


HOME = Lesson("home", 0, message("Home"), ":material/home:", message("Where you are on the ladder"))

LESSONS = [
    Lesson(
        "text_to_tokens",
        1,
        message("Text to tokens"),
        ":material/text_fields:",
        message("A text becomes numbers, and numbers become examples."),
    ),
    Lesson(
        "bigram",
        2,
        message("Bigram"),
        ":material/table_chart:",
        message("The next character depends on the last one alone."),
        "bigram",
    ),
    Lesson(
        "averaging_the_past",
        3,
        message("Averaging the past"),
        ":material/change_history:",
        message("One matrix product gives every position the average of its past."),
    ),
    Lesson(
        "self_attention",
        4,
        message("Masked self-attention"),
        ":material/filter_center_focus:",
        message("Every position chooses where in the past to look."),
        "self_attention",
    ),
    Lesson(
        "multi_head_attention",
        5,
        message("Multi-head attention"),
        ":material/dashboard:",
        message("Several heads look for several things at once."),
        "multi_head",
    ),
    Lesson(
        "transformer_blocks",
        6,
        message("Transformer blocks"),
        ":material/layers:",
        message("Feed-forward, residual paths and norms make depth trainable."),
        "blocks",
    ),
    Lesson(
        "train_a_gpt",
        7,
        message("Train a GPT"),
        ":material/model_training:",
        message("The same network, larger: every setting is yours."),
        "gpt_mini",
    ),
    Lesson(
        "generate",
        8,
        message("Generate"),
        ":material/edit_note:",
        message("From scores to text: temperature, top-k, top-p."),
    ),
    Lesson(
        "look_inside",
        9,
        message("Look inside"),
        ":material/search:",
        message("What every part of a trained network does with your text."),
    ),
    Lesson(
        "the_ladder",
        10,
        message("The ladder and comparisons"),
        ":material/stairs:",
        message("All rungs on one text: what does each idea gain?"),
    ),
    Lesson(
        "scaling",
        11,
        message("Scaling"),
        ":material/trending_down:",
        message(
            "The best size for a budget, and a law that says what a size not trained will reach."
        ),
    ),
    Lesson(
        "since_2017",
        12,
        message("Since 2017"),
        ":material/rocket_launch:",
        message("Newer parts, one switch each: what each gains, and the race."),
    ),
]

LABORATORY = ("gpt_mini", "gpt_modern", "gpt_tutorial")  # what a run of page 7 may begin from

# Only on a shared server, after the course; not a lesson, so no list of lessons has it.
CLASS = Lesson(
    "class_page", 0, message("The class"), ":material/groups:", message("Who trains what")
)

BY_KEY = {lesson.key: lesson for lesson in [HOME, *LESSONS]}


def after(lesson: Lesson) -> Lesson | None:
    """The lesson that comes next, or None after the last."""
    place = LESSONS.index(lesson) + 1
    return LESSONS[place] if place < len(LESSONS) else None


def before(lesson: Lesson) -> Lesson | None:
    """The nearest earlier lesson that trains a rung, or None."""
    earlier = [other for other in LESSONS[: LESSONS.index(lesson)] if other.preset]
    return earlier[-1] if earlier else None
