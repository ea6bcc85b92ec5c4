"""What takes longer than a score and comes after it: intervals, subsets, comparison of a board, reference lines."""
