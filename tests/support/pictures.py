"""Files that pretend to be pictures, and pictures with more in them than is seen."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

CANARY = "canary: taken at 40.7128 N 74.0060 W"
RED, BLUE = (200, 30, 30), (20, 20, 220)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def two_colours(width: int = 64, height: int = 32, mode: str = "RGB") -> Image.Image:
    """Red to the left, blue to the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image.convert(mode)


def photograph(orientation: int = 1) -> bytes:
    """A JPEG that says where it was taken: in EXIF, XMP, a comment, a thumbnail and after its end."""
    image = two_colours()
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = exif[0x013B] = exif[0x9286] = CANARY
    exif.get_ifd(0x8825)[0x001B] = CANARY.encode()
    whole = encoded(image, exif=exif, comment=CANARY.encode(), xmp=CANARY.encode(), quality=95)
    return whole + CANARY.encode()


def noted_png(mode: str = "RGB") -> bytes:
    """A PNG with text, compressed text and an unknown chunk."""
    notes = PngInfo()
    notes.add_text("Comment", CANARY)
    notes.add_itxt("XML:com.adobe.xmp", CANARY, zip=True)
    notes.add(b"caNy", CANARY.encode(), after_idat=True)
    return encoded(two_colours(mode=mode), "PNG", pnginfo=notes)


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few kilobytes that unpacks to gigabytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A small PNG whose text unpacks to a hundred megabytes."""
    plain = encoded(two_colours(), "PNG")
    text = b"Comment\0\0" + zlib.compress(b" " * 100_000_000, 9)
    return plain[:33] + _chunk(b"zTXt", text) + plain[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def profiled() -> bytes:
    """A picture whose numbers mean other colours than they would without its profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return encoded(two_colours(), "JPEG", icc_profile=profile.tobytes())


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
POLYGLOT = b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//"
HTML = b"<html><script>alert(1)</script></html>"
