"""Pure chart builders: a DataFrame with documented columns in, an `alt.Chart` out."""
