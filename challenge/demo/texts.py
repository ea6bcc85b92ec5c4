"""Texts of the demo challenge (Markdown)."""

DESCRIPTION = """\
Each image was drawn by one of 15 text-to-image models from a prompt and rated by 21 people on a scale from 0 to 5.
**Predict the mean opinion score (MOS) of each image.**

This is a demonstration on real figures: the 14,000 released training MOS of
[AIGIQA-20K](https://arxiv.org/abs/2404.03407), split 7 : 1 : 2 within each generator. The images themselves are not
included; file names begin with the generator, and that alone already correlates at about 0.71 with the MOS. The
reference row «Generator mean» shows it: a metric that scores below it explains less than the name of the model.

| part | images | MOS |
|---|---|---|
| training | 9,800 | public |
| validation (development phase) | 1,400 | hidden |
| test (final phase) | 2,800 | hidden |

Submissions are scored by SRoCC, KRoCC and PLCC, the last after the five-parameter logistic mapping of equation 4. The
main score is the mean of SRoCC and PLCC.

Teams whose name begins with *Demo* were made with this page; their files use nothing but the public training MOS.
"""

TERMS = """\
1. One account per person, one team per person.
2. Predict from what is on the data page and from other public data; say so where you use any.
3. In this demonstration the «hidden» values are part of a public data set. Looking them up proves nothing.
"""

DEVELOPMENT = """\
Predict the 1,400 validation images. Scores and the fit plot show at once; the board keeps the best score of each team.
"""

FINAL = """\
Predict the 2,800 test images, five times at most: the final ranking comes from this phase.
"""

ANNOUNCEMENT = """\
The development phase shows scores at once and keeps the **best** of each team. The final phase is blind: it shows a
receipt and no score until the organisers open its board, and the submission that your team *chooses* counts.

Ranks that the intervals cannot tell apart are marked on the board. Ask under *Questions* if something is unclear.
"""

COMPUTED = """\
**Nobody has rated these images.** The values to predict are computed, and what the site calls MOS is a PSNR in dB. PSNR
is a poor measure of what people see: these boards show that the machinery runs, and nothing about how well a metric
predicts people.

* *Degradations*: textures that this program draws, blurred, made noisy or compressed by known amounts. The value is the
  PSNR of each image against its original.
* *Toy database*: 80 images that the tiny text-to-image model of this program drew from prompts, half of them with other
  numbers of steps, half with other guidance scales, half with other shapes than the defaults. The value is the PSNR of
  each against the nearest picture that its prompt describes. It falls away from the defaults, as quality does in the
  paper. Metrics that do not read the prompt cannot see whether the shape and its colour are right, so expect little.

The rows «brisque» and «niqe» are real: when this page was made, a worker of this site began to score the images from
the data page with both metrics and submitted what came out, by the road of every submission. Admins see the jobs under
Jobs and can run other metrics in the same way.
"""
