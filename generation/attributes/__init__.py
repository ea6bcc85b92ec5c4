"""Low-level attributes of images (light, contrast, colour, blur, spatial information) and figure 3 of the paper."""

ATTRIBUTES = ("light", "contrast", "colour", "blur", "si")
EDGE = 512  # pixels of the longest edge at which images of different sizes are compared
