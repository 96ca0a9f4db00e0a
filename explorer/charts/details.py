"""Learning rate, gradient norm and speed over training, side by side."""

import altair as alt
import pandas as pd

from explorer.charts import theme
from explorer.language import message, say

COLUMNS = {
    "learning_rate": message("learning rate"),
    "grad_norm": message("gradient norm"),
    "tokens_per_second": message("tokens a second"),
}
FORMATS = {"tokens_per_second": "~s"}  # a learning rate of 0.0003 is not called 0.3 m


def create_details_chart(details: pd.DataFrame) -> alt.HConcatChart:
    """details: columns step, learning_rate, grad_norm, tokens_per_second; a few hundred rows."""
    base = alt.Chart(details).mark_line(color=theme.TRAIN).properties(height=130, width=188)
    return alt.hconcat(
        *(
            base.encode(
                x=alt.X("step:Q", title=say("step")),
                y=alt.Y(
                    f"{name}:Q", title=say(title), axis=alt.Axis(format=FORMATS.get(name, "~g"))
                ),
                tooltip=[
                    alt.Tooltip("step:Q", title=say("step")),
                    alt.Tooltip(f"{name}:Q", title=say(title), format=".3g"),
                ],
            )
            for name, title in COLUMNS.items()
        )
    )
