"""A small database on any machine: prompts about shapes, drawn by the toy model that ships with this program."""
