"""Pictures from outside, drawn anew: what is kept are pixels and nothing else (P49).

Whatever else a file carries (where and when it was taken, by which camera, a thumbnail of before it was cut, text,
another file at its end) is not in the copy. A decoder is the likeliest way in for a hostile file: it is asked for four
formats only, never for more pixels than fit into memory, and in a thread that a queue with an end leads to.
"""

import secrets
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO

from PIL import Image, ImageCms, ImageOps

from auth.threads import Threads

LARGEST_SIDE = 4096
"""Pixels of a kept picture's longer side."""

MOST_PIXELS = 50_000_000
"""Pixels of a picture that is decoded: phones make pictures of that size; they take up to 200 MB for a moment."""

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
MEDIA_TYPES = {"jpg": "image/jpeg", "webp": "image/webp"}
"""What is kept, by the extension of its name: JPEG, or WebP where something shines through."""

# Our own bound is asked before a pixel is decoded; Pillow's would only warn.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture to be kept; `extension` is one of MEDIA_TYPES."""

    content: bytes = field(repr=False)
    extension: str
    width: int
    height: int


class PictureStudio:
    """Draws pictures anew, one at a time. Open one for each process."""

    def __init__(self, *, queue: int = 8) -> None:
        self._threads = Threads("pictures", threads=1, queue=queue)

    async def draw(self, content: bytes) -> Drawn | None:
        """The picture in a file's bytes; None where there is none that can be shown. Raises Busy."""
        return await self._threads.run(partial(drawn, content))

    def close(self) -> None:
        self._threads.close()


def new_name(extension: str) -> str:
    """A name that nobody guesses and that no other file has: 128 random bits."""
    return f"{secrets.token_hex(16)}.{extension}"


def drawn(content: bytes) -> Drawn | None:
    """The picture anew, upright, in sRGB, at most LARGEST_SIDE long; of a moving one, its first frame."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            image.draft(None, (LARGEST_SIDE, LARGEST_SIDE))  # of a large JPEG, fewer pixels are decoded
            image.load()
            return _encoded(_pixels(image))
    except Exception:  # noqa: BLE001  # a hostile file makes a decoder raise anything, and all of it is the file's fault
        return None


def _pixels(image: Image.Image) -> Image.Image:
    """An image with nothing beside its pixels, in RGB or, where something shines through, in RGBA."""
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    shines_through = upright.has_transparency_data
    mode = "RGBA" if shines_through else "RGB"
    coloured = _in_srgb(_of_eight_bits(upright), mode)
    clean = Image.new(mode, coloured.size)
    clean.paste(coloured)
    if shines_through and clean.getchannel("A").getextrema() == (255, 255):
        return clean.convert("RGB")
    return clean


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of sixteen bits made eight; Pillow's own conversion would clip it to white."""
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")


def _in_srgb(image: Image.Image, mode: str) -> Image.Image:
    """The colours that the file's profile means, which is not kept."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in {"RGB", "RGBA", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            found = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError):
            found = None
        if found is not None:
            return found
    return image.convert(mode)


def _encoded(image: Image.Image) -> Drawn:
    out, extension = BytesIO(), "jpg" if image.mode == "RGB" else "webp"
    if extension == "jpg":
        image.save(out, "JPEG", quality=88, optimize=True, progressive=True)
    else:
        image.save(out, "WEBP", quality=90, method=4)
    return Drawn(out.getvalue(), extension, image.width, image.height)
