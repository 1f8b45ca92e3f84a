"""A network and settings so small that an epoch over the digits takes a second."""

import pytest

TINY = "SuperConvK3BNRELU(3,8,2,1)SuperResK3K3(8,16,2,16,1)"
QUICK = {"resolution": 8, "batch_size": 128, "epochs": 3, "lr": 0.2}


@pytest.fixture
def tiny() -> str:
    return TINY


@pytest.fixture
def quick() -> dict[str, object]:
    return dict(QUICK)
