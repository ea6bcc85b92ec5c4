"""Low-level attributes of images (light, contrast, colour, blur, spatial information) and figure 3 of the paper."""

ATTRIBUTES = ("light", "contrast", "colour", "blur", "si")
EDGE = 512  # pixels of the longest edge at which images of different sizes are compared
# Of the table that `collect` writes.
COLUMNS = ("name", "width", "height", *ATTRIBUTES, *(f"{name}_{EDGE}" for name in ATTRIBUTES), "sha256")
