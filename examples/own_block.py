"""A block type of one's own, searched with: a bottleneck whose middle is two grouped convolutions.

python examples/own_block.py [iterations]
"""

import sys
from pathlib import Path

import zennas


@zennas.register_block("TwinBtn", needs=("bottleneck",))
def twin_bottleneck(block, in_channels, stride, first):
    inner = block.bottleneck
    main = (
        zennas.Convolution(in_channels, inner, 1),
        zennas.Convolution(inner, inner, block.kernel, stride, groups=2),
        zennas.Convolution(inner, inner, block.kernel, groups=2),
        zennas.Convolution(inner, block.out_channels, 1, activation=None),
    )
    return [zennas.residual(main, in_channels, block.out_channels, stride, first)]


SPACE = """\
name: twin
base: resnet
choices:
  - {block: TwinBtn, kernel: 3}
  - {block: TwinBtn, kernel: 5}
"""

if __name__ == "__main__":
    Path("twin.yaml").write_text(SPACE)
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    result = zennas.search("twin.yaml", 32, 10, params="300k", layers=14, iterations=iterations, rescore=0)
    print(f"score {result.score:.2f}, {result.costs}")
    for block in result.architecture.super_blocks:
        print(f"  {block.block:<8} {block.in_channels:>4} → {block.out_channels:<4} × {block.layers}")
    network = zennas.build(result.architecture, num_classes=10)
    assert sum(p.numel() for p in network.parameters()) == result.costs.params
