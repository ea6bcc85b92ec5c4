"""Building an image database: prompts, plan, rendering, release. Knows no Django."""
