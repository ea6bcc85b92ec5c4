"""The kind of job that builds a database: prompts, plan, images, attributes, split, release, by the `generation`
library. Its files, in the job's folder, are those of the library's commands, so a job can be taken up on the command
line: `docs/jobs.md` lists them.
"""
