"""Building an image database: prompts, plan, rendering, attributes, split, release. Knows no Django.

A pure library and `python -m generation ...`. "The paper" is AIGIQA-20K, arXiv 2404.03407.
"""
