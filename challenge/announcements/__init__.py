"""What the organisers of a challenge announce: pages, a feed, a notice to everybody who takes part."""
