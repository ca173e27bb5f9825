import pytest

from strata_train.text import TextEncoder, chunk_text, pad, prepare


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("fooBar", "foo Bar"),
        ("HTTPServer", "HTTP Server"),
        ("utf8", "utf 8"),
        ("_private__x__", "private x"),
        ("parseHTTPHeader_v2", "parse HTTP Header v 2"),
        ("for _ in x", "for in x"),
        ("a._b", "a.b"),
        ("x86_64Bit", "x 86 64 Bit"),
        ("ÄpfelBaum2Ω", "Äpfel Baum 2 Ω"),
        ("日本語Test", "日本語Test"),
        ("a=b_c+dE;\n\t z ", "a=b c+d E; z"),
        ("", ""),
        ("\u2003\ufeff", ""),
    ],
)
def test_prepares_text_as_the_model_folder_contract_says(raw: str, expected: str) -> None:
    assert prepare(raw) == expected


def test_a_chunk_is_its_breadcrumb_then_its_body() -> None:
    assert chunk_text("a.py > f", "def f(): pass") == "a.py > f\ndef f(): pass"
    assert chunk_text("", "def f(): pass") == "def f(): pass"


def test_ids_are_cut_to_the_limit_including_both_special_tokens(text: TextEncoder) -> None:
    ids = text.encode_code("", "read the file " * 50, 16)
    assert len(ids) == 16
    assert (ids[0], ids[-1]) == (text.cls_id, text.sep_id)
    assert text.encode_query("", 16) == [text.cls_id, text.sep_id]


def test_padding_is_masked() -> None:
    ids, mask = pad([[2, 3], [2, 7, 8, 3]])
    assert ids.tolist() == [[2, 3, 0, 0], [2, 7, 8, 3]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
