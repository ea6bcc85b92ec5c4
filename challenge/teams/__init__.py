"""Changes of teams after they were founded: members leave or are removed, links are renewed, two teams become one."""
