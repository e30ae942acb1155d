"""Odd image files, made here: each maker gives the bytes of one file."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image, ImageDraw, PngImagePlugin

ORIENTATION = 274
XMP_ON_ITS_SIDE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description tiff:Orientation="6" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"/></rdf:RDF></x:xmpmeta>'
)


def scene(width: int = 800, height: int = 600) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right: every turn and flip shows."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 0, width // 2 - 1, height // 2 - 1], "red")
    draw.rectangle([width // 2, 0, width, height // 2 - 1], "lime")
    draw.rectangle([0, height // 2, width // 2 - 1, height], "blue")
    return image


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def turned(kind: str, orientation: int, width: int = 800, height: int = 600) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(scene(width, height), kind, exif=exif)


def text_on_its_side() -> PngImagePlugin.PngInfo:
    """EXIF as ImageMagick writes it into a text of a PNG."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    raw, text = exif.tobytes(), PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{raw.hex()}\n", zip=True)
    return text


def faded(mode: str) -> Image.Image:
    """The scene, its right half transparent."""
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (400, 0, 800, 600))
    return image.convert(mode)


def palette_with_transparency() -> bytes:
    image = scene().quantize(8)
    return saved(image, "PNG", transparency=image.getpixel((10, 10)))


def grey16(kind: str, peak: int = 65535, **options) -> bytes:
    ramp = Image.linear_gradient("L").resize((800, 600)).convert("I").point(lambda value: value * (peak / 255.0))
    return saved(ramp.convert("I;16"), kind, **options)


def white_is_zero(tiff: bytes) -> bytes:
    """A little-endian TIFF that says its zeros are white."""
    directory = int.from_bytes(tiff[4:8], "little")
    entry = tiff.index((262).to_bytes(2, "little"), directory + 2)  # PhotometricInterpretation
    return tiff[: entry + 8] + bytes(2) + tiff[entry + 10 :]


def next_page_at(tiff: bytes, place: int) -> bytes:
    """A little-endian TIFF whose second page is said to be at `place`."""
    directory = int.from_bytes(tiff[4:8], "little")
    at = directory + 2 + 12 * int.from_bytes(tiff[directory : directory + 2], "little")
    return tiff[:at] + place.to_bytes(4, "little") + tiff[at + 4 :]


def animation(kind: str) -> bytes:
    frames = [scene(), Image.new("RGB", (800, 600), "black")]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def pages() -> bytes:
    return saved(scene(), "TIFF", save_all=True, append_images=[Image.new("RGB", (80, 60), "black")])


def pyramid() -> bytes:
    """A TIFF whose further pages are marked as reduced copies; the smaller ones are black to tell them apart."""
    copies = [Image.new("RGB", size, colour) for size, colour in [((400, 300), "black"), ((40, 30), "yellow")]]
    for copy in copies:
        copy.encoderinfo = {"tiffinfo": {254: 1}}
    return saved(scene(1600, 1200), "TIFF", save_all=True, append_images=copies)


def png_of_size(width: int, height: int) -> bytes:
    """A tiny PNG that claims any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")
