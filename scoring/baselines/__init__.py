"""The paper's sixteen baseline metrics, run over images of any number; fine-tuning of three; tables 2 and 3.

    from scoring.baselines.run import run_chunk
    run_chunk("niqe", [ImageFile("a.png", Path("images/a.png"))])

`metric` says what a metric is, `registry` which there are, `weights` where their files come from, `run` scores images.
BRISQUE and NIQE need numpy, scipy and Pillow; the others need the gpu set of requirements and weight files.

Contract: importing this package imports none of scipy, Pillow, torch, pyiqa; each is imported when a metric needs it.
"""
