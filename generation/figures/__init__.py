"""Figures 6 and 7 of the paper: opinion scores by generation parameters and by length of the prompt, per model.

`tables` reads images with their opinion scores, `parameters` and `lengths` compute, `drawing` draws. Figure 3, which
needs no opinions, is in `generation.attributes.figure`.
"""
