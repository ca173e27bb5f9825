import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from strata_train import evaluate
from strata_train.events import UserError


def write_set(folder: Path, *, query_langs: dict[str, int] | None = None, langs: str = "") -> None:
    """`langs`: a letter for each document."""
    folder.mkdir()
    for name, rows in {
        "queries": [{"id": "q1", "text": "a"}, {"id": "q2", "text": "b"}],
        "corpus": [{"id": f"d{i}", "text": str(i), "lang": langs[i : i + 1]} for i in range(5)],
    }.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    (folder / "qrels.tsv").write_text("q1\td0\t1\nq2\td1\t1\nq2\td2\t1\nq2\td4\t0\n")
    (folder / "meta.json").write_text(json.dumps({"query_langs": query_langs or {"en": 2}}))


def unit(rows: list[list[float]]) -> np.ndarray:
    return evaluate.shorten(np.array(rows, np.float32), len(rows[0]))


DOCUMENTS = unit([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0.9, 0.1, 0]])


def test_ndcg_and_mrr_are_what_one_computes_by_hand(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    judged = evaluate.JudgedSet.read(tmp_path / "set")
    # q1 finds d4 first and d0 second; q2 finds d1 first and d2 third.
    queries = unit([[0.9, 0.12, 0], [0, 1, 0.3]])
    figures = evaluate.measure(judged, queries, DOCUMENTS)
    order = np.argsort(-(queries[1] @ DOCUMENTS.T)).tolist()
    rank = order.index(2) + 1
    second = (1 + 1 / np.log2(rank + 1)) / (1 + 1 / np.log2(3))
    assert figures["mrr"] == pytest.approx((1 / 2 + 1) / 2, abs=1e-4)
    assert figures["ndcg10"] == pytest.approx((1 / np.log2(3) + second) / 2, abs=1e-4)


def test_constant_vectors_find_nothing(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    judged = evaluate.JudgedSet.read(tmp_path / "set")
    same = np.ones((5, 3), np.float32)
    assert evaluate.measure(judged, same[:2], same)["mrr"] == pytest.approx(0.2)


def test_scores_that_are_no_numbers_find_nothing(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    judged = evaluate.JudgedSet.read(tmp_path / "set")
    assert evaluate.measure(judged, np.full((2, 3), np.nan), DOCUMENTS)["mrr"] == pytest.approx(0.2)


def test_a_smaller_set_keeps_the_relevant_documents(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    judged = evaluate.JudgedSet.read(tmp_path / "set", max_queries=1, max_documents=2)
    assert judged.query_ids == ["q1"] and "d0" in judged.document_ids and len(judged.document_ids) == 2


def test_every_exit_width_and_pair_of_exits_is_reported(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    judged = evaluate.JudgedSet.read(tmp_path / "set")

    def encode(texts: object, is_query: bool) -> evaluate.Vectors:
        vectors = DOCUMENTS[:2] if is_query else DOCUMENTS
        return {0: vectors, 2: vectors}

    result = evaluate.evaluate_set(judged, encode, (2, 3))
    assert set(result["exits"]) == {"0", "2"} and set(result["exits"]["0"]) == {"2", "3"}
    assert set(result["matrix"]) == {"0>0", "0>2", "2>0", "2>2"}
    table = evaluate.markdown({"set": result})
    assert "| exit 2 |" in table and "2 queries, 5 documents" in table


def test_what_code_of_a_language_has_in_common_is_left_out(tmp_path: Path) -> None:
    write_set(tmp_path / "set", query_langs={"p": 2}, langs="aabbb")
    judged = evaluate.JudgedSet.read(tmp_path / "set")
    said = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [-1, -1, 0]], np.float32)  # what the code does
    spoken = np.array([[0, 0, 1.0 if lang == "a" else -1.0] for lang in judged.document_languages], np.float32)
    queries, documents = evaluate.without_languages(judged, said[:2] + [0, 0, 9], said + 9 * spoken)
    assert not np.abs(documents[:, 2]).max() > 1e-6
    assert np.abs(queries[:, 2]).min() > 0.1  # their language is not among the documents: without the mean of all
    encode = lambda texts, is_query: {0: said[:2] if len(texts) == 2 else said}  # noqa: E731
    result = evaluate.evaluate_set(judged, encode, (3,))
    assert set(result["without languages"]) == {"0>0"}
    assert "| the same, each language's mean left out | 0 |" in evaluate.markdown({"set": result})
    assert "exit 0, languages' means left out" in evaluate.summary({"set": result}).popitem()[1]


def test_recall_counts_only_the_k_nearest() -> None:
    queries = unit([[1, 0, 0], [0, 1, 0]])
    assert evaluate.recall_at(queries, DOCUMENTS, np.array([0, 2]), 1) == 0.5
    assert evaluate.recall_at(queries, DOCUMENTS, np.array([0, 2]), 5) == 1.0


def test_an_unreadable_set_ends_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        evaluate.JudgedSet.read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("queries.jsonl.gz", b"", "has an answer"),
        ("corpus.jsonl.gz", b"", "has an answer"),
        ("corpus.jsonl.gz", b'{"text": "a"}\n', "no 'id'"),
        ("queries.jsonl.gz", b"[1]\n", "cannot be read"),
        ("queries.jsonl.gz", b'{"id": "q1", "text": null}\n', "no text"),
        ("qrels.tsv", b"", "has an answer"),
        ("meta.json", b"[]", "no object"),
    ],
)
def test_a_set_that_says_nothing_is_an_error_and_no_figure(
    file: str, content: bytes, said: str, tmp_path: Path
) -> None:
    write_set(tmp_path / "set")
    (tmp_path / "set" / file).write_bytes(gzip.compress(content) if file.endswith(".gz") else content)
    with pytest.raises(UserError, match=said):
        evaluate.JudgedSet.read(tmp_path / "set")


def test_a_set_that_was_cut_off_is_named(tmp_path: Path) -> None:
    write_set(tmp_path / "set")
    file = tmp_path / "set" / "corpus.jsonl.gz"
    file.write_bytes(file.read_bytes()[:30])
    with pytest.raises(UserError, match="cannot be read"):
        evaluate.JudgedSet.read(tmp_path / "set")


def test_pictures_are_drawn_from_results_and_logs(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the plot extra")
    from strata_train import plot

    cell = {"ndcg10": 0.5, "mrr": 0.4}
    exits = {"0": {"2": cell, "3": cell}, "2": {"2": cell, "3": cell}}
    matrix = {f"{q}>{d}": cell for q in (0, 2) for d in (0, 2)}
    plot.plot_evaluation({"set": {"exits": exits, "matrix": matrix}}, tmp_path / "evaluation.png")
    events = [
        {"event": "progress", "phase": "layers", "step": 1, "loss": 2.0, "parts": {"2/contrastive": 1.0}},
        {"event": "progress", "phase": "table", "epoch": 1, "loss": 2.0},
        {"event": "metric", "phase": "held-out", "step": 1, "seconds": 1.0, "score": 0.5, "0": 0.5, "6>2": 0.4},
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    plot.plot_run(tmp_path / "log.jsonl", tmp_path / "run.png")
    for name in ("evaluation", "run"):
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
