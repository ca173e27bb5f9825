import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from conftest import REPOSITORY, killed_while_writing
from strata_train.events import UserError
from strata_train.export import PRODUCT_LEVELS, export_folder, quantise_rows, read_manifest, write_manifest
from strata_train.folder_weights import read_model, renew, unround
from strata_train.model import MultiExitEncoder, shorten
from strata_train.runtime import FolderEncoder, int8_cosines, read_table
from strata_train.text import TextEncoder

FOLDERS = sorted(path.parent for path in (REPOSITORY / "models").glob("*/manifest.json"))


def check_parity(folder: Path) -> None:
    """Every case of `parity.json`: same preparation, same ids, and vectors within the folder's own tolerance."""
    encoder = FolderEncoder(folder)
    parity = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    for case in parity["cases"]:
        limit = encoder.max_query_tokens if case["kind"] == "query" else encoder.max_code_tokens
        if case["kind"] == "query":
            ids = encoder.text.encode_query(case["text"], limit)
        else:
            ids = encoder.text.encode_code(case["breadcrumb"], case["text"], limit)
        assert ids == case["ids"]
        names = encoder.text.names_in_front(case["breadcrumb"], limit)
        assert names == case.get("names", names)
        vectors = encoder.encode(ids, names)
        for exit, whole in case["vectors"].items():
            got, expected = vectors[int(exit)], shorten(np.array([whole]), encoder.kept_dims)[0]
            if np.any(expected):
                assert float(np.dot(got, expected)) >= parity["tolerance"][exit], (case["text"][:40], exit)
            else:
                assert not got.any()


def export_tiny(model: MultiExitEncoder, text: TextEncoder, folder: Path) -> dict:
    return export_folder(model, text, folder, id="tiny", description="for tests", shared_space=True)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_folders_agree_with_pytorch(folder: Path) -> None:
    check_parity(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_folders_stay_below_forty_megabytes(folder: Path) -> None:
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 40e6


def test_an_exported_folder_agrees_with_its_model(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    manifest = export_tiny(tiny_model, text, tmp_path / "tiny")
    assert [exit["layer"] for exit in manifest["exits"]] == [0, 1, 3]
    check_parity(tmp_path / "tiny")


def test_rows_are_rounded_to_within_half_a_step() -> None:
    matrix = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    matrix[3] = 0
    rows, scales = quantise_rows(matrix)
    assert np.abs(rows * scales[:, None] - matrix).max() <= scales.max() / 2 + 1e-6
    assert scales[3] == 0 and not rows[3].any()


def test_the_table_file_is_scales_then_rows(tmp_path: Path) -> None:
    file = tmp_path / "exit0.bin"
    file.write_bytes(np.array([0.5, 2.0], "<f4").tobytes() + np.array([[1, -2, 3], [4, 5, -6]], np.int8).tobytes())
    assert read_table(file, 2, 3).tolist() == [[0.5, -1.0, 1.5], [8.0, 10.0, -12.0]]


def test_a_damaged_folder_is_refused(tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path) -> None:
    export_tiny(tiny_model, text, tmp_path / "tiny")
    (tmp_path / "tiny" / "exit0.bin").write_bytes(b"short")
    with pytest.raises(UserError, match="exit0.bin"):
        read_manifest(tmp_path / "tiny")


def test_only_model_folders_and_empty_ones_are_written_over(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "empty"):  # the second time it is a model folder
        export_tiny(tiny_model, text, tmp_path / name)
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "manifest.json").write_text('{"manifest_version": 3}')
    with pytest.raises(UserError, match="no model folder"):
        export_tiny(tiny_model, text, tmp_path / "extension")
    assert [file.name for file in (tmp_path / "extension").iterdir()] == ["manifest.json"]


def test_matrix_products_leave_the_eighth_bit_free(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    """Two products of a byte and a weight must fit 16 bits, or processors without VNNI cut them off."""
    export_tiny(tiny_model, text, tmp_path / "tiny")
    graph = onnx.load(str(tmp_path / "tiny" / "segment-0-1.onnx")).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    products = [node.input[1] for node in graph.node if node.op_type == "DynamicQuantizeMatMul"]
    assert products
    largest = max(int(np.abs(arrays[name].astype(np.int32)).max()) for name in products)
    assert largest == PRODUCT_LEVELS and 255 * largest * 2 <= 32767


def test_a_trunk_that_was_only_rounded_gets_its_floats_back(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    export_tiny(tiny_model, text, tmp_path / "tiny")
    read = read_model(tmp_path / "tiny")
    trained = copy.deepcopy(read)
    with torch.no_grad():
        trained.layers[0].up.weight[0, 0] += 1.0
    name = "layers.0.up.weight"
    assert not torch.equal(read.state_dict()[name], tiny_model.state_dict()[name])
    before = trained.state_dict()[name].clone()
    assert unround(read, tiny_model) - unround(trained, tiny_model) == {name}
    assert torch.equal(read.state_dict()[name], tiny_model.state_dict()[name])
    assert torch.equal(trained.state_dict()[name], before), "what was trained stays as it is"


def test_a_renewed_folder_keeps_every_integer_and_says_what_the_old_one_said(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    export_folder(tiny_model, text, tmp_path / "old", id="old", description="", shared_space=True, quality={"set": 1})
    manifest = renew(tmp_path / "old", tmp_path / "new", "1.0.1")
    assert (manifest["id"], manifest["version"], manifest["quality"]) == ("old", "1.0.1", {})
    assert manifest == read_manifest(tmp_path / "new")
    for exit in manifest["exits"][1:]:
        old, new = (onnx.load(str(tmp_path / name / exit["file"])).graph.initializer for name in ("old", "new"))
        assert [tensor.SerializeToString() for tensor in old] == [tensor.SerializeToString() for tensor in new]
    ids = [np.array([2, 9, 7, 3]), np.array([2, 5, 3])]
    old_vectors, new_vectors = (FolderEncoder(tmp_path / name).encode_all(ids) for name in ("old", "new"))
    for exit, vectors in old_vectors.items():
        np.testing.assert_allclose(new_vectors[exit], vectors, atol=1e-6)


def test_an_index_keeps_as_many_dimensions_as_the_folder_says(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    tiny_model.config = replace(tiny_model.config, kept_dims=16)
    export_tiny(tiny_model, text, tmp_path / "kept")
    assert read_model(tmp_path / "kept").config == tiny_model.config
    tiny_model.config = replace(tiny_model.config, kept_dims=0)
    assert "keptDims" not in export_tiny(tiny_model, text, tmp_path / "whole")
    assert renew(tmp_path / "whole", tmp_path / "renewed", "1.0.1", 16)["keptDims"] == 16
    assert renew(tmp_path / "kept", tmp_path / "again", "1.0.1")["keptDims"] == 16
    ids = [np.array([2, 9, 7, 3]), np.array([2, 5, 3])]
    whole = FolderEncoder(tmp_path / "whole").encode_all(ids)
    for name in ("kept", "renewed", "again"):
        check_parity(tmp_path / name)
        assert all(0.9 < cosine <= 1 for cosine in int8_cosines(tmp_path / name).values())
        for exit, vectors in FolderEncoder(tmp_path / name).encode_all(ids).items():
            np.testing.assert_allclose(vectors, shorten(whole[exit], 16), atol=1e-6)
    with pytest.raises(UserError, match="24 dimensions of .* are not usable alone; 8, 16, 32 are"):
        renew(tmp_path / "whole", tmp_path / "refused", "1.0.1", 24)
    assert not (tmp_path / "refused").exists()


def test_a_folder_says_how_its_code_is_prepared(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    plain = TextEncoder(text.tokenizer_file, preparation="split-identifiers-1")
    assert export_tiny(tiny_model, plain, tmp_path / "plain")["textPreparation"] == "split-identifiers-1"
    renewed = renew(tmp_path / "plain", tmp_path / "renewed", "1.0.1", text_preparation="split-identifiers-2")
    assert (
        renewed["textPreparation"]
        == "split-identifiers-2"
        == export_tiny(tiny_model, text, tmp_path / "new")["textPreparation"]
    )
    code = "import os\nreturn the value"
    for name, expected in (("plain", code), ("renewed", "return the value"), ("new", "return the value")):
        check_parity(tmp_path / name)
        ids = FolderEncoder(tmp_path / name).tokens([code], is_query=False)[0]
        assert ids.tolist() == plain.encode_code("", expected, 64)
    with pytest.raises(
        UserError, match="no text preparation as-is; there are split-identifiers-1, split-identifiers-2"
    ):
        renew(tmp_path / "plain", tmp_path / "refused", "1.0.1", text_preparation="as-is")


def test_breadcrumbs_count_as_often_as_the_folder_says(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    tiny_model.config = replace(tiny_model.config, breadcrumb_weight=8)
    assert export_tiny(tiny_model, text, tmp_path / "loud")["format"] == 4
    assert read_model(tmp_path / "loud").config == tiny_model.config
    tiny_model.config = replace(tiny_model.config, breadcrumb_weight=1)
    assert "breadcrumbWeight" not in export_tiny(tiny_model, text, tmp_path / "plain")
    manifest = renew(tmp_path / "plain", tmp_path / "renewed", "1.0.1", breadcrumb_weight=8)
    assert (manifest["format"], manifest["breadcrumbWeight"]) == (4, 8)
    for name in ("loud", "plain", "renewed"):
        check_parity(tmp_path / name)
    with pytest.raises(UserError, match="can count as 1 to 100, not as 200"):
        renew(tmp_path / "plain", tmp_path / "refused", "1.0.1", breadcrumb_weight=200)
    ids, names = text.encode_code("Store > get", "return the value", 64), text.names_in_front("Store > get", 64)
    assert names == len(text.encode_code("", "Store > get", 64)) - 2 > 0 == text.names_in_front("", 64)
    plain, loud, renewed = (FolderEncoder(tmp_path / name) for name in ("plain", "loud", "renewed"))
    for exit, vector in loud.encode(ids, names).items():
        np.testing.assert_allclose(renewed.encode(ids, names)[exit], vector, atol=1e-6)
        np.testing.assert_allclose(loud.encode(ids)[exit], plain.encode(ids, names)[exit], atol=1e-6)
        assert float(np.dot(vector, plain.encode(ids)[exit])) < 0.9999


def test_the_top_takes_over_the_share_of_exit_0_that_a_renewed_folder_says(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    export_tiny(tiny_model, text, tmp_path / "before")
    manifest = renew(tmp_path / "before", tmp_path / "renewed", "1.0.1", top_residual=0.75)
    assert [exit.get("residual") for exit in manifest["exits"]] == [None, 0.5, 0.75]
    check_parity(tmp_path / "renewed")
    wanted = replace(read_model(tmp_path / "before").config, top_residual=0.75)
    assert read_model(tmp_path / "renewed").config == wanted
    before, renewed = (FolderEncoder(tmp_path / name) for name in ("before", "renewed"))
    before.residual[3] = 0.75
    ids = text.encode_query("return the value", 64)
    for exit, vector in before.encode(ids).items():
        np.testing.assert_allclose(renewed.encode(ids)[exit], vector, atol=1e-6)
    with pytest.raises(UserError, match="can be 0 to 1, not -0.1"):
        renew(tmp_path / "before", tmp_path / "refused", "1.0.1", top_residual=-0.1)


def test_a_text_has_the_same_vector_whatever_is_encoded_beside_it(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    export_tiny(tiny_model, text, tmp_path / "model")
    encoder = FolderEncoder(tmp_path / "model")
    ids = [np.array([2, 9, 7, 3]), np.array([2, 5, 3])]
    together = encoder.encode_all(ids)
    for row, alone in enumerate(ids):
        for exit, vectors in encoder.encode_all([alone]).items():
            np.testing.assert_array_equal(vectors[0], together[exit][row])


def test_a_manifest_is_replaced_whole(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = export_tiny(tiny_model, text, tmp_path / "tiny")
    with killed_while_writing(monkeypatch):
        write_manifest(tmp_path / "tiny", manifest | {"quality": {"score": 1}})
    assert read_manifest(tmp_path / "tiny") == manifest
