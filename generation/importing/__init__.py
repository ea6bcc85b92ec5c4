"""Images of services that cannot be run here, brought as files: checked against the plan, stored like drawn ones."""
