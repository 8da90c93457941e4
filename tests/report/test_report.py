"""Thumbnails and coverage, which several reports use."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from spotal.design.merit import fill_distance
from spotal.report import coverage
from spotal.report.gallery import thumbnail


def test_thumbnails_keep_small_images_and_shrink_large_ones():
    def opened(image):
        return Image.open(io.BytesIO(base64.b64decode(thumbnail(image).partition(",")[2])))

    small = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(opened(small)), small)
    assert np.array_equal(np.asarray(opened(small[..., :1])), small[..., 0])
    assert opened(np.zeros((300, 200, 3), np.uint8)).size == (64, 96)
    ramp = np.linspace(-1, 1, 16).reshape(4, 4, 1)
    assert (np.asarray(opened(ramp)).min(), np.asarray(opened(ramp)).max()) == (0, 255)


def test_coverage_counts_labeled_rows_and_says_when_it_samples():
    cloud = np.random.default_rng(0).normal(size=(3000, 4))
    picks, labeled = np.arange(5), np.arange(10, 20)
    whole = coverage(cloud, picks, labeled)
    assert whole.picks == pytest.approx(fill_distance(cloud[np.r_[picks, labeled]], cloud))
    assert whole.rows == 3000
    assert whole.picks < coverage(cloud, picks).picks
    some = coverage(cloud, picks, labeled, most_rows=2_000)
    assert some.rows == 2000
    assert some.picks <= whole.picks
