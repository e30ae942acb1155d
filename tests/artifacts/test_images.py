"""Images of every odd kind become a size and a thumbnail, or a refusal that says why."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from artifacts import pictures
from v7s3.artifacts import images
from v7s3.artifacts.box import BOX, fitted
from v7s3.artifacts.images import Picture, picture_of
from v7s3.artifacts.ranged import FIRST, RangedReader
from v7s3.artifacts.refusal import Refusal
from v7s3.errors import ServiceError

RED, LIME, BLUE, WHITE, BLACK, YELLOW = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (255, 255, 0),
)  # fmt: skip
UPRIGHT = (RED, LIME, BLUE, WHITE)


def picture(blob: bytes, name: str, **options) -> Picture:
    made = picture_of(io.BytesIO(blob), name, **options)
    assert isinstance(made, Picture), made
    return made


def refusal(blob: bytes, name: str, **options) -> str:
    made = picture_of(io.BytesIO(blob), name, **options)
    assert isinstance(made, Refusal), made
    return made.reason


def thumbnail(made: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(made.thumbnail))
    assert image.format == "JPEG"
    return image


def corners(image: Image.Image) -> tuple[tuple[int, ...], ...]:
    """The four quarters' colours, each channel rounded to 0, 128 or 255."""
    rgb = image.convert("RGB")
    places = [(x * rgb.width // 4, y * rgb.height // 4) for y in (1, 3) for x in (1, 3)]
    return tuple(tuple(min(255, (value + 32) // 64 * 64) for value in rgb.getpixel(place)) for place in places)


CORPUS = {
    "plain.jpg": pictures.saved(pictures.scene(), "JPEG"),
    "progressive.jpeg": pictures.saved(pictures.scene(), "JPEG", progressive=True),
    "PLAIN.JPG": pictures.saved(pictures.scene(), "JPEG"),
    "cmyk.jpg": pictures.saved(pictures.scene().convert("CMYK"), "JPEG"),
    "two.jpg": pictures.saved(pictures.scene(), "MPO", save_all=True, append_images=[pictures.scene()]),
    "plain.png": pictures.saved(pictures.scene(), "PNG"),
    "palette.png": pictures.saved(pictures.scene().quantize(8), "PNG"),
    "animated.gif": pictures.animation("GIF"),
    "animated.webp": pictures.animation("WEBP"),
    "lossless.webp": pictures.saved(pictures.scene(), "WEBP", lossless=True),
    "plain.tif": pictures.saved(pictures.scene(), "TIFF"),
    "lzw.tiff": pictures.saved(pictures.scene(), "TIFF", compression="tiff_lzw"),
    "jpeg.tiff": pictures.saved(pictures.scene(), "TIFF", compression="jpeg"),
    "cmyk.tif": pictures.saved(pictures.scene().convert("CMYK"), "TIFF"),
    "lab.tif": pictures.saved(pictures.scene().convert("LAB"), "TIFF"),
    "bigtiff.tif": pictures.saved(pictures.scene(), "TIFF", big_tiff=True),
    "pages.tif": pictures.pages(),
    "plain.bmp": pictures.saved(pictures.scene(), "BMP"),
    "palette.bmp": pictures.saved(pictures.scene().quantize(8), "BMP"),
    "plain.avif": pictures.saved(pictures.scene(), "AVIF"),
    "no-ending": pictures.saved(pictures.scene(), "PNG"),
}


@pytest.fixture(scope="module", autouse=True)
def _heif():
    import pillow_heif

    pillow_heif.register_heif_opener()
    CORPUS["plain.heic"] = pictures.saved(pictures.scene(), "HEIF")


@pytest.mark.parametrize("name", [*CORPUS, "plain.heic"])
def test_every_kind_gives_its_size_and_an_upright_thumbnail(name):
    made = picture(CORPUS[name], name)
    assert made.size[:5] == (800, 600, 800, 600, 1)
    image = thumbnail(made)
    assert image.size == (267, 200)
    assert corners(image) == UPRIGHT


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_to_the_thumbnail_and_reported(kind, orientation):
    stored = {
        1: UPRIGHT, 2: (LIME, RED, WHITE, BLUE), 3: (WHITE, BLUE, LIME, RED), 4: (BLUE, WHITE, RED, LIME),
        5: (RED, BLUE, LIME, WHITE), 6: (BLUE, RED, WHITE, LIME), 7: (WHITE, LIME, BLUE, RED), 8: (LIME, WHITE, RED, BLUE),
    }  # fmt: skip
    made = picture(pictures.turned(kind, orientation), f"a.{kind.lower()}")
    sideways = orientation >= 5
    assert made.size[:5] == ((600, 800) if sideways else (800, 600)) + (800, 600, orientation)
    image = thumbnail(made)
    assert image.size == ((150, 200) if sideways else (267, 200))
    assert corners(image) == stored[orientation]
    assert any("EXIF orientation" in note for note in made.notes) == (orientation != 1)


def test_an_orientation_that_exif_does_not_know_is_upright():
    assert picture(pictures.turned("JPEG", 9), "a.jpg").size.orientation == 1


@pytest.mark.parametrize(
    ("blob", "name"),
    [
        (pictures.saved(pictures.scene(80, 40), "JPEG", xmp=pictures.XMP_ON_ITS_SIDE), "a.jpg"),
        (pictures.saved(pictures.scene(80, 40), "PNG", pnginfo=pictures.text_on_its_side()), "a.png"),
        (pictures.saved(pictures.scene(80, 40), "WEBP", xmp=pictures.XMP_ON_ITS_SIDE), "a.webp"),
    ],
    ids=["XMP in JPEG", "text in PNG", "XMP in WebP"],
)
def test_an_orientation_outside_exif_turns_nothing_because_browsers_do_not_look_there(blob, name):
    made = picture(blob, name)
    assert made.size[:5] == (80, 40, 80, 40, 1)
    assert thumbnail(made).size == (80, 40)
    assert not made.notes


@pytest.mark.parametrize(
    "blob",
    [
        pictures.saved(pictures.faded("RGBA"), "PNG"),
        pictures.saved(pictures.faded("RGBA"), "WEBP", lossless=True),
        pictures.saved(pictures.faded("RGBA"), "TIFF"),
    ],
    ids=["png", "webp", "tiff"],
)
def test_transparency_is_laid_on_white(blob):
    assert corners(thumbnail(picture(blob, "a"))) == (RED, WHITE, BLUE, WHITE)


def test_the_transparent_colour_of_a_palette_is_laid_on_white():
    made = picture(pictures.palette_with_transparency(), "a.png")
    assert corners(thumbnail(made)) == (WHITE, LIME, BLUE, WHITE)


def test_the_transparent_grey_of_a_deep_png_is_laid_on_white():
    image = Image.new("I", (80, 60), 40_000)
    image.paste(20_000, (0, 0, 40, 60))
    made = picture(pictures.saved(image.convert("I;16"), "PNG", transparency=20_000), "a.png")
    seen = thumbnail(made).convert("L")
    assert seen.getpixel((10, 30)) == pytest.approx(255, abs=2)
    assert seen.getpixel((70, 30)) == pytest.approx(40_000 >> 8, abs=2)


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_stays_grey(mode):
    image = thumbnail(picture(pictures.saved(pictures.scene().convert(mode), "PNG"), "a.png"))
    assert image.convert("RGB").getpixel((260, 195)) == pytest.approx(WHITE, abs=3)
    assert image.size == (267, 200)


def test_sixteen_bit_png_looks_as_browsers_show_it():
    image = thumbnail(picture(pictures.grey16("PNG", peak=32768), "a.png"))
    assert image.getextrema()[1] == pytest.approx(128, abs=3)


@pytest.mark.parametrize("peak", [4095, 65535])
@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}], ids=["raw", "lzw"])
def test_sixteen_bit_tiff_is_stretched_to_its_range(peak, options):
    image = thumbnail(picture(pictures.grey16("TIFF", peak=peak, **options), "a.tif"))
    low, high = image.getextrema()
    assert low < 5
    assert high > 250


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_a_tiff_whose_white_is_zero_is_no_negative(deep):
    ramp = Image.linear_gradient("L").resize((800, 600))
    blob = pictures.grey16("TIFF") if deep else pictures.saved(ramp, "TIFF")
    usual, other = (thumbnail(picture(one, "a.tif")) for one in (blob, pictures.white_is_zero(blob)))
    assert ImageStat.Stat(ImageChops.difference(ImageChops.invert(usual), other)).extrema[0][1] <= 2


@pytest.mark.parametrize("value", [0.25, float("nan"), float("inf")])
def test_floating_tiff_never_raises(value):
    image = Image.new("F", (400, 300), value)
    assert thumbnail(picture(pictures.saved(image, "TIFF"), "a.tif")).size == (267, 200)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_does_not_take_the_contrast(value):
    image = Image.linear_gradient("L").resize((80, 60)).convert("F")
    image.putpixel((0, 0), value)
    low, high = thumbnail(picture(pictures.saved(image, "TIFF"), "a.tif")).getextrema()
    assert low < 10
    assert high > 245


@pytest.mark.parametrize("at", ["behind the end", "in the header"])
def test_a_damaged_page_does_not_cost_the_first(at):
    blob = pictures.saved(pictures.scene(), "TIFF", save_all=True, append_images=[pictures.scene()] * 2)
    made = picture(pictures.next_page_at(blob, len(blob) + 5000 if at == "behind the end" else 3), "scan.tif")
    assert made.size[:2] == (800, 600)
    assert corners(thumbnail(made)) == UPRIGHT


def test_a_pyramid_is_read_from_its_smallest_page_that_fills_the_thumbnail():
    made = picture(pictures.pyramid(), "slide.tif")
    assert made.size[:2] == (1600, 1200)
    assert corners(thumbnail(made)) == (BLACK, BLACK, BLACK, BLACK)


def test_pages_that_are_not_copies_are_not_taken_for_the_picture():
    made = picture(pictures.pages(), "scan.tif")
    assert corners(thumbnail(made)) == UPRIGHT
    assert any("several pages" in note for note in made.notes)


def test_small_pictures_are_not_enlarged():
    made = picture(pictures.saved(pictures.scene(40, 30), "PNG"), "a.png")
    assert thumbnail(made).size == (40, 30)


@pytest.mark.parametrize("size", [(10_000, 1), (1, 10_000), (1, 1), (5000, 3)])
def test_a_line_of_pixels_has_a_thumbnail(size):
    wide, high = thumbnail(picture(pictures.saved(Image.new("RGB", size), "PNG"), "a.png")).size
    assert 1 <= wide <= BOX[0]
    assert 1 <= high <= BOX[1]


@given(st.integers(1, 50_000), st.integers(1, 50_000))
def test_the_fitted_size_touches_the_box_or_is_the_size(width, height):
    wide, high = fitted((width, height), BOX)
    assert 1 <= wide <= BOX[0]
    assert 1 <= high <= BOX[1]
    assert wide in (BOX[0], width) or high in (BOX[1], height)


def test_the_thumbnail_of_a_photo_is_close_to_one_from_the_full_decode():
    photo = Image.effect_mandelbrot((3200, 2400), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    blob = pictures.saved(photo, "JPEG", quality=90)
    ours = thumbnail(picture(blob, "a.jpg")).convert("RGB")
    full = Image.open(io.BytesIO(blob)).convert("RGB").resize(ours.size, Image.Resampling.LANCZOS)
    difference = ImageStat.Stat(ImageChops.difference(ours, full))
    mean_square = sum(difference.sum2) / (ours.width * ours.height * 3)
    assert mean_square < 255**2 / 10 ** (30 / 10), "PSNR under 30 dB"


def test_the_colour_profile_goes_along():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = picture(pictures.saved(pictures.scene(), "JPEG", icc_profile=profile), "a.jpg")
    assert thumbnail(made).info["icc_profile"] == profile


@pytest.mark.parametrize(("width", "is_large"), [(800, True), (799, False)])
def test_large_pictures_are_decoded_one_at_a_time(monkeypatch, width, is_large):
    """Four threads of a worker with a picture near the limit each would need as many gigabytes."""
    under_way, most, decode = [], [], images._for_resizing

    def watched(image):
        under_way.append(image)
        most.append(len(under_way))
        time.sleep(0.1)
        try:
            return decode(image)
        finally:
            under_way.pop()

    monkeypatch.setattr(images, "_for_resizing", watched)
    monkeypatch.setattr(images, "_LARGE", 800 * 600 - 1)
    blob = pictures.saved(pictures.scene(width, 600), "PNG")
    with ThreadPoolExecutor(4) as pool:
        assert len({made.thumbnail for made in pool.map(lambda _: picture(blob, "a.png"), range(4))}) == 1
    assert (max(most) == 1) == is_large


# --- refusals -------------------------------------------------------------------------------------------------------
BOMBS = {
    "png": pictures.png_of_size(60_000, 60_000),
    "gif": (gif := pictures.animation("GIF"))[:6] + b"\xff\xff\xff\xff" + gif[10:],
    "bmp": pictures.saved(pictures.scene(4, 4), "BMP")[:18]
    + (60_000).to_bytes(4, "little") * 2
    + pictures.saved(pictures.scene(4, 4), "BMP")[26:],
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(kind):
    assert "megapixels, over the limit of 180" in refusal(BOMBS[kind], f"bomb.{kind}")


def test_the_limit_can_be_raised_or_lowered():
    blob = CORPUS["plain.png"]
    assert refusal(blob, "a.png", max_pixels=479_999).startswith("800x600 are 0 megapixels")
    assert picture(blob, "a.png", max_pixels=480_000).size.width == 800


@pytest.mark.parametrize("name", [name for name in CORPUS if name not in ("pages.tif", "animated.gif")])
def test_a_truncated_file_is_refused(name):
    blob = CORPUS[name]
    reason = refusal(blob[: len(blob) // 2], name)
    assert reason
    assert "Traceback" not in reason


def test_a_truncated_file_is_called_truncated():
    assert refusal(CORPUS["plain.jpg"][:3000], "a.jpg").startswith("the file ends before the picture does (truncated)")


@pytest.mark.parametrize(
    ("blob", "name", "reason"),
    [
        (b"", "a.jpg", "the object is empty"),
        (CORPUS["plain.png"], "a.jpg", "mislabelled: the name says JPEG, the bytes are PNG"),
        (CORPUS["plain.jpg"], "a.tiff", "mislabelled: the name says TIFF, the bytes are JPEG"),
        (b"<?xml version='1.0'?><Error>", "a.png", "mislabelled: the bytes are text (\"<?xml version='1.0'?\"…), not an image"),
        (bytes(100), "a.png", "the bytes are not PNG, or no decoder here reads this kind of it"),
        (bytes(100), "a", "the bytes are not an image, or no decoder here reads this kind of it"),
        (CORPUS["plain.png"][:10], "a.png", "the bytes are not PNG, or no decoder here reads this kind of it"),
    ],
)  # fmt: skip
def test_what_is_not_the_image_its_name_promises_is_refused(blob, name, reason):
    assert refusal(blob, name) == reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.sampled_from(sorted(CORPUS)), st.data())
def test_damaged_bytes_never_raise(name, data):
    blob = bytearray(CORPUS[name])
    for _ in range(data.draw(st.integers(1, 6))):
        blob[data.draw(st.integers(0, min(400, len(blob) - 1)))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(blob)))
    made = picture_of(io.BytesIO(bytes(blob[:cut])), name, max_pixels=4_000_000)
    assert isinstance(made, (Picture, Refusal))


# --- over ranges ----------------------------------------------------------------------------------------------------
def ranged(blob: bytes) -> RangedReader:
    return RangedReader(lambda start, length: blob[start : start + length], len(blob))


@pytest.mark.parametrize(
    ("kind", "budget"),
    [("JPEG", FIRST), ("PNG", FIRST), ("BMP", FIRST), ("TIFF", 2 * FIRST), ("GIF", FIRST)],
)
def test_what_is_too_large_costs_its_first_bytes(kind, budget):
    blob = pictures.saved(pictures.noise(1500, 1000), kind)
    file = ranged(blob)
    assert isinstance(picture_of(file, "a", max_pixels=1000), Refusal)
    assert file.bytes_read <= budget < len(blob)


def test_a_bomb_costs_its_header_only():
    blob = pictures.png_of_size(60_000, 60_000) + bytes(5_000_000)
    file = ranged(blob)
    assert isinstance(picture_of(file, "a.png"), Refusal)
    assert file.bytes_read == FIRST


@pytest.mark.parametrize("name", ["plain.jpg", "plain.png", "lzw.tiff", "lossless.webp", "animated.gif", "plain.avif"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_fault_of_s3_is_not_taken_for_a_bad_picture(name, at):
    blob = CORPUS[name]
    calls = iter(range(100))

    def fetch(start: int, length: int) -> bytes:
        if next(calls) == at:
            raise ServiceError("S3 is away")
        return blob[start : start + length]

    file = RangedReader(fetch, len(blob), first=100)
    with pytest.raises(ServiceError, match="S3 is away"):
        picture_of(file, name)
