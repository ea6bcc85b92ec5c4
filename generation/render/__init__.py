"""Images from prompts, by the text-to-image models of the catalogue. Needs the gpu set (`make gpu`) when it runs.

    with Renderer(read_generators(), Path("weights")) as renderer:
        for batch in batches(requests, 8):
            for image in renderer.render(batch, folder):
                ...

Importing this package imports neither torch nor diffusers; a Renderer does when it draws its first image.
"""

from generation.render.records import Rendered, finished
from generation.render.renderer import Renderer
from generation.render.requests import ImageRequest, batches, check_requests, read_requests

__all__ = ["ImageRequest", "Rendered", "Renderer", "batches", "check_requests", "finished", "read_requests"]
