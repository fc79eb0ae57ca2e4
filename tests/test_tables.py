"""Tables are read as they are written: text stays text, and no column shifts."""

import numpy as np
import pandas as pd
import pytest

from m2l.doors import tables
from m2l.errors import InputError

PLAIN = "id,valence,title\n0012,7.5,Café\n12,3,\n"
COLUMNS = ["id", "valence"]


def read(tmp_path, content, columns=COLUMNS):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tables.read(path, columns)


def same(table):
    assert table[["id", "title"]].fillna("").to_numpy().tolist() == [["0012", "Café"], ["12", ""]]
    assert tables.numbers(table["valence"]).tolist() == [7.5, 3]
    assert list(table) == ["id", "valence", "title"]


@pytest.mark.parametrize(
    "content",
    {
        "plain": PLAIN,
        "blank lines": "\n" + PLAIN + "\n,,\n \n",
        "spaces": " id , valence , title \n 0012 , 7.5 , Café \n12, 3,\n",
        "quotes": '"id","valence","title"\n"0012","7.5","Café"\n"12","3",""\n',
        "Windows' lines": PLAIN.replace("\n", "\r\n"),
        "old lines": PLAIN.replace("\n", "\r"),
        "comma at the end of each row": "id,valence,title\n0012,7.5,Café,\n12,3,,\n",
        "comma at the end of each line": "id,valence,title,\n0012,7.5,Café,\n12,3,,\n",
        "a spreadsheet's empty columns": "id,valence,title,,\n0012,7.5,Café,,\n12,3,,,\n,,,,\n",
        "numbered rows": ",id,valence,title\n0,0012,7.5,Café\n1,12,3,\n",
        "numbers without a header": "id,valence,title\n0,0012,7.5,Café\n1,12,3,\n",
        "short rows": "id,valence,title\n0012,7.5,Café\n12,3\n",
        "semicolons": PLAIN.replace(",", ";"),
        "decimal commas": PLAIN.replace(",", ";").replace("7.5", "7,5"),
        "tabs": PLAIN.replace(",", "\t"),
        "bars": PLAIN.replace(",", "|"),
        "a note on the separator": "sep=;\n" + PLAIN.replace(",", ";"),
    }.items(),
    ids=lambda x: x[0],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_layouts_and_encodings(tmp_path, content, encoding):
    same(read(tmp_path, content[1].encode(encoding)))


def test_cells_with_separators_and_lines(tmp_path):
    table = read(
        tmp_path, 'id,valence,title\n1,2,"Hello, ""you"""\n2,3,"two\nlines"\n3,4,12" mix\n'
    )
    assert table["title"].tolist() == ['Hello, "you"', "two\nlines", '12" mix']


def test_words_that_others_take_for_nothing_are_text(tmp_path):
    words = ["NA", "null", "None", "nan", "True", "1e5", "007", "1.0"]
    table = read(tmp_path, "id,valence\n" + "".join(f"{w},5\n" for w in words))
    assert table["id"].tolist() == words


@pytest.mark.parametrize(
    "content, told",
    [
        ("", "it has no rows"),
        ("id,valence\n", "it has no rows"),
        ("id,valence\n1,2,3\n4,5\n", "line 2 has 3 fields for 2 columns"),
        ('id,valence\n1,"2\n3,4\n', "unexpected end of data"),
        ("id,val\n1,2\n", "no column valence; columns found: id,val; name them so"),
        ("id;val\n1;2\n", "no column valence; columns found: id;val; name them so"),
        ("id,valence,id\n1,2,3\n", "two columns id"),
        (b"PK\x03\x04\0\0\0", "a spreadsheet"),
        (b"\xff\xfe\x00", "damaged utf-16"),
    ],
)
def test_what_is_no_table_is_told_in_one_line(tmp_path, content, told):
    with pytest.raises(InputError) as error:
        read(tmp_path, content)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'table.csv'}: ") and told in message
    assert "\n" not in message


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv: not found; get it"):
        tables.read(tmp_path / "gone.csv", missing="get it")


def test_numbers_are_made_value_by_value():
    cells = pd.Series(["7.5", "7,5", "−1", "+.5", "1e1", "n.v.", "1,234,567", "", np.nan, None])
    expected = [7.5, 7.5, -1, 0.5, 10, *[np.nan] * 5]
    np.testing.assert_array_equal(tables.numbers(cells), expected)
    np.testing.assert_array_equal(tables.numbers(pd.Series([1, 2])), [1.0, 2.0])
    assert tables.numbers(pd.Series([np.nan, np.nan], dtype=object)).isna().all()
