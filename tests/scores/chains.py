"""The ResNets of Table 4 as plain chains: links and projections removed, the stem with its max pool kept."""

from zennas.blocks import Convolution, MaxPool


def resnet_chain(blocks, bottleneck):
    chain, channels = [Convolution(3, 64, 7, 2), MaxPool(64)], 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        for index in range(count):
            stride = 2 if stage and not index else 1
            if bottleneck:
                chain += [
                    Convolution(channels, width, 1),
                    Convolution(width, width, 3, stride),
                    Convolution(width, 4 * width, 1),
                ]
                channels = 4 * width
            else:
                chain += [Convolution(channels, width, 3, stride), Convolution(width, width, 3)]
                channels = width
    return tuple(chain)


TABLE_4 = {
    "ResNet-18": (resnet_chain((2, 2, 2, 2), False), 59.53),
    "ResNet-34": (resnet_chain((3, 4, 6, 3), False), 112.32),
    "ResNet-50": (resnet_chain((3, 4, 6, 3), True), 140.3),
}
