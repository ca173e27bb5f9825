"""ModularStarEncoder: attention against a naive float64 reference, exits, published layout, ONNX segments."""

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from strata_train.events import UserError
from strata_train.modular_starencoder import (
    ModularStarEncoder,
    ModularStarEncoderConfig,
    collate,
    config_from_published,
    export_segments,
    input_row,
    load_published,
    rotary_tables,
    save_published,
    text_mask,
)
from strata_train.objectives.command import load_start


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # at these sizes threads cost more than they bring


TINY = ModularStarEncoderConfig.small(
    64, hidden_size=16, intermediate_size=48, num_heads=4, num_kv_heads=2, dims=8, context=32
)


def tiny(seed: int = 0, config: ModularStarEncoderConfig = TINY) -> ModularStarEncoder:
    torch.manual_seed(seed)
    model = ModularStarEncoder(config).eval()
    for parameter in model.parameters():  # biases and norms away from 0 and 1, so that a forgotten one shows
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def batch(rows: int = 3, length: int = 9, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 60, (rows, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[0, :4] = 0  # left padding
    return ids, mask


def naive_attention(model: ModularStarEncoder, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The first block's attention, one query, head and key at a time."""
    attention, config = model.model.layers[0].self_attn, model.config
    weights = {n: p.detach().double().numpy() for n, p in attention.named_parameters()}
    head_dim, half = config.head_dim, config.head_dim // 2

    def project(name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def turned(vector: np.ndarray, position: int) -> np.ndarray:
        out = vector.copy()
        for i in range(half):  # rotate-half pairs dimension i with i + half
            angle = position * config.rope_theta ** (-2 * i / head_dim)
            a, b = vector[i], vector[i + half]
            out[i] = a * math.cos(angle) - b * math.sin(angle)
            out[i + half] = b * math.cos(angle) + a * math.sin(angle)
        return out

    q, k, v = project("q_proj"), project("k_proj"), project("v_proj")
    batch_size, length, _ = x.shape
    joined = np.zeros((batch_size, length, config.num_heads * head_dim))
    for b in range(batch_size):
        for head in range(config.num_heads):
            own = slice(head * head_dim, (head + 1) * head_dim)
            kv = head // (config.num_heads // config.num_kv_heads)
            shared = slice(kv * head_dim, (kv + 1) * head_dim)
            for t in range(length):
                scores = [
                    turned(q[b, t, own], t) @ turned(k[b, s, shared], s) / math.sqrt(head_dim) if mask[b, s] else -1e30
                    for s in range(length)
                ]
                p = np.exp(scores - np.max(scores))
                joined[b, t, own] = (p / p.sum()) @ v[b, :, shared]
    return joined @ weights["o_proj.weight"].T + weights["o_proj.bias"]


def test_attention_matches_a_naive_float64_reference() -> None:
    model = tiny().double()
    _, mask = batch()
    x = torch.randn(3, 9, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    cos, sin = rotary_tables(9, TINY, x.device)
    ours = model.model.layers[0].self_attn(x, mask.bool()[:, None, None], cos, sin).detach().numpy()
    # the rotary tables are float32 by design, hence 1e-6 and not 1e-12
    assert np.abs(ours - naive_attention(model, x.numpy(), mask.numpy())).max() < 1e-6


def test_full_size_has_the_published_parameter_counts() -> None:
    with torch.device("meta"):
        model = ModularStarEncoder(ModularStarEncoderConfig.full())
    embedding = model.model.embed_tokens.weight.numel()
    block = sum(p.numel() for p in model.model.layers[0].parameters())
    for layer, published in {4: 160e6, 9: 300e6, 18: 550e6, 27: 800e6, 36: 1e9}.items():
        assert abs(embedding + layer * block - published) / published < 0.06
    assert sum(p.numel() for p in model.model.parameters()) == 1_051_398_144


def test_attention_is_bidirectional() -> None:
    model = tiny()
    ids, mask = batch()
    changed = ids.clone()
    changed[:, -1] = (ids[:, -1] + 1) % 60
    before, after = model(ids, mask)[2].hidden, model(changed, mask)[2].hidden
    assert not torch.allclose(before[1, 0], after[1, 0], atol=1e-4)  # the first token saw the last one change


def test_padding_does_not_change_an_embedding() -> None:
    model = tiny()
    row = [TINY.sep_id, 3, 4, TINY.sep_id, 5, 6, 7, TINY.cls_id]
    alone = model(*collate([row], TINY))
    beside = model(*collate([row, list(range(20))], TINY))
    for layer in TINY.exits:
        assert torch.allclose(alone[layer].embedding[0], beside[layer].embedding[0], atol=1e-5)


def test_every_exit_gives_hidden_states_and_unit_embeddings() -> None:
    outputs = tiny()(*batch())
    assert list(outputs) == [2, 4, 6]
    for output in outputs.values():
        assert output.hidden.shape == (3, 9, 16) and output.embedding.shape == (3, 8)
        assert torch.allclose(output.embedding.norm(dim=-1), torch.ones(3), atol=1e-5)


def test_an_early_exit_runs_only_its_layers_and_gives_the_same() -> None:
    model = tiny()
    calls: list[int] = []
    for number, layer in enumerate(model.model.layers, start=1):
        layer.register_forward_hook(lambda *_, number=number: calls.append(number))
    early = model(*batch(), exits=[4])
    assert calls == [1, 2, 3, 4] and list(early) == [4]
    calls.clear()
    everything = model(*batch())
    assert calls == [1, 2, 3, 4, 5, 6]  # all exits share one pass
    assert torch.equal(early[4].embedding, everything[4].embedding)
    assert list(model(*batch(), depth=4)) == [2, 4]
    with pytest.raises(ValueError, match=r"no exit at \[3\]"):
        model(*batch(), exits=[3])


def test_each_exit_has_its_own_projection() -> None:
    model = tiny()
    before = model(*batch())
    torch.nn.init.normal_(model.projections[0].weight)
    after = model(*batch())
    assert not torch.allclose(before[2].embedding, after[2].embedding)
    assert torch.equal(before[4].embedding, after[4].embedding) and torch.equal(before[6].embedding, after[6].embedding)


def test_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        model = tiny().train()
        model.checkpointing = checkpointing
        sum(o.embedding.pow(3).sum() for o in model(*batch()).values()).backward()
        gradients.append(model.model.layers[0].mlp.c_fc.weight.grad)
    assert torch.allclose(*gradients, atol=1e-6)


# ---- the same training code for both faces ----


def test_the_training_loops_loss_and_gradient_caching_take_this_face_too() -> None:
    from strata_train.config import LossConfig
    from strata_train.device import Device
    from strata_train.losses.contrastive import contrastive_loss
    from strata_train.losses.hierarchical import HierarchicalLoss
    from strata_train.text import pad
    from strata_train.train import cached_backward

    paper = LossConfig(
        exit_weights="depth",
        contrastive=1,
        top_contrastive=1,
        cross_exit=0,
        distil_vectors=0,
        distil_scores=0,
        anchor=0,
    )
    rng = np.random.default_rng(0)
    sides = [[rng.integers(0, 60, rng.integers(3, 12)) for _ in range(6)] for _ in range(2)]
    combine = HierarchicalLoss(paper, TINY.exits, TINY.num_layers, (TINY.dims,))
    gradients = []
    for chunk in (0, 4):
        model = tiny().train()
        total, parts = cached_backward(
            model,
            sides,
            TINY.exits,
            lambda e: combine(e[0], e[1], None, None),
            chunk,
            Device(torch.device("cpu"), False),
        )
        gradients.append(model.model.layers[1].self_attn.q_proj.weight.grad)
    assert torch.allclose(*gradients, atol=1e-5)
    queries, codes = (model(*pad(side)) for side in sides)
    expected = sum(i / 6 * contrastive_loss(queries[i].embedding, codes[i].embedding, 20.0) for i in TINY.exits)
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert list(parts) == ["2/contrastive", "4/contrastive", "6/contrastive"]


# ---- inputs ----


def test_input_form_and_pooling_without_the_instruction() -> None:
    row = input_row([7, 8], [1, 2, 3], TINY)
    s, c = TINY.sep_id, TINY.cls_id
    assert row == [s, 7, 8, s, 1, 2, 3, c]
    ids, mask = collate([row, [s, 9, s, 5, c]], TINY)
    assert ids[1].tolist() == [TINY.pad_id] * 3 + [s, 9, s, 5, c]
    assert text_mask(ids, mask, s).tolist() == [[0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1]]
    assert text_mask(torch.tensor([[1, 2]]), torch.tensor([[1, 1]]), s).tolist() == [[1, 1]]


def test_a_long_text_keeps_its_frame() -> None:
    row = input_row([7], list(range(50)), TINY)
    assert len(row) == TINY.context and row[-1] == TINY.cls_id and row[2] == TINY.sep_id
    with pytest.raises(ValueError, match="no room"):
        input_row([7] * 30, [1], TINY)
    with pytest.raises(ValueError, match="exceed the context"):
        tiny()(torch.zeros(1, 33, dtype=torch.long), torch.ones(1, 33, dtype=torch.long))


def test_pooling_leaves_the_instruction_out_but_attention_reads_it() -> None:
    model = tiny()
    ids, mask = collate([input_row([7, 8], [1, 2, 3], TINY)], TINY)
    output = model(ids, mask)[6]
    tokens = model.projections[2](output.hidden)[0, 3:]
    assert torch.allclose(output.embedding[0], torch.nn.functional.normalize(tokens.mean(0), dim=0), atol=1e-5)
    other = model(*collate([input_row([9, 8], [1, 2, 3], TINY)], TINY))[6]
    assert not torch.allclose(output.embedding, other.embedding, atol=1e-3)


def test_last_pooling_takes_the_closing_cls() -> None:
    from dataclasses import replace

    model = tiny(config=replace(TINY, pooling="last"))
    output = model(*collate([input_row([], [1, 2], TINY), input_row([], [1, 2, 3, 4], TINY)], TINY))[4]
    expected = torch.nn.functional.normalize(model.projections[1](output.hidden[:, -1]), dim=-1)
    assert torch.allclose(output.embedding, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"exits": (4, 2, 6)}, "ascending"),
        ({"exits": (2, 4)}, "end at the last layer"),
        ({"num_heads": 3}, "must divide"),
        ({"num_kv_heads": 3}, "must divide"),
        ({"pooling": "max"}, "pooling"),
    ],
)
def test_impossible_sizes_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ModularStarEncoderConfig.small(64, **changes)


# ---- published weights ----


def publish(folder, config=TINY) -> dict[str, torch.Tensor]:
    """A tiny checkpoint in the published layout, its names and shapes written out by hand."""
    folder.mkdir(exist_ok=True)
    generator = torch.Generator().manual_seed(3)
    h, kv, m = config.hidden_size, config.num_kv_heads * config.head_dim, config.intermediate_size
    shapes = {"model.embed_tokens.weight": (config.vocab_size, h), "model.norm.weight": (h,), "model.norm.bias": (h,)}
    for i in range(config.num_layers):
        layer = f"model.layers.{i}"
        for name, out, inp in [
            ("self_attn.q_proj", h, h),
            ("self_attn.k_proj", kv, h),
            ("self_attn.v_proj", kv, h),
            ("self_attn.o_proj", h, h),
            ("mlp.c_fc", m, h),
            ("mlp.c_proj", h, m),
        ]:
            shapes |= {f"{layer}.{name}.weight": (out, inp), f"{layer}.{name}.bias": (out,)}
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes |= {f"{layer}.{name}.weight": (h,), f"{layer}.{name}.bias": (h,)}
    for i in range(len(config.exits)):
        shapes |= {f"projections.{i}.weight": (config.dims, h), f"projections.{i}.bias": (config.dims,)}
    tensors = {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors")
    raw = {
        "model_type": "ModularStarEncoder", "hidden_size": h, "intermediate_size": m,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads, "num_key_value_heads": config.num_kv_heads,
        "vocab_size": config.vocab_size,
        "matryoshka_layers": list(config.exits), "max_position_embeddings": config.context, "norm_epsilon": 1e-5,
        "rope_theta": config.rope_theta, "residual_dropout": 0.1, "embedding_dropout": 0.1, "attention_dropout": 0.1,
        "initializer_range": 0.018042, "conditional_size": 4, "hidden_act": "gelu_pytorch_tanh", "use_bias": True,
        "sliding_window": None, "dims": config.dims,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(raw))
    return tensors


def test_a_published_checkpoint_loads_every_tensor(tmp_path) -> None:
    tensors = publish(tmp_path)
    model = load_published(tmp_path)
    assert model.exits == (2, 4, 6) and model.config.context == 32
    state = model.state_dict()
    assert state.keys() == tensors.keys()
    assert all(torch.equal(state[name], tensors[name]) for name in tensors)


def test_saving_and_loading_again_gives_the_same_vectors(tmp_path) -> None:
    publish(tmp_path / "a")
    model = load_published(tmp_path / "a").eval()
    save_published(model, tmp_path / "b")
    again = load_published(tmp_path / "b").eval()
    assert again.config == model.config
    assert torch.equal(model(*batch())[6].embedding, again(*batch())[6].embedding)


def test_sharded_checkpoints_load(tmp_path) -> None:
    tensors = publish(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[:20], "model-00002-of-00002.safetensors": names[20:]}
    for file, part in parts.items():
        save_file({n: tensors[n] for n in part}, tmp_path / file)
    weight_map = {n: file for file, part in parts.items() for n in part}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert torch.equal(load_published(tmp_path).model.norm.bias, tensors["model.norm.bias"])
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match="has no model-00002"):
        load_published(tmp_path)


def test_a_checkpoint_that_does_not_fit_is_refused_in_words(tmp_path) -> None:
    publish(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["model.norm.bias"]
    tensors["lm_head.weight"] = torch.zeros(2)
    tensors["model.layers.0.mlp.c_fc.bias"] = torch.zeros(3)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError) as error:
        load_published(tmp_path)
    for part in ("lacks model.norm.bias", "unexpected lm_head.weight", "c_fc.bias is (3,), not (48,)"):
        assert part in str(error.value)


def test_a_release_without_projection_heads_gets_fresh_ones_only_when_asked(tmp_path) -> None:
    tensors = publish(tmp_path)
    renamed = {n.replace("model.", "encoder.", 1): t for n, t in tensors.items() if not n.startswith("projections")}
    save_file(renamed, tmp_path / "model.safetensors")
    back = lambda name: name.replace("encoder.", "model.", 1)  # noqa: E731
    with pytest.raises(ValueError, match=r"lacks projections\.0\.bias.* and 3 more"):
        load_published(tmp_path, rename=back)
    model = load_published(tmp_path, rename=back, fresh_heads=True)
    assert torch.equal(model.model.norm.weight, tensors["model.norm.weight"])


def test_heads_of_other_names_are_left_out_when_heads_are_fresh(tmp_path) -> None:
    tensors = publish(tmp_path)
    heads = {"lm_head.weight": torch.zeros(64, 16), "conditional_embs.weight": torch.zeros(3, 4)}
    kept = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
    save_file(kept | heads, tmp_path / "model.safetensors")
    model = load_published(tmp_path, fresh_heads=True)
    assert torch.equal(model.model.norm.weight, tensors["model.norm.weight"])
    save_file(kept | heads | {"model.layers.9.mlp.c_fc.bias": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="unexpected model.layers.9"):
        load_published(tmp_path, fresh_heads=True)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"cut off"),
        ("model.safetensors.index.json", b"{}"),
        ("model.safetensors.index.json", b"[]"),
        ("config.json", b"[]"),
        ("config.json", b"{"),
    ],
)
def test_a_damaged_start_is_named(file: str, content: bytes, tmp_path) -> None:
    publish(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(UserError, match="There is no ModularStarEncoder in"):
        load_start(tmp_path)


def test_another_architecture_is_refused(tmp_path) -> None:
    publish(tmp_path)
    raw = json.loads((tmp_path / "config.json").read_text())
    for change, complaint in [
        ({"hidden_act": "silu"}, "activation silu"),
        ({"use_bias": False}, "biases off"),
        ({"sliding_window": 16}, "sliding window of 16"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            config_from_published(raw | change)
    del raw["matryoshka_layers"]
    with pytest.raises(ValueError, match="lacks matryoshka_layers"):
        config_from_published(raw)


# ---- ONNX ----


def test_onnx_segments_continue_from_each_other_and_agree_with_torch(tmp_path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    model = tiny()
    paths = export_segments(model, tmp_path)
    assert [p.name for p in paths] == ["segment-0-2.onnx", "segment-2-4.onnx", "segment-4-6.onnx"]
    ids, mask = batch(rows=4, length=13)  # another shape than the export's
    ids[:, 6] = TINY.sep_id
    pooling = text_mask(ids, mask, TINY.sep_id)  # less than the attention mask: what precedes the mark is only read
    expected = model(ids, mask)
    feed = {"attention_mask": mask.numpy(), "pooling_mask": pooling.numpy()}
    entry = {"input_ids": ids.numpy()}
    for path, layer in zip(paths, TINY.exits, strict=True):
        session = onnxruntime.InferenceSession(path)
        embedding, *rest = session.run(None, entry | feed)
        assert np.abs(embedding - expected[layer].embedding.detach().numpy()).max() < 1e-4
        assert len(rest) == (layer != TINY.top)
        entry = {"hidden": rest[0]} if rest else {}


def test_weights_beyond_the_limit_of_one_file_lie_beside_it(tmp_path, monkeypatch) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from strata_train import modular_starencoder

    with torch.device("meta"):
        full = ModularStarEncoder(ModularStarEncoderConfig.full())
    assert modular_starencoder._weight_bytes(full, 0, 36) > 2**31 > modular_starencoder.LARGEST_FILE
    assert all(modular_starencoder._weight_bytes(full, *part) < 2**30 + 2**27 for part in [(0, 4), (9, 18), (27, 36)])
    model = tiny()
    monkeypatch.setattr(modular_starencoder, "LARGEST_FILE", modular_starencoder._weight_bytes(model, 0, 6) - 1)
    (path,) = export_segments(model, tmp_path, [6])
    assert (tmp_path / "segment-0-6.onnx.data").stat().st_size > 4000
    ids, mask = batch()
    feed = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "pooling_mask": mask.numpy()}
    expected = model(ids, mask)[6].embedding.detach().numpy()
    assert np.abs(onnxruntime.InferenceSession(path).run(None, feed)[0] - expected).max() < 1e-4
