"""Tables as they are written: encodings, delimiters, decimal marks, and ids and texts to the letter."""

import datetime
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from tests.raising import raises_input

from spotal.errors import DataFileError, FormatNote
from spotal.tables import Dialect, found_dialect, read_lines, read_table

ODD = ["00007", "0x07", "true", "2020-01-02", "1e3", "NA", "null", " 7", "+1", "1.50", "Zürich", "=1+1", "001", "-0"]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.arrow", "a.feather"])
def test_ids_and_texts_are_what_is_written(tmp_path, name):
    path = tmp_path / name
    if name.endswith("sv"):
        mark = "\t" if name == "a.tsv" else ","
        write(path, "\n".join([f"id{mark}text", *(f"{value}{mark}{value}" for value in ODD)]))
    elif name == "a.jsonl":
        write(path, "\n".join(json.dumps({"id": value, "text": value}) for value in ODD))
    elif name == "a.parquet":
        pq.write_table(pa.table({"id": ODD, "text": ODD}), path)
    elif name == "a.arrow":
        with (
            pa.OSFile(str(path), "wb") as file,
            pa.ipc.new_stream(file, (t := pa.table({"id": ODD, "text": ODD})).schema) as s,
        ):
            s.write_table(t)
    else:
        pyarrow.feather.write_feather(pa.table({"id": ODD, "text": ODD}), path)
    table = read_table(path)
    assert table.ids("id", "id_column") == ODD
    assert table.texts("text", "text_column") == ODD


def test_numbers_of_json_keep_their_digits(tmp_path):
    large = "9" * 400
    path = write(tmp_path / "a.jsonl", f'{{"id": 7.50}}\n{{"id": {large}}}\n{{"id": true}}\n')
    assert read_table(path).ids("id", "id") == ["7.50", large, "true"]


@pytest.mark.parametrize("quoted", [False, True])
def test_both_ways_through_a_csv_give_the_same(tmp_path, quoted):
    rng = np.random.default_rng(0)
    rows = [[f"{k:05}", *(f"{value:.3f}" for value in rng.normal(size=3))] for k in range(5000)]
    lines = ["id,a,b,c", *(",".join(f'"{cell}"' if quoted else cell for cell in row) for row in rows)]
    table = read_table(write(tmp_path / "a.csv", "\r\n".join(lines)))
    assert table.ids("id", "id") == [row[0] for row in rows]
    np.testing.assert_array_equal(table.features(("id",)), np.asarray(rows)[:, 1:].astype(float))
    assert table.where(4999) == "line 5001"


# -- encodings

WORDS = "id,text\n1,Škoda né – ok\n2,naïve €\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_says_the_encoding(tmp_path, encoding):
    path = write(tmp_path / "a.csv", WORDS, encoding)
    if encoding.startswith("utf-8"):
        table = read_table(path)
    else:
        with pytest.warns(FormatNote, match=f"is read as {encoding.upper()}, by its byte-order mark"):
            table = read_table(path)
    assert table.texts("text", "text") == ["Škoda né – ok", "naïve €"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "txt"])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be", "shift_jis", "koi8-r"])
def test_a_named_encoding_is_taken_and_without_it_the_line_is_said(tmp_path, suffix, encoding):
    word = {"shift_jis": "日本語", "koi8-r": "привет"}.get(encoding, "né")
    text = {"csv": f"id,text\na,plain\nb,{word}\n", "txt": f"head\nplain\n{word}\n"}.get(
        suffix, '{"id":"h","text":"x"}\n{"id":"a","text":"plain"}\n{"id":"b","text":"' + word + '"}\n'
    )
    path = write(tmp_path / f"a.{suffix}", text, encoding)

    def read(dialect):
        return read_lines(path, dialect) if suffix == "txt" else read_table(path, dialect).texts("text", "text")

    assert read(Dialect(encoding))[-1] == word
    said = "full of NUL characters" if encoding.startswith("utf-16") else "is not UTF-8 in line 3"
    with pytest.raises(DataFileError, match=rf"a\.{suffix} (is|{said}).*--encoding"):
        read(Dialect())
    write(path, text, "utf-8-sig")  # a mark counts for more than the name
    assert read(Dialect(encoding))[-1] == word


@pytest.mark.parametrize("name", ["utf-9", "rot13", "base64", "", "a\0b"])
def test_encodings_that_are_none(name):
    with raises_input("encoding"):
        Dialect(name)


@pytest.mark.parametrize("mark", ["", ";;", '"', "\n", "a", "é"])
def test_delimiters_that_are_none(mark):
    with raises_input("delimiter"):
        Dialect(None, mark)


def test_texts_that_cannot_be_written(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"id": "a", "text": "x"}\n{"id": "b", "text": "\\ud800"}\n')
    with pytest.raises(DataFileError, match=r"no JSON in line 2 .it has half a character"):
        read_table(path).texts("text", "text")
    path = write(tmp_path / "b.csv", "id,text\na,\\ud800\n")
    with pytest.raises(DataFileError, match="cannot be read as UNICODE_ESCAPE"):
        read_table(path, Dialect("unicode_escape"))


# -- delimiters and decimal commas


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_other_delimiters_are_found_and_said(tmp_path, mark, name):
    text = "\n".join([f"id{mark}text{mark}x", f"a{mark}hello, you{mark}1.5", f'b{mark}"x{mark}y"{mark}2'])
    path = write(tmp_path / "a.csv", text)
    with pytest.warns(FormatNote, match=f"is read with {name} between its columns"):
        table = read_table(path)
    assert table.texts("text", "text") == ["hello, you", f"x{mark}y"]
    assert table.numbers("x", "x").tolist() == [1.5, 2]
    assert found_dialect(path) == Dialect(None, mark)
    assert read_table(path, Dialect(None, mark)).names == ["id", "text", "x"]  # said no more


def test_a_named_delimiter_counts_where_the_first_line_has_it(tmp_path):
    assert read_table(write(tmp_path / "a.csv", "id^x\na^1\n"), Dialect(None, "^")).names == ["id", "x"]
    assert read_table(write(tmp_path / "b.csv", "id,x\na,1\n"), Dialect(None, "^")).names == ["id", "x"]
    assert read_table(write(tmp_path / "c.csv", "text\na^1\n"), Dialect(None, "^")).names == ["text"]


def test_one_column_of_texts_with_other_marks_is_one_column(tmp_path):
    table = read_table(write(tmp_path / "a.csv", "text\none; two\nthree; four\n"))
    assert table.texts("text", "text") == ["one; two", "three; four"]
    with pytest.raises(DataFileError, match="more or fewer fields in line 2 than in its header, 2 for 1; quote texts"):
        read_table(write(tmp_path / "b.csv", "text\none, two\nthree, four\n"))


def test_what_excel_says_of_the_delimiter(tmp_path):
    with pytest.warns(FormatNote, match="semicolons"):
        table = read_table(write(tmp_path / "a.csv", "sep=;\r\nid;x\r\na;1,5\r\n"))
    assert (table.names, table.where(0)) == (["id", "x"], "line 3")


def test_two_delimiters_that_fit_are_asked_about(tmp_path):
    path = write(tmp_path / "a.csv", "size, cm;name\n3,5;a\n4,5;b\n")
    with pytest.raises(DataFileError, match=r"equally many commas and semicolons in each line.*--delimiter"):
        read_table(path)
    assert read_table(path, Dialect(None, ";")).names == ["size, cm", "name"]


@pytest.mark.filterwarnings("ignore::spotal.errors.FormatNote")
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("id;x;y\na;1,5;2\nb;-0,25;3,0\n", [[1.5, 2], [-0.25, 3]]),
        ("id;x;y\na;1.234,5;2\nb;0,25;\n", [[1234.5, 2], [0.25, np.nan]]),
        ("1,5;2,5\n3,5;4,5\n", [[1.5, 2.5], [3.5, 4.5]]),
        ("id;x\na;1.5\nb;2\n", [[1.5], [2]]),
        ('id,x\na,"1,5"\nb,"0,123"\n', [[1.5], [0.123]]),
        ("id,x,y\na,1e5,true\nb,+2,False\n", [[1e5, 1], [2, 0]]),
    ],
)
def test_numbers_with_commas_and_points(tmp_path, text, rows):
    np.testing.assert_array_equal(read_table(write(tmp_path / "a.csv", text)).features(("id",)), rows)


@pytest.mark.filterwarnings("ignore::spotal.errors.FormatNote")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('id,x\na,"1,234"\nb,"5,678"\n', "text among the numbers of column 'x', first '1,234' in line 2"),
        ("id;x;y\na;1,5;2.5\nb;2,5;3.5\n", "decimal commas in column 'x' and points in column 'y'"),
        ("id;x\na;5.678\nb;1,2\n", "text among the numbers of column 'x'"),
        ("id,x,y\na,1,12 %\nb,2,14 %\n", "text among the numbers of column 'y'"),
    ],
)
def test_numbers_that_may_mean_two_things_are_refused(tmp_path, text, message):
    with pytest.raises(DataFileError, match=message):
        read_table(write(tmp_path / "a.csv", text)).features(("id",))


def test_decimal_commas_are_said(tmp_path):
    with pytest.warns(FormatNote) as said:
        read_table(write(tmp_path / "a.csv", "id;x\na;1,5\n")).features(("id",))
    assert [str(one.message).split(" is read ")[1] for one in said] == [
        "with semicolons between its columns", "with decimal commas",
    ]  # fmt: skip


# -- faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('id,text\na,"x\nb,y\n', "is no CSV from line 2 on"),
        ('id,text\na,"x"y\n', "is no CSV from line 2 on"),
        ("id,text\na,x\n\nb,y,z\n", "fields in line 4 than in its header, 3 for 2"),
        ("id,text,id\na,x,b\n", "more than one column called 'id'"),
        ("id,text\n", "has no rows"),
        ("\n\n", "is empty"),
        ("id,text\n,x\n", "empty cell in column 'id', line 2"),
        ("id,text\na,x\na,y\n", "must not repeat, found 'a'"),
    ],
)
def test_what_is_wrong_with_a_csv(tmp_path, text, message):
    with pytest.raises(DataFileError, match=message):
        read_table(write(tmp_path / "a.csv", text)).ids("id", "id")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": null}', "empty cell in column 'id', line 2"),
        ("{}", "empty cell in column 'id', line 2"),
        ('{"id": ["b"]}', r"must hold text in column 'id', found \['b'\] in line 2"),
        ('{"id": {"x": 1}}', "must hold text in column 'id', found .* in line 2"),
        ('{"id": "b", "id": "c"}', "no JSON in line 2 .more than one key called 'id'"),
        ("[" * 100_000, "no JSON in line 2 .it is nested too deep"),
        ('{"id": "b"', "no JSON in line 2"),
        ("7", "must hold an object in each line, found '7' in line 2"),
    ],
)
def test_what_is_wrong_with_json_lines(tmp_path, line, message):
    path = write(tmp_path / "a.jsonl", '{"id": "a"}\n' + line + "\n")
    with pytest.raises(DataFileError, match=message):
        read_table(path).ids("id", "id")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (pa.array([2**63, 2**64 - 1], pa.uint64()), [2**63, 2**64 - 1]),
        (pa.array([-5, 7], pa.int64()), [-5, 7]),
        (pa.array(["007", "0x7"]).dictionary_encode(), ["007", "0x7"]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (pa.array([datetime.date(2020, 1, 2), datetime.date(2021, 1, 2)]), ["2020-01-02", "2021-01-02"]),
    ],
)
def test_ids_of_parquet(tmp_path, values, found):
    pq.write_table(pa.table({"id": values}), tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet").ids("id", "id")) == found


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array([1.0, 2.0]), "must hold text in column 'x', found 1.0 in row 0"),
        (pa.array([["a"], ["b"]]), "must hold text in column 'x'"),
        (pa.array(["a", None]), "empty cell in column 'x', row 1"),
        (pa.array([datetime.datetime(2020, 1, 1)]), "must hold text in column 'x'"),
        (pa.array([b"a", b"\xff"]).cast(pa.binary()), "bytes that are no UTF-8 in column 'x', row 1"),
        (pa.array([b"a", b"\xff"]).view(pa.string()), "is not UTF-8 in column 'x', row 1"),
    ],
)
@pytest.mark.filterwarnings("ignore::spotal.errors.FormatNote")
def test_columns_of_parquet_that_are_no_text(tmp_path, values, message):
    pq.write_table(pa.table({"x": values}), tmp_path / "a.parquet")
    with pytest.raises(DataFileError, match=message):
        read_table(tmp_path / "a.parquet").texts("x", "x")


def test_bytes_are_read_as_utf8_and_this_is_said(tmp_path):
    pq.write_table(pa.table({"x": pa.array(["né".encode()])}), tmp_path / "a.parquet")
    with pytest.warns(FormatNote, match="has bytes in column 'x', which are read as UTF-8"):
        assert read_table(tmp_path / "a.parquet").texts("x", "x") == ["né"]


# -- headers of arrays


def header(text, rest=b""):
    body = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body + rest


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000, 100), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-4, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2.5, 2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 'x', }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2",
        "{'descr': '<V999999999999', 'fortran_order': False, 'shape': (2, 2), }",
        "{'descr': '<q17', 'fortran_order': False, 'shape': (2, 2), }",
        "{'shape': (2, 2), }",
        "[" * 116,
        "",
    ],
)
@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_headers_that_lie(tmp_path, text, kind):
    import zipfile

    from spotal.tables.arrays import read_npy, read_npz

    content = header(text, bytes(64))
    if kind == "npy":
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(DataFileError, match="truncated or corrupt"):
            read_npy(tmp_path / "a.npy")
        return
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("X.npy", content)
    with pytest.raises(DataFileError, match="truncated or corrupt"):
        read_npz(tmp_path / "a.npz")


def test_arrays_of_every_version_and_no_entries(tmp_path):
    from spotal.tables.arrays import read_npy

    for version in ((1, 0), (2, 0), (3, 0)):
        content = io.BytesIO()
        np.lib.format.write_array(content, np.arange(6.0).reshape(2, 3), version=version)
        (tmp_path / "a.npy").write_bytes(content.getvalue())
        assert read_npy(tmp_path / "a.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    np.save(tmp_path / "b.npy", np.empty((0, 3)))
    assert read_npy(tmp_path / "b.npy").shape == (0, 3)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".txt"])
def test_a_path_with_a_nul_character(tmp_path, suffix):
    read = read_lines if suffix == ".txt" else read_table
    with pytest.raises(DataFileError, match="has a NUL character, which no path has; check the path"):
        read(tmp_path / f"a\0b{suffix}", Dialect())
