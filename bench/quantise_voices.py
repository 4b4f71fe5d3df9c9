"""Store the voice embedding model's weights as 8-bit integers.

Only the weights are quantised: each is an int8 tensor with one float scale an output channel, multiplied back when
the model is loaded (the runtime folds that into a constant), so inference runs in float32 at full speed.

Needs the `onnx` package, which nothing else here does:
`python bench/quantise_voices.py campplus.onnx shared/adapters/embedded_speech/models/campplus.int8.onnx`
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import numpy as np

SMALLEST = 1024
"""Weights with fewer values stay as they are: there is nothing to win."""


def quantise(source: Path, target: Path) -> None:
    """Write `source` with int8 weights to `target`."""
    onnx: Any = importlib.import_module("onnx")
    model = onnx.load(source)
    graph = model.graph
    kept, restored = [], []
    for weight in graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < SMALLEST:  # noqa: PLR2004 (a bias is 1-D)
            kept.append(weight)
            continue
        scale = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True) / 127
        scale[scale == 0] = 1
        parts = {"int8": np.round(values / scale).astype(np.int8), "scale": scale.astype(np.float32)}
        kept += [onnx.numpy_helper.from_array(part, f"{weight.name}.{kind}") for kind, part in parts.items()]
        restored += [
            onnx.helper.make_node("Cast", [f"{weight.name}.int8"], [f"{weight.name}.float"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Mul", [f"{weight.name}.float", f"{weight.name}.scale"], [weight.name]),
        ]
    nodes = [*restored, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    quantise(arguments.source, arguments.target)
    print(f"{arguments.source.stat().st_size:,} → {arguments.target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
