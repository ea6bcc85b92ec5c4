"""The embedded mode: one command that runs the whole site on one machine, with nothing installed beside Python.

`manage.py serve` checks the machine (preflight), makes the secrets, starts the broker, prepares the database, and keeps
web server, scoring worker and scheduler running (supervisor). Production does not use this package: see docker/.
"""
