"""The kind of job that runs baseline metrics on the images of a phase and submits what they predict as reference rows,
by the library `scoring.baselines`. Its files, in the job's folder, are those of `python -m scoring baselines run`.
"""
