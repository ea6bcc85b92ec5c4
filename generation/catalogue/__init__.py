"""The text-to-image models a database is made with: one declarative entry each, in a YAML file."""
