"""Pictures are drawn anew: pixels go in and pixels come out (P49)."""

import asyncio
import threading
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from auth.threads import Busy
from commerce import pictures
from commerce.pictures import Drawn, PictureStudio, drawn, new_name
from tests.support.pictures import (
    BLUE,
    CANARY,
    HTML,
    POLYGLOT,
    RED,
    SVG,
    bomb,
    encoded,
    noted_png,
    photograph,
    profiled,
    text_bomb,
    two_colours,
)


def shown(content: bytes) -> Drawn:
    found = drawn(content)
    assert found is not None
    return found


def opened(found: Drawn) -> Image.Image:
    image = Image.open(BytesIO(found.content))
    image.load()
    assert image.size == (found.width, found.height)
    return image


def near(colour: Any, wanted: tuple[int, ...]) -> bool:
    return all(abs(one - other) < 16 for one, other in zip(colour, wanted, strict=True))


@pytest.mark.parametrize("content", [photograph(), noted_png(), noted_png("RGBA")], ids=["jpeg", "png", "rgba"])
def test_p49_nothing_but_pixels_is_kept(content: bytes):
    assert CANARY.encode()[:20] in content
    found = shown(content)
    assert b"canary" not in found.content
    image = opened(found)
    assert not image.getexif()
    assert not image.info.keys() & {"exif", "xmp", "comment", "icc_profile", "photoshop"}
    assert near(image.convert("RGB").getpixel((8, 16)), RED)
    assert near(image.convert("RGB").getpixel((56, 16)), BLUE)


@pytest.mark.parametrize(("orientation", "size"), [(1, (64, 32)), (3, (64, 32)), (6, (32, 64)), (8, (32, 64))])
def test_picture_stands_upright(orientation: int, size: tuple[int, int]):
    image = opened(shown(photograph(orientation)))
    assert image.size == size
    corner = {1: RED, 3: BLUE, 6: RED, 8: BLUE}[orientation]
    assert near(image.getpixel((4, 4)), corner)


def test_what_shines_through_stays_so_and_what_does_not_is_a_jpeg():
    clear = two_colours(mode="RGBA")
    clear.putpixel((3, 3), (0, 0, 0, 0))
    found = shown(encoded(clear, "PNG"))
    assert (found.extension, opened(found).mode) == ("webp", "RGBA")
    hole: Any = opened(found).getpixel((3, 3))
    assert hole[3] < 40
    assert shown(encoded(two_colours(mode="RGBA"), "PNG")).extension == "jpg"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_formats_that_browsers_show_are_taken(kind: str):
    assert near(opened(shown(encoded(two_colours(), kind))).getpixel((8, 16)), RED)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "CMYK"])
def test_every_way_of_writing_colours_is_understood(mode: str):
    grey = Image.new("I;16", (40, 20), 128 * 256) if mode == "I;16" else two_colours(40, 20).convert(mode)
    image = opened(shown(encoded(grey, "JPEG" if mode == "CMYK" else "PNG")))
    assert image.mode == "RGB"
    if mode == "I;16":
        assert near(image.getpixel((5, 5)), (128, 128, 128))


def test_broken_profile_is_no_reason_to_refuse():
    assert shown(encoded(two_colours(), "JPEG", icc_profile=b"no profile")).width == 64
    assert shown(profiled()).width == 64


def test_large_picture_is_made_smaller():
    found = shown(encoded(Image.new("RGB", (6000, 3000), RED), "JPEG"))
    assert (found.width, found.height) == (4096, 2048)
    found = shown(encoded(Image.new("L", (5000, 10)), "PNG"))
    assert (found.width, found.height) == (4096, 8)


def test_first_frame_of_a_moving_picture_is_kept():
    frames = [Image.new("RGB", (20, 20), BLUE)]
    moving = encoded(Image.new("RGB", (20, 20), RED), "WEBP", save_all=True, append_images=frames)
    image = opened(shown(moving))
    assert near(image.getpixel((5, 5)), RED)
    assert getattr(image, "n_frames", 1) == 1


NOTHING_OF_OURS = {
    "nothing": b"",
    "a beginning": b"\xff\xd8\xff",
    "svg": SVG,
    "html": HTML,
    "polyglot": POLYGLOT,
    "pdf": b"%PDF-1.7",
    "zeros": b"\0" * 5000,
    "cut jpeg": photograph()[:400],
    "cut png": encoded(two_colours(), "PNG")[:90],
    "gif": encoded(two_colours(), "GIF"),
    "bmp": encoded(two_colours(), "BMP"),
    "tiff": encoded(two_colours(), "TIFF"),
}


@pytest.mark.parametrize("what", NOTHING_OF_OURS)
def test_what_is_no_picture_of_ours_is_refused(what: str):
    assert drawn(NOTHING_OF_OURS[what]) is None


def test_picture_that_would_fill_the_memory_is_refused_before_it_is_unpacked():
    content = bomb()
    assert len(content) < 100_000
    assert drawn(content) is None
    assert drawn(bomb(7072, 7072)) is None


def test_text_that_unpacks_without_end_is_not_kept():
    found = drawn(text_bomb())
    assert found is None or len(found.content) < 100_000


def test_file_after_a_picture_is_cut_off():
    found = shown(encoded(two_colours(), "PNG") + HTML)
    assert b"script" not in found.content


def test_names_are_never_the_same():
    names = {new_name("jpg") for _ in range(1000)}
    assert len(names) == 1000
    assert all(len(name) == 36 for name in names)


async def test_pictures_wait_in_a_queue_with_an_end(monkeypatch: pytest.MonkeyPatch):
    go = threading.Event()
    monkeypatch.setattr(pictures, "drawn", lambda content: go.wait(5) and None)
    studio = PictureStudio(queue=1)
    first, second = asyncio.create_task(studio.draw(b"")), asyncio.create_task(studio.draw(b""))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await studio.draw(b"")
    go.set()
    assert await asyncio.gather(first, second) == [None, None]
    studio.close()
