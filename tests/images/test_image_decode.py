"""The decoder: the right pixels from every kind of file, by one rule."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from spotal.errors import DataFileError, SpotalWarning
from spotal.images import decode, decoding, depth, note_of_depth, png, shape_of
from spotal.images.room import Room


def stored(values, kind="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(values).save(out, kind, **options)
    return out.getvalue()


def shown(source, **options):
    """Pixels, and whose range they were scaled by."""
    scaled = []
    pixels = decode(source, "x", options.pop("size", None), options.pop("channels", None), scaled=scaled, **options)
    return pixels, *scaled


def test_floats_within_0_and_1_keep_their_brightness(ramp):
    for values in (ramp, 0.3 + 0.4 * ramp):
        pixels, whose = shown(stored(values.astype(np.float32), "TIFF"))
        assert whose == "type"
        np.testing.assert_allclose(pixels[..., 0], 255 * values, atol=2)


@pytest.mark.parametrize(("scale", "shift"), [(3000, -1000), (0.01, 0), (1e-6, 0.5), (7, 0), (1e30, -1e29)])
def test_other_floats_are_stretched_by_their_own_range(ramp, scale, shift):
    pixels, whose = shown(stored((scale * ramp + shift).astype(np.float32), "TIFF"))
    assert whose == "own"
    np.testing.assert_allclose(pixels[..., 0], 255 * ramp, atol=17)  # few floats lie between .5 and .500001


def test_what_is_no_number_is_black_and_counts_for_no_range(ramp):
    values = (100 * ramp).astype(np.float32)
    values[0], values[1], values[2] = np.nan, np.inf, -np.inf
    pixels, _ = shown(stored(values, "TIFF"))
    assert pixels[:3, :, 0].tolist() == [[0] * 64, [255] * 64, [0] * 64]
    np.testing.assert_allclose(pixels[3:, :, 0], 255 * (ramp[3:] - ramp[3, 0]) / (1 - ramp[3, 0]), atol=2)
    assert not shown(stored(np.full((4, 4), np.nan, np.float32), "TIFF"))[0].any()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_by_their_type_or_by_their_own_range(ramp, kind):
    for top, whose in ((65535, "type"), (20000, "type"), (4095, "own"), (900, "own"), (255, "own")):
        values = (top * ramp).astype(np.uint16)
        pixels, found = shown(stored(values, kind))
        assert found == whose
        np.testing.assert_allclose(pixels[..., 0], 255.0 * values / (65535 if whose == "type" else top), atol=2)
    high = (60000 + 500 * ramp).astype(np.uint16)  # as a thermal camera's
    np.testing.assert_allclose(shown(stored(high, kind))[0][..., 0], 255 * ramp, atol=2)


def test_a_few_hot_pixels_do_not_darken_the_rest(ramp):
    values = (900 * ramp).astype(np.uint16)
    values[5, 5] = 65535
    pixels, _ = shown(stored(values))
    assert pixels[5, 5, 0] == 255
    np.testing.assert_allclose(np.delete(pixels.ravel(), 5 * 64 + 5), np.delete(255 * ramp.ravel(), 325), atol=2)


def test_integers_of_32_bits(ramp):
    for values in ((1000 * ramp).astype(np.int32), (1000 * ramp - 500).astype(np.int32)):
        np.testing.assert_allclose(shown(stored(values, "TIFF"))[0][..., 0], 255 * ramp, atol=2)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colors_keep_what_their_lower_bytes_hold(png16, channels):
    rng = np.random.default_rng(0)
    for top, whose in ((65535, "type"), (1023, "own"), (200, "own")):
        values = rng.integers(0, top, (40, 50, channels), endpoint=True)
        values.reshape(-1, channels)[:60] = top  # what the range ends with is there often enough
        values.reshape(-1, channels)[60:120] = 0
        if channels != 3:
            values[..., -1] = 65535
        pixels, found = shown(png16(values))
        assert found == whose
        np.testing.assert_allclose(pixels, 255 * values[..., : 1 if channels == 2 else 3] / top + 0 * pixels, atol=2)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_sixteen_bit_colors_of_tiffs(tmp_path, compression):
    cv2 = pytest.importorskip("cv2", reason="Pillow writes no 16-bit colors")
    values = np.random.default_rng(0).integers(0, 300, (40, 50, 3)).astype(np.uint16)
    code = {None: 1, "tiff_lzw": 5, "tiff_adobe_deflate": 8}[compression]
    cv2.imwrite(str(tmp_path / "a.tif"), values[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, code])
    pixels, whose = shown(tmp_path / "a.tif")
    assert whose == "own"
    np.testing.assert_allclose(pixels, 255.0 * values / 299, atol=2)


def test_transparent_parts_are_white_in_every_kind(png16):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[:2, :, 0], rgba[:2, :, 3] = 200, 255
    expected = np.repeat(np.array([[200, 0, 0]] * 2 + [[255] * 3] * 2, np.uint8)[:, None], 4, 1)
    for source in (stored(rgba), stored(rgba, "WEBP", lossless=True), stored(rgba, "TIFF")):
        np.testing.assert_array_equal(decode(source, "x", None, 3), expected)
        np.testing.assert_array_equal(decode(source, "x", (4, 4), 3), expected)
    palette = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 90, 80, 70])
    out = io.BytesIO()
    palette.save(out, "GIF", transparency=0)
    assert decode(out.getvalue(), "x", None, 3)[0].tolist() == [[255] * 3, [90, 80, 70]]
    gray = np.zeros((2, 2, 2), np.uint8)
    gray[0, 0] = [7, 255]
    assert decode(stored(gray), "x", None, None)[..., 0].tolist() == [[7, 255], [255, 255]]
    deep = np.array([[[0], [30000]], [[60000], [65535]]])
    assert decode(png16(deep, clear=0), "x", None, None)[..., 0].tolist() == [[255, 117], [234, 255]]


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_orientation_upright(kind, turn):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24] = [250, 0, 0]
    upright[16:, 24:] = [0, 0, 250]
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[turn]  # what brings it back where it is turned
    laid = Image.fromarray(upright) if back is None else Image.fromarray(upright).transpose(back)
    exif = Image.Exif()
    exif[0x0112] = turn
    out = io.BytesIO()
    laid.save(out, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    assert shape_of(out.getvalue(), "x").size == (32, 48)
    for size in (None, (16, 24)):
        found = decode(out.getvalue(), "x", size, 3)
        small = upright if size is None else upright[::2, ::2]
        assert found.shape == small.shape
        assert np.abs(found.astype(int) - small).mean() < 8


def test_the_first_frame_of_many(tmp_path):
    frames = [Image.new("L", (6, 6), value) for value in (10, 200)]
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert (decode(tmp_path / name, name, None, 1) == 10).all()


def test_other_modes():
    assert (decode(stored(np.eye(4) > 0), "x", None, None)[..., 0] == 255 * np.eye(4)).all()
    out = io.BytesIO()
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(out, "TIFF")
    assert decode(out.getvalue(), "x", None, 3)[0, 0].tolist() == [255, 0, 0]
    assert decode(out.getvalue(), "x", None, 1).shape == (4, 4, 1)
    lab = io.BytesIO()
    Image.new("LAB", (4, 4), (0, 0, 0)).save(lab, "TIFF")
    assert decode(lab.getvalue(), "x", None, 1).shape == (4, 4, 1)


def test_white_is_zero_and_unsigned_values():
    values = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    plain = decode(stored(values, "TIFF"), "x", None, None)
    turned = stored(values, "TIFF", tiffinfo={262: 0})
    if Image.open(io.BytesIO(turned)).tag_v2[262] == 0:
        np.testing.assert_array_equal(decode(turned, "x", None, None), 255 - plain)


def test_programs_are_not_run_for_an_image():
    with pytest.raises(DataFileError, match="x cannot be read as an image"):
        decode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "x", None, None)


def test_without_a_size_large_images_are_made_smaller():
    noise = np.random.default_rng(0).integers(0, 255, (90, 61, 3)).astype(np.uint8)
    assert decode(stored(noise, "PNG"), "x", None, 3, 20).shape == (30, 21, 3)
    assert decode(stored(noise, "JPEG"), "x", None, 3, 20).shape == (45, 31, 3)  # JPEG has halves only
    for kind in ("PNG", "JPEG"):
        assert decode(stored(noise, kind), "x", None, 3, 31).shape == noise.shape


def test_too_many_pixels_are_refused_and_their_size_is_still_known(bomb):
    assert shape_of(bomb(20_000), "x").size == (20_000, 20_000)
    with pytest.raises(
        DataFileError, match=r"x has 20,000 x 20,000 pixels, more than the 268,435,456 that are decoded"
    ):
        decode(bomb(20_000), "x", (8, 8), 3)
    with pytest.raises(DataFileError, match="x cannot be read as an image"):  # within the limit, but cut short
        decode(bomb(16_000), "x", (8, 8), 3)


def test_what_a_browser_shows_as_it_is(ramp):
    color = np.zeros((4, 4, 3), np.uint8)
    assert shape_of(stored(color), "x").plain
    assert shape_of(stored(color, "JPEG"), "x").plain
    for source in (
        stored(color, "TIFF"),
        stored((ramp * 65535).astype(np.uint16)),
        stored(np.zeros((4, 4, 4), np.uint8)),
        stored(color, save_all=True, append_images=[Image.new("RGB", (4, 4), "red")]),
    ):
        assert not shape_of(source, "x").plain
    again = Image.open(io.BytesIO(png(stored((ramp * 900).astype(np.uint16)), "x")))
    np.testing.assert_array_equal(
        np.asarray(again), decode(stored((ramp * 900).astype(np.uint16)), "x", None, 1)[..., 0]
    )


def test_the_note_counts_files_by_whose_range_was_taken():
    with pytest.warns(SpotalWarning, match=r"3 images in photos have .*: 1 by the range .* and 2 by their own") as said:
        note_of_depth(["own", "type", "own"], "photos")
    assert len(said) == 1
    note_of_depth([], "photos")


def test_a_process_decodes_few_pixels_at_a_time(monkeypatch, tmp_path):
    room = Room(1000, 3)
    inside, most, lock = [], [], threading.Lock()
    real = decoding.flattened

    def watched(image, *rest):
        with lock:
            inside.append(image.width * image.height)
            most.append((sum(inside), len(inside)))
        found = real(image, *rest)
        with lock:
            inside.remove(image.width * image.height)
        return found

    monkeypatch.setattr(decoding, "flattened", watched)
    sources = [
        stored(np.zeros((side, side), np.uint8)) for side in (20, 10, 5, 40, 20, 20, 30, 10) * 5
    ]  # 40 x 40 alone
    alone = {"room": room}
    threads = [threading.Thread(target=decode, args=(source, "x", None, 1), kwargs=alone) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == len(sources)
    assert all((pixels <= 1000 or count == 1) and count <= 3 for pixels, count in most)
    assert (room._pixels, room._images) == (1000, 3)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("size", [(31, 17), (7, 90), (1, 1)])
def test_transparent_images_are_resized_alike_in_strips(mode, size):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (203, 119, len(mode)), np.uint8))
    whole = np.asarray(image.resize(size, Image.Resampling.BILINEAR), int)
    apart = np.abs(np.asarray(decoding._resized(image, size, strip=1000), int) - whole)
    assert apart[..., -1].max() <= 1
    assert apart.max() <= 4  # rounding, over the alpha of noise


def test_large_values_are_copied_in_strips():
    values = np.random.default_rng(0).integers(0, 65536, (50, 7), np.uint16)
    assert np.array_equal(depth._array(Image.fromarray(values), block=20), values)
