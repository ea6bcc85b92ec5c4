"""The folder to publish: images and what is known of them in common formats, with the hidden scores left out."""
