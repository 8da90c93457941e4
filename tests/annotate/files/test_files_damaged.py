"""Folders of Hugging Face datasets that are damaged or say odd things: one sentence, and nothing is recorded."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from spotal.annotate.files import import_labels
from spotal.errors import DataFileError

ANSWER = {"annotator": "ann", "kind": "label", "label": "cat", "at": "2026-01-31T12:00:00Z", "source": "page"}


@pytest.fixture
def refused(make, tmp_path):
    """Import a folder with these batches; the sentence of the error."""
    project = make("text")

    def refused(*batches, state=None, features=None):
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        batches = batches or (pa.RecordBatch.from_pydict({"id": ["a.png"], "label": ["cat"]}),)
        metadata = None if features is None else {"huggingface": features}
        with pa.ipc.new_stream(folder / "x.arrow", batches[0].schema.with_metadata(metadata)) as stream:
            for batch in batches:
                stream.write_batch(batch.replace_schema_metadata(metadata))
        state = {"_data_files": [{"filename": "x.arrow"}]} if state is None else state
        (folder / "state.json").write_text(state if isinstance(state, str) else json.dumps(state))
        with pytest.raises(DataFileError) as error:
            import_labels(project, folder)
        assert len(project.labels.history()) == 0
        said = str(error.value)
        assert "\n" not in said
        assert len(said) < 400
        return said

    return refused


@pytest.mark.parametrize("column", ["id", "label", "answers"])
def test_offsets_that_point_outside_the_file_do_not_end_the_process(make, tmp_path, refused, column):
    long = {"answers": ["x"] * 7_777} if column == "answers" else {column: "x" * 7_777}
    refused(pa.RecordBatch.from_pylist([{"id": "a.png", "label": "cat"} | long]))
    path = tmp_path / "data" / "x.arrow"
    offsets = (0).to_bytes(4, "little") + (7_777).to_bytes(4, "little")
    before, found, after = path.read_bytes().rpartition(offsets)  # what stands before are lengths in the metadata
    assert found
    for end in (2**31 - 1, 2**31 + 5, 10**9):
        path.write_bytes(before + offsets[:4] + end.to_bytes(4, "little") + after)
        with pytest.raises(DataFileError, match=r"x\.arrow is damaged or cut short") as error:
            import_labels(make("text", f"{column}-{end}"), tmp_path / "data")
        assert "\n" not in str(error.value)


def test_a_file_that_is_cut(refused, make, tmp_path):
    refused(state={"_data_files": 5})
    path = tmp_path / "data" / "x.arrow"
    whole = path.read_bytes()
    (tmp_path / "data" / "state.json").write_text('{"_data_files": [{"filename": "x.arrow"}]}')
    project = make("text", "other")
    for size in (0, 4, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:size])
        with pytest.raises(DataFileError, match=r"x\.arrow is damaged or cut short"):
            import_labels(project, tmp_path / "data")


@pytest.mark.parametrize(
    "state",
    [{}, [], 5, None, {"_data_files": 5}, {"_data_files": [5]}, {"_data_files": [{}]},
     {"_data_files": [{"filename": 5}]}, {"_data_files": [{"filename": "a\0b"}]},
     "[" * 100_000, '{"a":' * 100_000, "9" * 5_000],
    ids=lambda state: str(state)[:30],
)  # fmt: skip
def test_what_a_state_may_not_be(refused, state):
    said = refused(state=state if isinstance(state, str) else json.dumps(state, default=str))
    assert "state.json" in said


@pytest.mark.parametrize("splits", [{}, [], {"splits": 5}, {"splits": [5]}, {"splits": [None]}])
def test_what_a_list_of_splits_may_not_be(make, tmp_path, splits):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dataset_dict.json").write_text(json.dumps(splits))
    with pytest.raises(DataFileError, match=r"dataset_dict\.json must have a list 'splits' of texts, found none"):
        import_labels(make("text"), tmp_path / "data")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "guess"}, "has kind 'guess' in row 0"),
        ({"at": "yesterday"}, "has the time 'yesterday' in row 0"),
        ({"annotator": 2.5}, "has 2.5 in row 0 where a text is needed"),
        ({"label": [1]}, r"has \[1\] in row 0 where a text is needed"),
    ],
)
def test_answers_that_say_odd_things(refused, change, said):
    rows = [{"id": "a.png", "label": "cat", "answers": [ANSWER | change]}]
    assert re.search(said, refused(pa.RecordBatch.from_pylist(rows)))


def test_answers_that_are_no_answers(refused):
    for answers in ([5], 5, "cat", [None], {"kind": "guess"}):
        said = refused(pa.RecordBatch.from_pylist([{"id": "a.png", "label": "cat", "answers": answers}]))
        assert "in row 0" in said


def test_labels_that_have_no_name(refused):
    features = json.dumps({"info": {"features": {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}}})
    for label in (2, -5, 10**12, 0.5, "cat", True):
        batch = pa.RecordBatch.from_pydict({"id": ["a.png"], "label": [label]})
        assert "names for 2 classes; correct it" in refused(batch, features=features)


@pytest.mark.parametrize("features", ["[" * 100_000, "{", '{"info": {"features": {"label": {"_type": "ClassLabel"}}}}',
                                      '{"info": {"features": {"label": {"_type": "ClassLabel", "names": [1]}}}}'],
                         ids=lambda text: text[:20])  # fmt: skip
def test_features_that_cannot_be_read(refused, features):
    assert "x.arrow" in refused(pa.RecordBatch.from_pydict({"id": ["a.png"], "label": [0]}), features=features)
