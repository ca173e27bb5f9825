"""Run by `test_train.py` in two processes at once: a few data-parallel steps on each process's own texts."""

import os
import sys
from pathlib import Path

import numpy as np
import torch

from strata_train import processes, runs, train
from strata_train.config import Config, ModelConfig
from strata_train.device import Device
from strata_train.losses.contrastive import contrastive_loss
from strata_train.model import MultiExitEncoder


def main(out: Path) -> None:
    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    place = Device(torch.device("cpu"), bf16=False)
    processes.start_distributed(place)
    torch.manual_seed(3)
    shape = ModelConfig(
        vocab_size=64,
        hidden_size=16,
        layers=2,
        heads=2,
        intermediate_size=32,
        max_positions=32,
        dims=16,
        exits=(0, 1, 2),
        matryoshka=(16,),
    )
    model = MultiExitEncoder(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    seen = [[2, 10 + rank * 20 + i, 11 + rank * 20 + i, 3] for i in range(6)]
    for _ in range(3):
        sides = [[np.array(ids) for ids in seen], [np.array(ids[::-1]) for ids in seen]]
        train.cached_backward(
            model, sides, (0, 1, 2), lambda s: (contrastive_loss(s[0][2], s[1][1], 5.0), {}), 0, place
        )
        processes.average_gradients(model)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if rank > 0:  # as if only the first process had trained the table
        model.table.table.weight.data.zero_()
    run = runs.Run(out / "run", Config(model=shape), torch.full((16, 16), float(rank)))
    finished = runs.share_from_first_process(model, run, finished=rank == 0, place=place)
    assert finished, "everybody goes on with the first process's answer"
    assert not run.teacher_head.any(), "with its head of the teacher"
    assert model.table.table.weight.abs().max() > 0, "and with its weights"
    alone = runs.Run(out / "run", Config(model=shape), torch.full((16, 16), 7.0) if rank == 0 else None)
    assert runs.share_from_first_process(model, alone, finished=rank == 0, place=place)
    assert (alone.teacher_head == 7).all(), "a head that only the first process has trained"
    run.progress.step = rank
    run.save("checkpoint.pt", model)
    processes.wait_for_all()
    run.resume(model)
    assert run.progress.step == 0, "only the first process saves"
    torch.save({"model": model.state_dict(), "seen": seen}, out / f"rank{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
