"""Files of codes are read as strictly as all others."""

import io

import pytest

from customers.core.errors import DomainError
from loyalty.activity.rewards.code_files import read_codes


def read(content: bytes) -> list[tuple[int, str, str]]:
    return list(read_codes(io.BytesIO(content)))


@pytest.mark.parametrize(
    "content",
    [
        b"AB-12\nCD-34\n",
        b"\xef\xbb\xbfAB-12\r\nCD-34\r\n",
        "AB-12\nCD-34\n".encode("utf-16"),
        b'"AB-12"\n\n"CD-34"',
    ],
)
def test_codes_stand_one_a_line_in_any_encoding(content: bytes) -> None:
    assert [(text, problem) for _line, text, problem in read(content)] == [("AB-12", ""), ("CD-34", "")]


@pytest.mark.parametrize(
    "content",
    [
        b"code\nAB-12\nCD-34\n",
        b"sep=;\nnumber;Code;until\n1;AB-12;2027-01-01\n2;CD-34;2027-01-01\n",
        "Libellé;Code promo\nÉté;AB-12\nHiver;CD-34\n".encode("cp1252"),
        b'code,note\nAB-12,"a, b"\nCD-34,\n',
    ],
)
def test_or_in_the_column_that_is_named_code(content: bytes) -> None:
    assert [text for _line, text, _problem in read(content)] == ["AB-12", "CD-34"]


def test_a_line_is_known_by_its_number_in_the_file() -> None:
    assert [line for line, _text, _problem in read(b"code\nAB-12\n\nCD-34\n")] == [2, 4]
    assert [line for line, _text, _problem in read(b"AB-12\n\nCD-34\n")] == [1, 3]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"code;note\nAB-12;x\nCD-34\n", 3, "1 cells under 2 columns"),
        (b"code;note\nAB-12;x\nCD-34;y;z\n", 3, "3 cells under 2 columns"),
        (b'code\nAB-12\n"CD-34\nEF-56\n', 3, "quotes of this row are not balanced"),
        (b"code\nAB-12\n4.51235E+12\n", 3, "its last digits are lost"),
    ],
)
def test_what_cannot_be_read_surely_is_refused_with_its_line(content: bytes, line: int, words: str) -> None:
    problems = [(place, problem) for place, _text, problem in read(content) if problem]

    assert [place for place, _problem in problems] == [line]
    assert words in problems[0][1]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable_file"),
        (b"PK\x03\x04 a workbook", "unreadable_file"),
        (b"\x00\x01\x02\x03" * 50, "unreadable_file"),
        (b"code;Code\nA;B\n", "two_columns_of_one_name"),
        (b"number;until\n1;2027\n", "no_column_of_codes"),
    ],
)
def test_a_file_without_codes_is_refused_whole(content: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        read(content)

    assert refused.value.code == code
