"""What rounding activations to 8 bits costs the top exit, product by product, and how much of it is owed to [CLS].

Run: `PYTHONPATH=training/src python training/experiments/rounding.py --model models/strata-code-small --sets SETS`,
where SETS is a folder of judged sets; 96 documents of the first are read. The folder's weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import judged
import numpy as np
import torch
from torch import Tensor

from strata_train import data, folder_weights
from strata_train.events import emit
from strata_train.runtime import FolderEncoder
from strata_train.text import pad

PRODUCTS = ("qkv", "out", "up", "down")
TOKENS_AT_ONCE = 2048


def rounded(x: Tensor) -> Tensor:
    """As ONNX Runtime does: one scale and zero point for all of x, 8 bits."""
    low, high = x.min().clamp(max=0), x.max().clamp(min=0)
    step = (high - low) / 255
    zero = torch.round(-low / step)
    return (torch.clamp(torch.round(x / step) + zero, 0, 255) - zero) * step


def first_apart(x: Tensor) -> Tensor:
    """(B, S, …), [CLS] with a scale of its own."""
    return torch.cat([rounded(x[:, :1]), rounded(x[:, 1:])], dim=1)


@torch.no_grad()
def main() -> None:
    options = judged.parser(__doc__).parse_args()
    documents = next(judged.sets(options)).documents[:96]
    model = folder_weights.read_model(options.model).eval()
    top = model.config.top
    texts = FolderEncoder(options.model).tokens(documents, is_query=False)
    chosen = list(data.by_length(np.array([len(text) for text in texts]), TOKENS_AT_ONCE))
    batches = [pad([texts[index] for index in part]) for part in chosen]
    encode = lambda: torch.cat([model(*batch, exits=(top,))[top].embedding for batch in batches])  # noqa: E731
    exact = encode()

    def lost(products: tuple[str, ...], change: Callable[[Tensor], Tensor]) -> float:
        layers = [(name, layer) for index in range(top) for name, layer in model.layers[index].named_children()]
        hooks = [
            layer.register_forward_pre_hook(lambda _, inputs: (change(inputs[0]),))
            for name, layer in layers
            if name in products
        ]
        found = encode()
        for hook in hooks:
            hook.remove()
        return round(1 - float((found * exact).sum(dim=1).mean()), 5)

    for product in PRODUCTS:
        times = _times_as_large(model, product, batches)
        costs = lost((product,), rounded), lost((product,), first_apart)
        emit("metric", product=product, cls_times_the_rest=times, cosine_lost=costs[0], with_cls_apart=costs[1])
    emit("metric", product="all", cosine_lost=lost(PRODUCTS, rounded), with_cls_apart=lost(PRODUCTS, first_apart))


def _times_as_large(model: torch.nn.Module, product: str, batches: list[tuple[Tensor, Tensor]]) -> list[float]:
    """By layer: the largest value of [CLS] over the median of the other tokens' largest values."""
    times: list[float] = []
    for layer in model.layers:
        seen: list[Tensor] = []
        hook = getattr(layer, product).register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
        for batch in batches:
            model(*batch, exits=(model.config.top,))
        hook.remove()
        largest = [x.abs().amax(dim=-1) for x in seen]  # (B, S)
        rest = torch.cat([part[:, 1:][mask[:, 1:] > 0] for part, (_, mask) in zip(largest, batches, strict=True)])
        times.append(round(float(torch.cat([part[:, 0] for part in largest]).mean() / rest.median()), 1))
    return times


if __name__ == "__main__":
    main()
