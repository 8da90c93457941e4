from __future__ import annotations

import numpy as np
import pytest

from spotal.errors import DataFileError
from spotal.project.predictions import Predictions


def trained(project, array, name="predictions.npy"):
    np.save(project.folder / name, array)
    project.models.add("probe", n_labeled=2, predictions=name)


def test_the_newest_model_with_predictions_speaks(project):
    assert Predictions.newest(project) is None
    trained(project, np.array([[0.2, 0.7, 0.1], [np.nan] * 3], np.float32))
    project.models.add("embedder", n_labeled=0)
    found = Predictions.newest(project)
    assert found.model.number == 0
    assert [(name, round(p, 3)) for name, p in found.of(0, 2)] == [("dog", 0.7), ("cat", 0.2)]
    assert found.of(1) == found.of(9) == []


def test_files_that_are_no_predictions_are_refused(project):
    trained(project, np.zeros((2, 4)))
    with pytest.raises(DataFileError, match="a column for each of 3 classes"):
        Predictions.newest(project)
    (project.folder / "predictions.npy").write_bytes(b"no array")
    with pytest.raises(DataFileError, match="cannot be read"):
        Predictions.newest(project)
