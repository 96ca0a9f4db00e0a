"""Pure chart builders: a DataFrame with documented columns in, an `alt.Chart` out."""

import altair as alt

Layered = alt.LayerChart | alt.FacetChart  # what alt.layer is declared to return
