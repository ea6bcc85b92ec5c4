"""Long work that admins start, watch and steer: one framework for generating databases and whatever else takes hours.

A job has a kind (`kinds`), goes through the kind's stages, and a stage is made of items, one row each. `states` says
how a job's state changes, `claims` how workers take batches of items, `worker` what a worker does when it is called,
`reconcile` what happens when it is not.
"""
