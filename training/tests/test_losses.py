"""Each loss does what its formula says: compared with the formula written out, or with a case whose value is known."""

import math

import pytest
import torch
import torch.nn.functional as F

from strata_train.config import LossConfig
from strata_train.losses.contrastive import contrastive_loss, false_negatives
from strata_train.losses.cross_exit import cross_exit_contrast, cross_exit_scores
from strata_train.losses.distillation import score_distillation, vector_distillation
from strata_train.losses.hierarchical import HierarchicalLoss, Teacher, exit_weights
from strata_train.losses.matryoshka import over_prefixes
from strata_train.model import truncate


def vectors(seed: int, rows: int = 5, dims: int = 16) -> torch.Tensor:
    return F.normalize(torch.randn(rows, dims, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_contrast_is_the_symmetric_cross_entropy_written_out() -> None:
    q, d, scale = vectors(1), vectors(2), 7.0
    expected = 0.0
    for i in range(5):
        row = [math.exp(scale * float(q[i] @ d[j])) for j in range(5)]
        column = [math.exp(scale * float(q[j] @ d[i])) for j in range(5)]
        expected -= math.log(row[i] / sum(row)) + math.log(column[i] / sum(column))
    assert float(contrastive_loss(q, d, scale)) == pytest.approx(expected / 10, rel=1e-5)


def test_contrast_ignores_what_is_not_a_negative() -> None:
    q, d = vectors(1), vectors(2)
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert float(contrastive_loss(q, d, 5.0, everything)) == pytest.approx(0.0, abs=1e-6)
    mask = torch.zeros(5, 5, dtype=torch.bool)
    mask[0, 1] = mask[1, 0] = True
    assert float(contrastive_loss(q, d, 5.0, mask)) < float(contrastive_loss(q, d, 5.0))


def test_texts_of_the_own_side_are_negatives_where_asked() -> None:
    q, d, scale = vectors(1), vectors(2), 7.0
    expected = 0.0
    for mine, theirs in ((q, d), (d, q)):
        for i in range(5):
            against = [math.exp(scale * float(mine[i] @ theirs[j])) for j in range(5)]
            against += [math.exp(scale * float(mine[i] @ mine[j])) for j in range(5) if j != i]
            expected -= math.log(against[i] / sum(against))
    assert float(contrastive_loss(q, d, scale, own_side=True)) == pytest.approx(expected / 10, rel=1e-5)
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert float(contrastive_loss(q, d, scale, everything, own_side=True)) == pytest.approx(0.0, abs=1e-6)


def test_equal_and_nearly_equal_documents_and_equal_queries_are_no_negatives() -> None:
    d = vectors(3, rows=4)
    d[3] = F.normalize(d[2] + 0.01, dim=-1)
    mask = false_negatives(torch.tensor([7, 7, 8, 9]), torch.tensor([1, 2, 3, 1]), d, threshold=0.95)
    assert mask[0, 1] and mask[2, 3] and mask[0, 3]
    assert not mask[0, 2] and not mask[1, 3]


def test_vector_distillation_is_one_minus_cosine_and_gives_the_teacher_no_gradient() -> None:
    student, teacher = vectors(1).requires_grad_(), vectors(2).requires_grad_()
    loss = vector_distillation(student, teacher)
    assert float(loss) == pytest.approx(1 - float(F.cosine_similarity(student, teacher).mean()), rel=1e-5)
    loss.backward()
    assert teacher.grad is None and student.grad is not None
    assert float(vector_distillation(vectors(1), vectors(1))) == pytest.approx(0, abs=1e-6)


def test_score_distillation_is_the_kl_divergence_written_out() -> None:
    student, teacher = torch.randn(4, 4), torch.randn(4, 4)
    p, q = teacher.softmax(-1), student.softmax(-1)
    expected = (p * (p / q).log()).sum(-1).mean()
    torch.testing.assert_close(score_distillation(student, teacher), expected)
    assert float(score_distillation(teacher, teacher)) == pytest.approx(0, abs=1e-6)
    score_distillation(student.requires_grad_(), teacher.requires_grad_()).backward()
    assert teacher.grad is None and student.grad is not None


def test_cross_exit_terms_pair_the_top_query_with_the_lower_document() -> None:
    q, d, tq, td = vectors(1), vectors(2), vectors(3), vectors(4)
    torch.testing.assert_close(cross_exit_contrast(q, d, 5.0, None), contrastive_loss(q, d, 5.0))
    torch.testing.assert_close(cross_exit_scores(q, d, tq, td, 5.0), score_distillation(5 * q @ d.T, 5 * tq @ td.T))
    assert float(cross_exit_scores(tq, td, tq, td, 5.0)) == pytest.approx(0, abs=1e-6)
    cross_exit_scores(q.requires_grad_(), d.requires_grad_(), tq, td, 5.0).backward()
    assert q.grad is None and d.grad is not None  # the documents come to the query's ranking, not it to theirs


def test_prefixes_are_renormalised_and_averaged() -> None:
    a, b = vectors(1), vectors(2)
    seen: list[int] = []

    def loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.append(x.shape[1])
        torch.testing.assert_close(x.norm(dim=1), torch.ones(5))
        return (x * y).sum()

    value = over_prefixes(loss, (a, b), (4, 16))
    assert seen == [4, 16]
    expected = ((truncate(a, 4) * truncate(b, 4)).sum() + (a * b).sum()) / 2
    torch.testing.assert_close(value, expected)


def test_exit_weights_are_uniform_or_the_papers() -> None:
    assert exit_weights((2, 6), 6, "uniform") == {2: 1.0, 6: 1.0}
    assert exit_weights((4, 9, 18, 27, 36), 36, "depth") == {4: 4 / 36, 9: 0.25, 18: 0.5, 27: 0.75, 36: 1.0}
    assert exit_weights((0, 2, 6), 6, "depth")[0] == 0.5 / 6
    with pytest.raises(ValueError):
        exit_weights((2, 6), 6, "deep")


def test_with_only_contrast_and_depth_weights_it_is_the_papers_deep_supervision() -> None:
    config = LossConfig(
        exit_weights="depth",
        contrastive=1.0,
        top_contrastive=1.0,
        distil_vectors=0,
        distil_scores=0,
        anchor=0,
        cross_exit=0,
    )
    q, d = {2: vectors(1), 6: vectors(2)}, {2: vectors(3), 6: vectors(4)}
    value, parts = HierarchicalLoss(config, (2, 6), 6, (16,))(q, d, None, None)
    expected = sum(e / 6 * contrastive_loss(q[e], d[e], config.logit_scale) for e in (2, 6))
    torch.testing.assert_close(value, torch.as_tensor(expected))
    assert set(parts) == {"2/contrastive", "6/contrastive"}


def test_the_whole_loss_is_the_sum_of_its_parts_as_written() -> None:
    c = LossConfig()
    q, d = {2: vectors(1), 6: vectors(2)}, {2: vectors(3), 6: vectors(4)}
    t = Teacher(vectors(5), vectors(6))
    value, _ = HierarchicalLoss(c, (2, 6), 6, (16,))(q, d, t, None)
    s = c.logit_scale
    scores = s * t.queries @ t.documents.T
    expected = (
        c.top_contrastive * contrastive_loss(q[6], d[6], s)
        + c.anchor * (vector_distillation(q[6], t.queries) + vector_distillation(d[6], t.documents))
        + c.contrastive * contrastive_loss(q[2], d[2], s)
        + c.cross_exit * contrastive_loss(q[6], d[2], s)
        + c.distil_vectors * (vector_distillation(q[2], t.queries) + vector_distillation(d[2], t.documents))
        + c.distil_scores * score_distillation(s * q[2] @ d[2].T, scores)
        + c.distil_scores * score_distillation(s * q[6] @ d[2].T, scores)
    )
    torch.testing.assert_close(value, expected)


def test_a_detached_top_exit_can_be_the_teacher() -> None:
    config = LossConfig(teacher="top", contrastive=0, top_contrastive=0, cross_exit=0, distil_scores=0)
    top, code = vectors(2).requires_grad_(), vectors(4).requires_grad_()
    value, parts = HierarchicalLoss(config, (2, 6), 6, (16,))(
        {2: vectors(1), 6: top}, {2: vectors(3), 6: code}, None, None
    )
    assert set(parts) == {"2/vectors"} and not value.requires_grad


def test_a_teaching_top_is_not_pulled_by_the_code_of_lower_exits() -> None:
    for teacher, pulled in (("top", False), ("start", True)):
        config = LossConfig(
            teacher=teacher, contrastive=0, top_contrastive=0, distil_vectors=0, distil_scores=0, anchor=0
        )
        top, low = vectors(2).requires_grad_(), vectors(3).requires_grad_()
        value, parts = HierarchicalLoss(config, (2, 6), 6, (16,))(
            {2: vectors(1), 6: top}, {2: low, 6: vectors(4)}, Teacher(vectors(5), vectors(6)), None
        )
        value.backward()
        assert set(parts) == {"2/cross"} and low.grad is not None and (top.grad is not None) == pulled


def test_in_a_cheap_step_the_teachers_query_stands_for_the_tops() -> None:
    config = LossConfig(contrastive=0, distil_vectors=0, distil_scores=0, cross_exit=1.0)
    t = Teacher(vectors(5), vectors(6))
    d = vectors(3)
    value, _ = HierarchicalLoss(config, (2, 6), 6, (16,))({2: vectors(1)}, {2: d}, t, None)
    torch.testing.assert_close(value, contrastive_loss(t.queries, d, config.logit_scale))
