"""The kind of job that fine-tunes a baseline metric on public MOS, several times, and submits what each repeat predicts
for a phase as a reference row, by the library `scoring.baselines.finetune`. Its files are those of `python -m scoring
baselines finetune`.
"""
