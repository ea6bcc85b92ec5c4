"""The audit log: one row for every privileged act. Every app that has such acts calls `services.record`."""
