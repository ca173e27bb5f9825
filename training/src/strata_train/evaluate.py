"""Measuring: retrieval figures of every exit, every width and every pair of query exit and document exit."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strata_train import data, views
from strata_train.config import Config, DataConfig
from strata_train.device import bf16_pays
from strata_train.events import UNREADABLE, UserError, reason
from strata_train.model import MultiExitEncoder, shorten
from strata_train.text import TextEncoder

Vectors = dict[int, np.ndarray]  # exit → float32 (N, D), unit length
# Texts and whether they are queries → vectors of every exit.
Encode = Callable[[Sequence[str], bool], Vectors]


def ranks_of(queries: np.ndarray, documents: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Rank from 1 of each query's (Q, D) relevant document (Q,) among (N, D): (Q,).

    Ties, and scores that are no numbers, count against it: a model whose vectors are all the same finds nothing.
    """
    scores = queries @ documents.T
    own = scores[np.arange(len(queries)), relevant][:, None]
    return (~(scores < own)).sum(axis=1)


def recall_at(queries: np.ndarray, documents: np.ndarray, relevant: np.ndarray, k: int) -> float:
    """Share of queries (Q, D) whose relevant document (Q,) is among the k nearest of (N, D); ties count against it."""
    return float((ranks_of(queries, documents, relevant) <= k).mean())


@dataclass
class HeldOut:
    """Pairs of files that are never trained on: how well does each exit find the code of a question?"""

    queries: list[np.ndarray]
    documents: list[np.ndarray]
    relevant: np.ndarray
    pairs: list[data.Pair]
    bf16: bool  # where it pays

    @staticmethod
    def read(file: Path, text: TextEncoder, config: Config, limit: int = 600) -> HeldOut:
        pairs = list(data.read_pairs([file])) if file.exists() else []
        return HeldOut.of(pairs, text, config, limit)

    @staticmethod
    def of(
        pairs: list[data.Pair], text: TextEncoder, config: Config, limit: int = 600, *, both: bool = False
    ) -> HeldOut:
        """One question for each pair, names left out of half of the code, the same for the same pairs.

        `both`: as its documentation says it too, not only as someone might ask who did not read that.
        """
        pairs = sorted(pairs, key=lambda pair: data.stable_hash(pair["source"], pair["path"], pair["name"]))[:limit]
        settings = DataConfig(drop_name_code=0.5, keep_doc=0.0, written_keep_doc=0.0, breadcrumb=0.5)
        queries, documents, relevant = [], [], []
        for number, pair in enumerate(pairs):
            chance = random.Random(number)
            asked = views.queries(pair, chance, settings) or [pair["doc"]]
            code = text.encode_code("", views.code_view(pair, chance, settings), config.text.code_tokens)
            documents.append(np.array(code))
            for question in asked if both else asked[-1:]:
                queries.append(np.array(text.encode_query(question, config.text.query_tokens)))
                relevant.append(number)
        return HeldOut(queries, documents, np.array(relevant), pairs, config.train.precision == "bf16")

    def figures(self, model: MultiExitEncoder) -> dict[str, float]:
        """recall@10 by exit (`6`), and for the top exit's queries with each lower exit's documents (`6>2`)."""
        exits = model.config.exits
        autocast = self.bf16 and _cpu_bf16(model)
        queries = data.encode_texts(model, self.queries, exits, autocast=autocast)
        documents = data.encode_texts(model, self.documents, exits, autocast=autocast)
        top = exits[-1]
        result = {f"{exit}": recall_at(queries[exit], documents[exit], self.relevant, 10) for exit in exits}
        for exit in exits[:-1]:
            result[f"{top}>{exit}"] = recall_at(queries[top], documents[exit], self.relevant, 10)
        short = model.config.matryoshka[0]
        result[f"{top}@{short}"] = recall_at(
            shorten(queries[top], short), shorten(documents[top], short), self.relevant, 10
        )
        return {"score": float(np.mean([result[f"{exit}"] for exit in exits])), **result}


def _cpu_bf16(model: MultiExitEncoder) -> bool:
    return bf16_pays(next(model.parameters()).device.type)


# --- judged sets ------------------------------------------------------------------------------------------------------


@dataclass
class JudgedSet:
    """Queries, documents and which of them belong together."""

    name: str
    query_ids: list[str]
    queries: list[str]
    document_ids: list[str]
    documents: list[str]
    relevant: dict[str, set[str]]
    exclude_self: bool  # a query that is itself among the documents does not find itself
    query_is_code: bool
    query_languages: list[str]
    document_languages: list[str]

    @staticmethod
    def read(folder: Path, max_queries: int = 0, max_documents: int = 0) -> JudgedSet:
        """`queries.jsonl.gz`, `corpus.jsonl.gz`, `qrels.tsv`, `meta.json`. With limits: the first queries, their
        documents, and others at random (always the same) up to the limit.
        """
        try:
            queries, corpus = (_lines(folder / f"{name}.jsonl.gz") for name in ("queries", "corpus"))
            relevant: dict[str, set[str]] = {}
            for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines():
                query, document, grade = line.split("\t")
                if float(grade) > 0:
                    relevant.setdefault(query, set()).add(document)
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            if not isinstance(meta, dict) or not all(isinstance(entry["text"], str) for entry in (*queries, *corpus)):
                raise TypeError("a line has no text, or meta.json is no object")
            known = {document["id"] for document in corpus}
            queries = queries[: max_queries or None]
            answered = any(known & relevant.get(query["id"], set()) for query in queries)
        except FileNotFoundError as error:
            name = Path(error.filename).name
            raise UserError("set-unreadable", f"The judged set {folder} cannot be read: it has no {name}.") from error
        except (*UNREADABLE, ValueError, TypeError) as error:
            raise UserError("set-unreadable", f"The judged set {folder} cannot be read: {reason(error)}.") from error
        except KeyError as error:
            raise UserError("set-unreadable", f"A line of the judged set {folder} has no {error}.") from error
        if not answered:
            raise UserError("set-empty", f"No query of the judged set {folder} has an answer among its documents.")
        if max_documents and max_documents < len(corpus):
            needed = set().union(*(relevant.get(query["id"], set()) for query in queries))
            others = [document for document in corpus if document["id"] not in needed]
            random.Random(17).shuffle(others)
            kept = {document["id"] for document in others[: max(0, max_documents - len(needed))]} | needed
            corpus = [document for document in corpus if document["id"] in kept]
        asked = meta.get("query_langs") or {"en": len(queries)}
        return JudgedSet(
            folder.name,
            [query["id"] for query in queries],
            [query["text"] for query in queries],
            [document["id"] for document in corpus],
            [document["text"] for document in corpus],
            relevant,
            bool(meta.get("exclude_self")),
            "en" not in asked,
            [query.get("lang", next(iter(asked))) for query in queries],
            [document.get("lang", "") for document in corpus],
        )


def judged_sets(folder: Path, max_queries: int = 0, max_documents: int = 0) -> Iterator[JudgedSet]:
    """The sets that lie in a folder, by name, each read when its turn comes. None is an error."""
    found = sorted(file.parent for file in folder.glob("*/qrels.tsv"))
    if not found:
        raise UserError("sets-missing", f"There are no judged sets (folders with qrels.tsv) in {folder}.")
    for each in found:
        yield JudgedSet.read(each, max_queries, max_documents)


def _lines(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def measure(judged: JudgedSet, queries: np.ndarray, documents: np.ndarray) -> dict[str, float]:
    """nDCG@10 and MRR of query vectors (Q, D) against document vectors (N, D)."""
    index = {id: row for row, id in enumerate(judged.document_ids)}
    ndcg, reciprocal = [], []
    scores = queries @ documents.T
    for row, query in enumerate(judged.query_ids):
        if query in index and (judged.exclude_self or judged.query_is_code):
            scores[row, index[query]] = -np.inf
        wanted = [index[id] for id in judged.relevant.get(query, ()) if id in index]
        if not wanted:
            continue
        # Rank of each relevant document; ties and what is no number count against it, as in `ranks_of`.
        ranks = np.sort([(~(scores[row] < scores[row, column])).sum() for column in wanted])
        ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(10, len(wanted)) + 1))
        ndcg.append(sum(1 / np.log2(rank + 1) for rank in ranks if rank <= 10) / ideal)
        reciprocal.append(1 / ranks[0])
    return {"ndcg10": round(float(np.mean(ndcg)), 4), "mrr": round(float(np.mean(reciprocal)), 4)}


def without_languages(judged: JudgedSet, queries: np.ndarray, documents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Q, D) and (N, D) without the mean of the documents in their language, which for another one is that of all.

    That is how *Find Similar Code* compares code (`src/store/languageMeans.ts`).
    """
    spoken = np.array(judged.document_languages)
    means = {language: documents[spoken == language].mean(axis=0) for language in set(judged.document_languages)}
    of_all = documents.mean(axis=0)
    sides = ((queries, judged.query_languages), (documents, judged.document_languages))
    left, right = (vectors - np.stack([means.get(each, of_all) for each in named]) for vectors, named in sides)
    return shorten(left, left.shape[1]), shorten(right, right.shape[1])


def evaluate_set(judged: JudgedSet, encode: Encode, widths: Sequence[int]) -> dict[str, Any]:
    """Every exit at every width, and every query exit against every document exit at the width that is kept.

    Keys: `exits[exit][width]`, `matrix["query exit>document exit"]`, and where code is asked for by code the same of
    `without languages`, see there.
    """
    queries = encode(judged.queries, not judged.query_is_code)
    documents = encode(judged.documents, False)
    exits = {
        str(exit): {
            str(width): measure(judged, shorten(queries[exit], width), shorten(documents[exit], width))
            for width in widths
        }
        for exit in queries
    }
    matrix = {f"{q}>{d}": measure(judged, queries[q], documents[d]) for q in queries for d in documents}
    result = {"queries": len(judged.queries), "documents": len(judged.documents), "exits": exits, "matrix": matrix}
    if judged.query_is_code:
        result["without languages"] = {
            f"{q}>{d}": measure(judged, *without_languages(judged, queries[q], documents[d]))
            for q in queries
            for d in documents
        }
    return result


def model_encoder(
    model: MultiExitEncoder, text: TextEncoder, code_tokens: int, query_tokens: int
) -> tuple[Encode, list[int]]:
    """A PyTorch model as `Encode`, and which of its widths there are of what an index keeps."""
    kept = model.config.kept_dims or model.config.dims

    def encode(texts: Sequence[str], is_query: bool) -> Vectors:
        ids = [
            text.encode_query(item, query_tokens) if is_query else text.encode_code("", item, code_tokens)
            for item in texts
        ]
        sequences = [np.array(item) for item in ids]
        vectors = data.encode_texts(model, sequences, model.config.exits, autocast=_cpu_bf16(model))
        return {exit: shorten(each, kept) for exit, each in vectors.items()}

    return encode, [width for width in model.config.matryoshka if width <= kept]


def folder_encoder(folder: Path, threads: int = 2, code_tokens: int = 0) -> tuple[Encode, list[int]]:
    """A model folder (int8, onnxruntime) as `Encode`, and which of its widths there are of what is kept."""
    from strata_train.runtime import FolderEncoder

    encoder = FolderEncoder(folder, threads)
    encoder.max_code_tokens = code_tokens or encoder.max_code_tokens

    def encode(texts: Sequence[str], is_query: bool) -> Vectors:
        return encoder.encode_all(encoder.tokens(texts, is_query=is_query))

    return encode, [width for width in encoder.manifest["matryoshka"] if width <= encoder.kept_dims]


def summary(results: dict[str, Any]) -> dict[str, Any]:
    """What the manifest keeps: nDCG@10 by set, for every exit, top queries on lower exits, and the top's prefixes."""
    try:
        return dict(_summary(name, result) for name, result in results.items())
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise UserError("figures-bad", f"The figures were not written by `evaluate`: {error!r}.") from error


def _summary(name: str, result: dict[str, Any]) -> tuple[str, dict[str, float]]:
    exits = list(result["exits"])
    top = exits[-1]
    widths = list(result["exits"][top])
    figures = {f"exit {exit}": result["exits"][exit][widths[-1]]["ndcg10"] for exit in exits}
    figures |= {f"query {top}, code {exit}": result["matrix"][f"{top}>{exit}"]["ndcg10"] for exit in exits[:-1]}
    apart = result.get("without languages", {})
    figures |= {f"exit {e}, languages' means left out": apart[f"{e}>{e}"]["ndcg10"] for e in exits if apart}
    figures |= {f"exit {top}, {width} dims": result["exits"][top][width]["ndcg10"] for width in widths[:-1]}
    return f"{name}, nDCG@10, {result['queries']} queries, {result['documents']} documents", figures


def _matrix(title: str, matrix: dict[str, dict[str, float]], exits: list[str]) -> list[str]:
    lines = [f"| {title} | " + " | ".join(exits) + " |", "|---|" + "---:|" * len(exits)]
    for query in exits:
        cells = [f"{matrix[f'{query}>{document}']['ndcg10']:.3f}" for document in exits]
        lines.append(f"| {query} | " + " | ".join(cells) + " |")
    return lines


def markdown(results: dict[str, Any]) -> str:
    """The results of several sets as tables: exit by width, and query exit by document exit."""
    lines: list[str] = []
    for name, result in results.items():
        lines += [f"### {name} ({result['queries']} queries, {result['documents']} documents)", ""]
        widths = list(next(iter(result["exits"].values())))
        lines += ["| nDCG@10 / MRR | " + " | ".join(f"{width} dims" for width in widths) + " |"]
        lines += ["|---|" + "---:|" * len(widths)]
        for exit, row in result["exits"].items():
            cells = [f"{row[width]['ndcg10']:.3f} / {row[width]['mrr']:.3f}" for width in widths]
            lines.append(f"| exit {exit} | " + " | ".join(cells) + " |")
        lines += ["", *_matrix("query exit ↓, document exit →", result["matrix"], list(result["exits"]))]
        if apart := result.get("without languages"):
            lines += ["", *_matrix("the same, each language's mean left out", apart, list(result["exits"]))]
        lines.append("")
    return "\n".join(lines)
