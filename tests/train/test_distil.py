import pytest
import torch
from torch import nn

from zennas import build, load
from zennas.errors import WeightsError, ZennasError
from zennas.train import train
from zennas.train.distil import feature_loss, logit_loss, make_student
from zennas.train.networks import logits_and_stages

TEACHER = "SuperConvK3BNRELU(3,24,1,1)SuperResK3K3(24,48,2,48,1)SuperResK3K3(48,64,2,64,1)"
STUDENT = "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,12,2,12,1)SuperResK3K3(12,16,2,16,1)"


def test_losses_are_zero_where_student_and_teacher_agree():
    logits = torch.randn(5, 10)
    maps = [torch.randn(5, 4, 8, 8), torch.randn(5, 6, 4, 4)]
    assert logit_loss(logits, logits + 3, 4).abs() < 1e-5
    assert feature_loss(maps, maps) == 0
    assert logit_loss(logits, -logits, 4) > 0.1


def test_feature_loss_is_relative_to_the_teachers_maps():
    own, theirs = [torch.zeros(2, 3, 8, 8)], [torch.randn(2, 3, 8, 8)]
    assert feature_loss(own, theirs) == pytest.approx(1)
    assert feature_loss(own, [100 * theirs[0]]) == pytest.approx(1)
    larger = [torch.ones(2, 3, 16, 16)]
    assert feature_loss([torch.ones(2, 3, 8, 8)], larger) == 0


def test_student_pairs_the_last_stages_and_projects_to_the_teachers_channels():
    student = build(load(STUDENT), 10)
    teacher = build(load("SuperConvK3BNRELU(3,24,2,1)SuperResK3K3(24,48,2,48,1)"), 10)
    paired = make_student(student, teacher, True, 16, 0)
    logits, projected = paired(torch.randn(2, 3, 16, 16))
    assert logits.shape == (2, 10)
    assert [maps.shape[1] for maps in projected] == [24, 48]


def test_teacher_of_timm_gives_stages():
    timm = pytest.importorskip("timm")
    teacher = timm.create_model("resnet10t", num_classes=10).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        logits, stages = logits_and_stages(teacher, images)
        assert torch.allclose(logits, teacher(images))
    assert [stage.shape[1] for stage in stages][-4:] == [64, 128, 256, 512]


def test_networks_of_torchvision_give_stages_and_gradients():
    models = pytest.importorskip("torchvision.models")
    network = models.resnet18(weights=None, num_classes=10).eval()
    images = torch.randn(2, 3, 64, 64)
    kept = []
    hooks = [getattr(network, f"layer{i}").register_forward_hook(lambda *a: kept.append(a[2])) for i in (1, 2, 3, 4)]
    logits, stages = logits_and_stages(network, images)
    assert torch.equal(logits, network(images))
    assert [tuple(s.shape[1:]) for s in stages] == [(64, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]
    assert all(torch.equal(stage, layer) for stage, layer in zip(stages[1:], kept, strict=False))
    for hook in hooks:
        hook.remove()
    assert not any(module._forward_hooks for module in network.modules())
    stages[2].sum().backward()
    assert network.layer2[0].conv1.weight.grad.abs().sum() > 0


def test_student_of_torchvision_is_distilled(tmp_path, quick):
    settings = {**quick, "epochs": 1, "resolution": 16}
    train(TEACHER, tmp_path / "teacher", **settings)
    weights = tmp_path / "teacher" / "last.safetensors"
    result = train(
        "torchvision:resnet18",
        tmp_path / "run",
        teacher=TEACHER,
        teacher_weights=weights,
        distil_features=1,
        **settings,
    )
    assert len(result.history) == 1


def test_teacher_needs_weights_that_fit(tmp_path, tiny, quick):
    with pytest.raises(ZennasError, match="teacher_weights"):
        train(tiny, tmp_path / "a", teacher=TEACHER, **quick)
    torch.save(nn.Linear(3, 3).state_dict(), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"w\.pt: weights of another network"):
        train(tiny, tmp_path / "b", teacher=TEACHER, teacher_weights=tmp_path / "w.pt", **quick)


@pytest.mark.slow
def test_distilled_student_beats_the_same_student_alone(tmp_path):
    common = {"resolution": 8, "batch_size": 64, "mixup": 0, "erasing": 0}
    good = train(TEACHER, tmp_path / "teacher", epochs=12, **common)
    assert good.history[-1]["accuracy"] > 0.93
    alone, taught = [], []
    for seed in range(3):
        settings = {**common, "epochs": 4, "seed": seed}
        alone.append(train(STUDENT, tmp_path / f"alone-{seed}", **settings).history[-1]["accuracy"])
        result = train(
            STUDENT, tmp_path / f"taught-{seed}", teacher=TEACHER,
            teacher_weights=tmp_path / "teacher" / "last.safetensors", distil_features=0.5, **settings,
        )  # fmt: skip
        taught.append(result.history[-1]["accuracy"])
    print(good.history[-1]["accuracy"], alone, taught)
    assert sum(taught) / 3 > sum(alone) / 3
