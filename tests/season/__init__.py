"""One whole challenge as its people live it, every number of it computed again by the command line."""
