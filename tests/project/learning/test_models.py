"""Every kind of model that spotal.toml may name, in its smallest form."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tests.project.learning.conftest import truth

from spotal.project import next_batch, read_embeddings, read_predictions, train
from spotal.project.learning import choose

OWN = """
import torch
from torch import nn

class Net(nn.Module):
    image_size = 10

    def __init__(self, n):
        super().__init__()
        self.head = nn.Linear(WIDTH, n)

    def forward(self, x):
        assert x.ndim == 2 or x.shape[1:] == (3, 10, 10), x.shape
        return self.head(x.flatten(1))

def plain(n):
    return Net(n)

def fixed():
    return Net(3)

def forest():
    from sklearn.ensemble import RandomForestClassifier
    return RandomForestClassifier(10)

def skorch(n):
    from skorch import NeuralNetClassifier
    return NeuralNetClassifier(Net, module__n=n, criterion=nn.CrossEntropyLoss, max_epochs=30, lr=0.1, verbose=0)

def lightning(n):
    import lightning

    class Module(lightning.LightningModule):
        image_size = 10

        def __init__(self):
            super().__init__()
            self.net = Net(n)

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, index):
            x, y = batch
            return nn.functional.cross_entropy(self(x), y)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 0.01)

    return Module()
"""


def walk(project, answer):
    """Two rounds; how many of the items the model gets right."""
    next_batch(project)
    assert np.isfinite(read_embeddings(project)).all()
    answer(project)
    next_batch(project)
    answer(project)
    model = train(project)
    found = read_predictions(project)
    assert found.model == model
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-5)
    assert np.isfinite(read_embeddings(project)).all()
    assert project.models.file(model.weights).stat().st_size > 0
    return np.mean([found.classes[k] == truth(item.id) for k, item in zip(found.predicted, project.items, strict=True)])


@pytest.mark.parametrize(
    ("kind", "model", "n", "batch", "least"),
    [
        ("image", "auto", 60, 15, 0.9),
        ("text", "auto", 60, 15, 0.9),
        ("embedding", "auto", 60, 15, 0.9),
        ("image", "small-cnn", 60, 15, 0.9),
        ("image", "resnet18", 8, 4, 0),
    ],
)
def test_ours(start, answer, monkeypatch, kind, model, n, batch, least):
    if model == "resnet18":
        monkeypatch.setattr(choose, "SIZE", 8)
    assert walk(start(kind, n, model=model, batch_size=batch), answer) >= least


@pytest.mark.parametrize(
    ("kind", "model", "least"),
    [("image", "vit", 0.6), ("text", "bert", 0.6), ("image", "fine-tune:vit", 0), ("text", "fine-tune:bert", 0)],
)
def test_pretrained(start, answer, pretrained, kind, model, least):
    tune = model.startswith("fine-tune:")
    place = pretrained / model.removeprefix("fine-tune:")
    project = start(kind, 30, model=f"fine-tune:{place}" if tune else str(place), batch_size=9)
    assert walk(project, answer) >= least
    if tune:  # rows are compared by the pretrained network's embeddings, whatever was trained since
        before, after = (read_embeddings(project, model.number) for model in project.models.all()[-2:])
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", ["plain", "fixed", "forest", "skorch", "lightning"])
@pytest.mark.parametrize("kind", ["image", "embedding"])
def test_a_function_of_ones_own(start, answer, name, kind):
    if name in ("skorch", "lightning"):
        pytest.importorskip(name, reason=f"{name} is an optional part")
    project = start(kind, 30, model=f"own_{kind}_models:{name}", batch_size=9)
    code = OWN.replace("WIDTH", "300" if kind == "image" else "5")
    (project.folder / f"own_{kind}_models.py").write_text(code, encoding="utf-8")
    try:
        assert walk(project, answer) > 0.7
    finally:
        sys.modules.pop(f"own_{kind}_models", None)


def test_a_model_that_is_gone(start, tmp_path):
    from spotal.errors import DataFileError

    project = start("image", 6, model=str(tmp_path / "gone.pt"))
    with pytest.raises(DataFileError, match=r"gone\.pt does not exist"):
        next_batch(project)


FAILS = """
import sys
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.preprocessing import FunctionTransformer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

class Bare:
    def fit(self, X, y): return self
    def predict(self, X): return [0] * len(X)

def calibrated(): return CalibratedClassifierCV(LinearSVC())
def searched(): return GridSearchCV(LogisticRegression(), {"C": [1, 10]})
def counts(): return MultinomialNB()
def bare(): return Bare()
def unwritten(): return make_pipeline(FunctionTransformer(lambda X: X), LogisticRegression())
"""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("calibrated", "Error: model CalibratedClassifierCV failed in fit on 3 labels of 3 classes"),
        ("searched", "Error: model GridSearchCV failed in fit on 3 labels of 3 classes"),
        ("counts", "Error: model MultinomialNB failed in fit on 3 labels of 3 classes"),
        ("bare", "Error: classifier must have fit and predict_proba or decision_function, found Bare without"),
        ("unwritten", "Error: model Pipeline failed in writing its weights"),
    ],
)
def test_a_model_that_fails_is_one_sentence_of_every_command(start, name, sentence, monkeypatch):
    from typer.testing import CliRunner

    from spotal.cli.main import app

    project = start(batch_size=3, model=f"fails_{name}:{name}")
    (project.folder / f"fails_{name}.py").write_text(FAILS)
    monkeypatch.delitem(sys.modules, f"fails_{name}", raising=False)
    for k in range(3):
        project.labels.record(f"v{k:03}", truth(f"v{k:03}"), annotator="ann")
    for command in ("train", "next", "predict"):
        done = CliRunner().invoke(app, [command, str(project.folder)])
        assert done.exit_code == 2, done.output
        assert done.stderr.startswith(sentence)
        assert done.stderr.count("\n") == 1
    assert len(project.models) == 0
    assert not list(project.folder.rglob("*.part"))
