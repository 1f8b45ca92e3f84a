"""Every setting of the recipe, followed to where it acts, against formulas that are written out here."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

import zennas
from zennas.nn import initialise
from zennas.train import train
from zennas.train.augment import batch_mixer, evaluation_transform, train_transform
from zennas.train.config import train_config
from zennas.train.datasets import ImageData, open_data
from zennas.train.distil import logit_loss
from zennas.train.loader import PreparedImages
from zennas.train.randomness import seeded
from zennas.train.weights import write_weights

TINY = "SuperConvK3BNRELU(3,4,2,1)SuperResK3K3(4,6,2,6,1)"
PLAIN = {"resolution": 8, "mixup": 0, "erasing": 0, "lighting": 0, "flip": 0, "label_smoothing": 0}


class Recorder:
    """Weights, gradients and rates around each optimiser step of a run."""

    def __init__(self):
        self.before, self.gradients, self.after, self.rates = [], [], [], []

    def __enter__(self):
        self._hooks = [register_optimizer_step_pre_hook(self._pre), register_optimizer_step_post_hook(self._post)]
        return self

    def __exit__(self, *_):
        for hook in self._hooks:
            hook.remove()

    def _pre(self, optimizer, *_):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.before.append([p.detach().clone().double() for p in parameters])
        self.gradients.append([p.grad.clone().double() for p in parameters])
        self.rates.append(optimizer.param_groups[0]["lr"])

    def _post(self, optimizer, *_):
        self.after.append([p.detach().clone() for group in optimizer.param_groups for p in group["params"]])


def recorded(tmp_path, **settings):
    with Recorder() as seen:
        train(TINY, tmp_path / "run", **{**PLAIN, **settings})
    return seen


@pytest.mark.parametrize(("momentum", "decay"), [(0.9, 0.01), (0.5, 0.0), (0.0, 0.02)])
def test_steps_are_nesterovs_with_decay_on_every_weight(tmp_path, momentum, decay):
    """v ← μv + g + λw; w ← w − η(g + λw + μv), for all parameters, norms and biases among them."""
    seen = recorded(tmp_path, epochs=2, batch_size=400, lr=0.3, momentum=momentum, weight_decay=decay, warmup=0.2)
    assert len(seen.rates) == 6
    assert len(seen.before[0]) == len(list(zennas.build(zennas.load(TINY), 10).parameters()))
    velocities = [torch.zeros_like(w) for w in seen.before[0]]
    for step, rate in enumerate(seen.rates):
        for index, (w, gradient) in enumerate(zip(seen.before[step], seen.gradients[step], strict=True)):
            slope = gradient + decay * w
            velocities[index] = momentum * velocities[index] + slope
            expected = w - rate * (slope + momentum * velocities[index])
            assert torch.allclose(seen.after[step][index].double(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("warmup", "batch_size", "lr"), [(0.5, 256, 0.2), (0.0, 512, 0.1), (0.25, 128, 0.4)])
def test_rate_rises_in_a_line_and_falls_along_a_cosine(tmp_path, warmup, batch_size, lr):
    seen = recorded(tmp_path, epochs=2, batch_size=batch_size, lr=lr, warmup=warmup)
    total = 2 * (1437 // batch_size)
    rising = int(warmup * total)
    peak = lr * batch_size / 256
    expected = [
        peak * step / rising if step < rising
        else peak / 2 * (1 + math.cos(math.pi * (step - rising) / (total - rising + 1)))
        for step in range(1, total + 1)
    ]  # fmt: skip
    assert seen.rates == pytest.approx(expected)
    assert min(seen.rates) > 0


def test_moving_average_has_its_decay_and_is_what_is_written(tmp_path):
    seen = recorded(tmp_path, epochs=1, batch_size=400, lr=0.3, ema=0.6)
    averages = seen.before[0]
    for weights in seen.after:
        averages = [0.6 * a + 0.4 * w.double() for a, w in zip(averages, weights, strict=True)]
    written = load_file(tmp_path / "run" / "last.safetensors")
    named = [v for k, v in written.items() if "running" not in k and "num_batches" not in k]
    assert len(named) == len(averages)
    assert all(any(w.shape == a.shape and torch.allclose(w.double(), a, atol=1e-5) for w in named) for a in averages)


def test_accumulated_gradients_are_the_mean_over_the_step(tmp_path):
    """The first step of two half batches: each half has its own batch norms, so their mean is made of both halves."""
    whole = recorded(tmp_path / "a", epochs=1, batch_size=700, lr=0.1, seed=3)
    halves = recorded(tmp_path / "b", epochs=1, batch_size=700, lr=0.1, seed=3, accumulate=2)
    assert len(whole.rates) == len(halves.rates) == 2
    bias = [g[-1] for g in (whole.gradients[0], halves.gradients[0])]
    assert bias[0].shape == (10,)
    assert torch.allclose(bias[0], bias[1], atol=2e-3)
    assert bias[0].abs().max() > 0.01


def image_data(image, kind="cifar10"):
    mean, std = (0.5, 0.4, 0.3), (0.25, 0.2, 0.5)
    return ImageData(kind, [(image, 0)], [(image, 0)], ("a", "b"), 16, mean, std)


def config(**settings):
    off = {"mixup": 0, "erasing": 0, "lighting": 0, "flip": 0, "auto_augment": False, "label_smoothing": 0}
    return train_config({"model": "m", "data": "cifar10:x", **off, **settings})


def grey(value=128, side=16):
    return Image.new("RGB", (side, side), (value,) * 3)


def augmented(settings, image, count=1, kind="cifar10", resolution=16):
    transform = train_transform(settings, image_data(image, kind), resolution)
    for number in range(count):
        with seeded(7, number):
            yield transform(image)


def test_images_are_normalised_by_the_data_sets_own_mean_and_spread():
    expected = [(128 / 255 - m) / s for m, s in ((0.5, 0.25), (0.4, 0.2), (0.3, 0.5))]
    for image in (next(augmented(config(), grey())), evaluation_transform(image_data(grey()), 16)(grey())):
        assert image[:, 8, 8].tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("flip", [0.0, 0.25, 1.0])
def test_images_are_mirrored_with_their_probability(flip):
    ramp = Image.fromarray(np.repeat(np.arange(0, 256, 16, dtype=np.uint8)[None], 16, 0)).convert("RGB")
    mirrored = [bool(x[0, 8, 4] > x[0, 8, 10]) for x in augmented(config(flip=flip), ramp, 400)]
    # Three standard deviations of a binomial.
    assert abs(np.mean(mirrored) - flip) <= 3 * math.sqrt(flip * (1 - flip) / 400)


def test_crops_move_by_an_eighth_of_the_side_at_most():
    point = np.zeros((16, 16, 3), np.uint8)
    point[8, 8] = 255
    offsets = set()
    for image in augmented(config(), Image.fromarray(point), 300):
        row, column = divmod(int(image[0].argmax()), 16)
        offsets.add((row - 8, column - 8))
    assert {row for row, _ in offsets} == {column for _, column in offsets} == set(range(-2, 3))


def test_photographs_are_cropped_and_resized_at_random_and_centrally_when_evaluated():
    frame = np.zeros((160, 160, 3), np.uint8)
    frame[10:-10, 10:-10] = 255
    data = image_data(Image.fromarray(frame), "imagefolder")
    central = evaluation_transform(data, 140)(Image.fromarray(frame))
    assert central.shape == (3, 140, 140)
    assert (central == central[:, :1, :1]).all(), "the central seven eighths are within the frame"
    shares = [
        float((x[0] > 0).float().mean()) for x in augmented(config(), Image.fromarray(frame), 30, "imagefolder", 32)
    ]
    assert len({round(share, 3) for share in shares}) > 5


@pytest.mark.parametrize("std", [0.05, 0.3])
def test_lighting_has_the_spread_of_the_principal_colours(std):
    base = next(augmented(config(), grey()))[:, 8, 8]
    shifts = [
        (x[:, 8, 8] - base) * torch.tensor((0.25, 0.2, 0.5)) for x in augmented(config(lighting=std), grey(), 1500)
    ]
    values = np.array((0.2175, 0.0188, 0.0045))
    vectors = np.array(((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203)))
    expected = std * np.sqrt((vectors * values) ** 2 @ np.ones(3))
    assert torch.stack(shifts).std(0).numpy() == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_rectangles_are_erased_with_their_probability_up_to_a_third(probability):
    plain = next(augmented(config(), grey(side=32), resolution=32))
    inside = slice(4, -4), slice(4, -4)  # what no crop moves out of the image
    images = augmented(config(erasing=probability), grey(side=32), 600, resolution=32)
    areas = [float((x[0][inside] != plain[0, 16, 16]).float().mean()) for x in images]
    assert np.mean([area > 0 for area in areas]) == pytest.approx(probability, abs=0.1)
    assert 0.3 < max(areas) < 0.62, "a third of 32×32 pixels are 0.59 of the 24×24 inside"


@pytest.mark.parametrize(("kind", "policy"), [("cifar10", "cifar10"), ("imagefolder", "imagenet")])
def test_auto_augment_changes_colours_by_the_policy_of_the_data(kind, policy):
    gradient = Image.fromarray(np.random.default_rng(0).integers(60, 200, (16, 16, 3), dtype=np.uint8))
    known = {tuple(pixel) for pixel in np.asarray(gradient).reshape(-1, 3).tolist()} | {(0, 0, 0)}

    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.5, 0.4, 0.3), (0.25, 0.2, 0.5)))

    def foreign(settings):
        count = 0
        for x in augmented(settings, gradient, 30):
            pixels = 255 * (x * std + mean)
            seen = {tuple(p) for p in pixels.round().int().flatten(1).T.tolist()}
            count += not seen <= known
        return count

    assert foreign(config()) == 0
    assert foreign(config(auto_augment=True)) > 10
    steps = train_transform(config(auto_augment=True), image_data(gradient, kind), 16).transforms
    assert policy in [step.policy.value for step in steps if hasattr(step, "policy")]


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixed_shares_are_beta_distributed(alpha):
    mix = batch_mixer(config(mixup=alpha), 2)
    shares = []
    for number in range(1500):
        with seeded(5, number):
            _, targets = mix(torch.zeros(2, 3, 2, 2), torch.tensor([0, 1]))
        shares.append(float(targets[0, 0]))
    assert np.mean(shares) == pytest.approx(0.5, abs=0.04)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_smoothed_targets_share_out_their_part(smoothing, mixup):
    mix = batch_mixer(config(label_smoothing=smoothing, mixup=mixup), 5)
    with seeded(1):
        _, targets = mix(torch.zeros(2, 3, 2, 2), torch.tensor([3, 3]))
    expected = [smoothing / 5] * 5
    expected[3] += 1 - smoothing
    assert targets[0].tolist() == pytest.approx(expected)


def test_logits_are_distilled_at_their_temperature():
    """T² Σ q log(q / p) with both softened by T, the mean over images."""
    student, teacher = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0)).double()
    for temperature in (1.0, 4.0):
        p, q = (torch.softmax(x / temperature, 1) for x in (student, teacher))
        expected = temperature**2 * (q * (q / p).log()).sum(1).mean()
        assert float(logit_loss(student, teacher, temperature)) == pytest.approx(float(expected))


def test_weights_of_distillation_and_its_temperature_reach_the_loss(tmp_path):
    """With λ the weight of a part, the loss is linear in it."""
    teacher = zennas.build(zennas.load(TINY), 10)
    initialise(teacher, torch.Generator().manual_seed(0))
    with torch.no_grad():
        teacher.classifier.weight.mul_(500)  # of small logits the loss is the same at every temperature
    write_weights(teacher, tmp_path / "teacher.safetensors")
    common = {
        **PLAIN, "epochs": 1, "batch_size": 1437, "teacher": TINY, "seed": 1,
        "teacher_weights": tmp_path / "teacher.safetensors",
    }  # fmt: skip

    def loss(name, **settings):
        return train(TINY, tmp_path / name, **{**common, **settings}).history[0]["train_loss"]

    alone = loss("none", distil_logits=0, distil_features=0)
    logits = loss("logits", distil_logits=1, distil_features=0) - alone
    features = loss("features", distil_logits=0, distil_features=1) - alone
    assert logits > 0.01
    assert features > 0.01
    both = loss("both", distil_logits=3, distil_features=0.5) - alone
    assert both == pytest.approx(3 * logits + features / 2, rel=1e-3)
    assert loss("hot", distil_logits=1, distil_features=0, temperature=1) - alone != pytest.approx(logits, rel=0.01)


def test_precision_reaches_the_network(tmp_path):
    settings = {"epochs": 1, "batch_size": 700, "lr": 0.1}
    full, half = (recorded(tmp_path / p, precision=p, **settings) for p in ("fp32", "bf16"))
    assert not torch.equal(full.gradients[0][0], half.gradients[0][0])
    assert torch.allclose(full.gradients[0][-1], half.gradients[0][-1], atol=0.02)


def test_projections_are_trained_with_the_student(tmp_path):
    write_weights(zennas.build(zennas.load(TINY), 10), tmp_path / "teacher.safetensors")
    settings = {"epochs": 1, "batch_size": 700, "teacher": TINY, "teacher_weights": tmp_path / "teacher.safetensors"}
    alone = recorded(tmp_path / "alone", distil_features=0, **settings)
    paired = recorded(tmp_path / "paired", distil_features=1, **settings)
    stages = 2  # of two strides; a projection has a weight and a bias
    assert len(paired.before[0]) == len(alone.before[0]) + 2 * stages
    assert all(not torch.equal(b, a) for b, a in zip(paired.before[0][-2:], paired.after[-1][-2:], strict=True))


def test_every_step_mixes_anew_and_as_its_seed_says(tmp_path, monkeypatch):
    from zennas.train import loop

    def draws(name, seed):
        seen = []

        def mixer(settings, classes):
            real = batch_mixer(settings, classes)
            return lambda images, labels: (seen.append(np.random.rand()), real(images, labels))[1]

        monkeypatch.setattr(loop, "batch_mixer", mixer)
        train(TINY, tmp_path / name, **{**PLAIN, "epochs": 2, "batch_size": 700, "accumulate": 2, "seed": seed})
        return seen

    first, again, other = draws("a", 1), draws("b", 1), draws("c", 2)
    assert len(first) == len({*first, *other}) / 2 == 8
    assert first == again


def test_an_image_is_augmented_anew_in_every_epoch():
    images = PreparedImages([(grey(), 0)] * 2, lambda image: torch.rand(1), 5)
    values = [images[epoch, index][0].item() for epoch in range(3) for index in range(2)]
    assert len(set(values)) == 6
    assert [images[epoch, index][0].item() for epoch in range(3) for index in range(2)] == values
    assert PreparedImages([(grey(), 0)], lambda image: torch.rand(1), 6)[0, 0][0].item() not in values


def test_digits_are_normalised_to_zero_mean_and_unit_spread():
    data = open_data("digits")
    transform = evaluation_transform(data, 8)
    pixels = torch.stack([transform(image) for image, _ in (data.train[index] for index in range(len(data.train)))])
    assert abs(pixels.mean()) < 0.01
    assert pixels.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("kind", "mean", "std"),
    [
        ("cifar10", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        ("cifar100", (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    ],
)
def test_cifar_is_normalised_by_its_published_statistics(tmp_path, monkeypatch, kind, mean, std):
    from torchvision import datasets

    class Fake:
        base_folder = "x"
        classes = ("a", "b")
        data = np.zeros((2, 32, 32, 3), np.uint8)
        targets = (0, 1)

        def __init__(self, root, train, download):
            pass

    monkeypatch.setattr(datasets, kind.upper(), Fake)
    data = open_data(f"{kind}:{tmp_path}")
    assert (data.mean, data.std) == (mean, std)
