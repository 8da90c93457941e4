"""Choosing batches and training, round after round, on pools that grow and with labels that change."""

from __future__ import annotations

import numpy as np
import pytest
from tests.project.learning.conftest import draw, truth, write

from spotal.errors import FinishedError, InputError, ModelError, ProjectBusyError, SpotalWarning
from spotal.project import next_batch, read_embeddings, read_predictions, train
from spotal.project.learning import feature_cache, recipe_for
from spotal.project.places import MODELS
from spotal.project.project import Project


def picks_of(project, number):
    return [pick.item for pick in project.rounds.picks(number)]


def right(project):
    found = read_predictions(project)
    names = [truth(item.id) for item in project.items]
    return np.mean([found.classes[k] == name for k, name in zip(found.predicted, names, strict=True)])


def test_rounds_teach_the_model(start, answer):
    project = start(held_back=0.2, share=0.25)
    first = next_batch(project)
    assert (first.number, first.n_picks, first.n_audit, first.n_labeled) == (0, 12, 3, 0)
    assert read_predictions(project) is None
    assert read_embeddings(project).shape == (60, 5)
    answer(project)
    second = next_batch(project)
    assert (second.number, second.n_labeled, second.n_audit) == (1, 9, 3)
    assert right(project) > 0.8
    held_back = {item.id for item in project.items if item.held_back}
    for pick in project.rounds.picks():
        assert (pick.item in held_back) == (pick.role == "audit")
    queried = [pick for pick in project.rounds.picks(1) if pick.role == "query"]
    assert sum(pick.mass for pick in queried) == pytest.approx(1)
    assert sum(pick.stands_for for pick in queried) == 60 - len(held_back) - 9
    for pick in queried:
        assert 0 <= pick.uncertainty < 1
        assert pick.about["confidence"] == pytest.approx(1 - pick.uncertainty)
        assert set(pick.about["neighbors"]) <= {item.id for item in project.items.candidates()} | set(
            picks_of(project, 1)
        )


def test_a_batch_that_waits_is_not_chosen_twice(start, answer):
    project = start()
    assert next_batch(project) == next_batch(project)
    answer(project, most=5)
    assert next_batch(project).number == 0
    assert next_batch(project, 3, anyway=True).number == 1
    assert len(set(picks_of(project, None))) == 15


def test_the_same_picks_whenever_it_is_asked(start, answer, tmp_path):
    chosen = []
    for name in ("one", "two"):
        project = start()
        next_batch(project)
        answer(project)
        if name == "two":
            train(project)  # before, on its own
        next_batch(project)
        chosen.append(picks_of(project, None))
        project.close()
        project.folder.rename(tmp_path / name)
    assert chosen[0] == chosen[1]


def test_the_budget_ends_it(start, answer):
    project = start(budget=15)
    next_batch(project)
    answer(project)
    assert next_batch(project).n_picks == 3
    answer(project)
    with pytest.raises(FinishedError, match="budget of 15 is spent"):
        next_batch(project)
    assert len(project.rounds) == 2


def test_so_does_the_end_of_the_items(start, answer):
    project = start(n=14)
    next_batch(project)
    answer(project)
    assert next_batch(project).n_picks == 2
    answer(project)
    with pytest.raises(FinishedError, match="add items"):
        next_batch(project)


def test_only_what_is_new_or_changed_is_embedded(start, answer, tmp_path, monkeypatch):
    project = start("image", n=30)
    seen = []
    plain = feature_cache.FeatureCache.update

    def spy(self, items, compute, progress):
        return plain(self, items, lambda some: (seen.extend(item.id for item in some), compute(some))[1], progress)

    monkeypatch.setattr(feature_cache.FeatureCache, "update", spy)
    next_batch(project)
    assert len(seen) == 30
    answer(project)
    seen.clear()
    next_batch(project)
    assert seen == []
    answer(project)
    draw(tmp_path / "images", range(30, 33))
    gone, *others = project.items.candidates()
    changed = next(item for item in others if truth(item.id) != truth("i032.png"))
    (tmp_path / "images" / changed.id).write_bytes((tmp_path / "images" / "i032.png").read_bytes())
    (tmp_path / "images" / gone.id).unlink()
    next_batch(project)
    assert sorted(seen) == [changed.id, "i030.png", "i031.png", "i032.png"]
    found = read_predictions(project)
    assert len(found) == 33
    assert [number for number in range(33) if not found.known[number]] == [gone.number]
    assert found.guess(gone.number) is None
    assert found.guess(changed.number)[0] == truth("i032.png")


def test_images_that_cannot_be_read_are_told_and_passed_over(start, answer, tmp_path):
    project = start("image", n=12)
    (tmp_path / "images" / "i003.png").write_bytes(b"no image")
    with pytest.warns(SpotalWarning, match=r"skipped 1 of 12 .*i003\.png"):
        next_batch(project, 12)
    assert "i003.png" not in picks_of(project, 0)
    assert len(picks_of(project, 0)) == 11


def test_texts_grow_too(start, answer, tmp_path):
    project = start("text", n=24)
    for _ in range(2):
        next_batch(project)
        answer(project)
    write(tmp_path, range(36))
    next_batch(project)
    assert len(read_predictions(project)) == 36
    assert right(project) > 0.8


def test_answers_that_are_no_label(start, answer):
    project = start()
    next_batch(project)
    batch = [task.item.id for task in project.rounds.batch()]
    project.labels.record(batch[0], annotator="ann", kind="skip")
    project.labels.record(batch[1], annotator="ann", kind="none_of_these")
    project.labels.record(batch[2], "red", annotator="ann")
    project.labels.record(batch[2], "blue", annotator="bob")
    for item in batch[3:]:
        project.labels.record(item, truth(item), annotator="ann")
    assert next_batch(project).n_labeled == 9
    assert project.rounds.batch()[0].item.id == batch[2]  # the conflict comes first
    assert project.rounds.batch()[0].conflict
    assert not set(batch) & set(picks_of(project, 1))


def test_labels_of_one_class_train_nothing(start):
    project = start()
    next_batch(project)
    for task in project.rounds.batch():
        project.labels.record(task.item.id, "red", annotator="ann")
    assert next_batch(project).n_labeled == 0
    assert read_predictions(project) is None
    model = train(project)
    assert (model.n_labeled, model.predictions) == (0, None)


def test_a_class_that_was_renamed(start, answer):
    project = start()
    next_batch(project)
    answer(project)
    train(project)
    path = project.folder / "spotal.toml"
    path.write_text(path.read_text().replace('"red"', '"crimson"'))
    project.close()
    with Project.open(project.folder) as again:
        reds = sum(row.label == "red" for row in again.labels.current().values())
        with pytest.warns(SpotalWarning, match=rf"left out {reds} labels of classes .* \(red\)"):
            model = train(again)
        assert model.n_labeled == 12 - reds
        found = read_predictions(again)
        assert found.classes == ("crimson", "green", "blue")
        assert set(found.predicted.tolist()) == {1, 2}


def test_training_again_when_nothing_has_changed_does_nothing(start, answer):
    project = start()
    next_batch(project)
    answer(project)
    first = train(project)
    assert train(project) == first
    item = project.rounds.picks(0)[0].item
    project.labels.withdraw(item, annotator="ann")
    assert train(project).n_labeled == first.n_labeled - 1


def test_a_model_whose_files_were_lost_is_trained_again(start, answer):
    project = start()
    next_batch(project)
    answer(project)
    model = train(project)
    project.models.file(model.predictions).unlink()
    again = train(project)
    assert again.number == model.number + 1
    assert len(read_predictions(project)) == 60


def test_old_embeddings_make_room(start, answer):
    project = start()
    for _ in range(4):
        next_batch(project)
        answer(project)
    train(project)
    models = project.models.all()
    assert [model.embeddings is not None for model in models] == [False] * 3 + [True] * 2
    there = {path.name for path in (project.folder / MODELS).iterdir()}
    named = {name for model in models for name in (model.weights, model.embeddings, model.predictions) if name}
    assert there == {name.removeprefix(f"{MODELS}/") for name in named}


def test_a_strategy_that_needs_a_model_begins_at_random(start, answer):
    project = start(strategy="margin")
    assert "random" in next_batch(project).about["note"]
    answer(project)
    assert "note" not in next_batch(project).about


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": "small-cnn"}, "takes images"),
        ({"model": "fine-tune:vit"}, "found embeddings"),
        ({"model": "some-vit"}, "found embeddings"),
        ({"model": "no_such_module:make"}, "cannot be made"),
    ],
)
def test_models_that_do_not_fit(start, settings, said):
    project = start(**settings)
    with pytest.raises(ModelError, match=said):
        recipe_for(project.settings, project.folder).check()


def test_numbers_that_are_none(start, tmp_path):
    project = start()
    lines = (tmp_path / "vectors.csv").read_text().splitlines()
    lines[3] = "v002,nan,0,0,0,0"
    (tmp_path / "vectors.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="row"):
        next_batch(project)


def test_one_at_a_time(start):
    project = start()
    with project.lock("train"), pytest.raises(ProjectBusyError, match="train"):
        next_batch(project)
