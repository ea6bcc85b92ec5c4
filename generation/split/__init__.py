"""Train, validation and test sets that share no prompt, and how much an existing split leaks."""
