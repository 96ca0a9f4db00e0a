"""Browser components: a typed Python wrapper beside the html, css and js files it sends.

`attention_map` draws all heads and one head in detail (of a large model, the detail of one head at
a time: `large_attention_map`), `next_token` the distribution over the next token with its filters,
`token_strip` a text as coloured tokens, `matrices` linked tables of numbers, `save_chart`
saves a chart that Streamlit draws. Each file registers its component once, at import. What they
share: `wire` (bytes and words to the browser), `glyphs` (tokens made visible), `memory` (what the
user chose, kept when the page is left), `shared.js` (words, colours, canvases),
`saving.js` (pictures and tables to keep), `links.js` (one position for all views of a text).
"""
