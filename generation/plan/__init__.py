"""The hyper-parameter plan: which image is made by which model with which steps, CFG, size, seed and prompt."""
