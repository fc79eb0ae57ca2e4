"""Networks: shapes, fading, the ERU's equations, and what the output depends on."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from m2l.errors import InputError
from m2l.gan.networks import (
    ERU,
    Conv,
    Critic,
    Dense,
    Generator,
    Modulation,
    Sizes,
    by_products,
    downsample,
    minibatch_deviation,
    pixel_norm,
    upsample,
)

torch.set_num_threads(1)

SIZES = Sizes(z=5, widths=(8, 6, 4), eru_kernel=1)
KINDS = {
    "kernel 1": SIZES,
    "kernel 3": replace(SIZES, eru_kernel=3),
    "residual": replace(SIZES, critic_residual=True),
    "bilinear": replace(SIZES, upsampling="bilinear"),
    "noise": replace(SIZES, noise=True),
    "styles": replace(SIZES, styles=True),
    "label input": replace(SIZES, condition="ili"),
    "unconditional": replace(SIZES, condition="none"),
}


@pytest.fixture(autouse=True)
def one_seed():
    torch.manual_seed(0)


@pytest.fixture(params=KINDS)
def sizes(request):
    return KINDS[request.param]


def inputs(sizes, n=4):
    return torch.randn(n, sizes.z), torch.rand(n, 2) * 2 - 1


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_shapes_at_every_stage(sizes, alpha):
    generator, critic = Generator(sizes), Critic(sizes)
    z, va = inputs(sizes)
    for stage in range(3):
        side = sizes.resolution(stage)
        assert side == 4 * 2**stage
        image = generator(z, va, stage, alpha)
        assert image.shape == (4, 3, side, side)
        assert image.abs().max() <= 1
        score, maps = critic(image, va, stage, alpha)
        assert score.shape == (4,)
        expected = [(4, 2, sizes.widths[i], 4 * 2**i, 4 * 2**i) for i in range(stage, -1, -1)]
        assert [tuple(m.shape) for m in maps] == (expected if sizes.condition == "eru" else [])


@pytest.mark.parametrize("stage", [1, 2])
def test_generator_at_alpha_0_is_the_stage_before(sizes, stage):
    generator = Generator(sizes)
    z, va = inputs(sizes)
    assert torch.equal(generator(z, va, stage, 0.0), upsample(generator(z, va, stage - 1)))


@pytest.mark.parametrize("stage", [1, 2])
def test_critic_at_alpha_0_is_the_stage_before(sizes, stage):
    critic = Critic(sizes)
    image, va = torch.rand(4, 3, 4 * 2**stage, 4 * 2**stage) * 2 - 1, inputs(sizes)[1]
    score, maps = critic(image, va, stage, 0.0)
    before, maps_before = critic(downsample(image), va, stage - 1)
    assert torch.equal(score, before)
    for a, b in zip(maps[1:], maps_before, strict=True):
        assert torch.equal(a, b)


def test_generator_blends_linearly(sizes):
    generator = Generator(sizes)
    z, va = inputs(sizes)
    old, mixed, new = (generator(z, va, 2, alpha) for alpha in (0.0, 0.25, 1.0))
    torch.testing.assert_close(mixed, 0.75 * old + 0.25 * new)


@pytest.mark.parametrize("dimension", [0, 1], ids=["valence", "arousal"])
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_output_depends_on_each_label_unless_unconditional(sizes, stage, dimension):
    generator, critic = Generator(sizes), Critic(sizes)
    z, va = inputs(sizes)
    moved = va.clone()
    moved[:, dimension] *= -1
    image = generator(z, va, stage)
    same_image = torch.allclose(image, generator(z, moved, stage), atol=1e-5)
    same_score = torch.allclose(critic(image, va, stage)[0], critic(image, moved, stage)[0], 1e-5)
    assert same_image == same_score == (not sizes.conditional)


def test_images_of_a_batch_do_not_touch_each_other_in_the_generator(sizes):
    generator = Generator(sizes).double()
    z, va = (x.double() for x in inputs(sizes))
    torch.testing.assert_close(generator(z, va)[1:2], generator(z[1:2], va[1:2]))


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("residual", [False, True])
def test_eru_is_its_equations_with_concatenated_maps(kernel, residual):
    c, pad = 5, kernel // 2
    eru = ERU(c, kernel, residual).double()
    with torch.no_grad():  # biases begin at zero, where a wrong one would not show
        eru.gates.bias.normal_()
        eru.merge.bias.normal_()
    x, va = torch.randn(3, c, 6, 6).double(), torch.rand(3, 2).double()
    label_v, label_a = (va[:, i, None, None, None].expand(3, 1, 6, 6) for i in (0, 1))

    def conv(maps, layer, outputs, labels_first):
        parts = [layer.labels[outputs], layer.features[outputs]]
        weight = torch.cat(parts if labels_first else parts[::-1], 1)
        he = 1 / math.sqrt(weight[0].numel())
        return F.conv2d(torch.cat(maps, 1), weight * he, layer.bias[outputs], padding=pad)

    v = torch.sigmoid(conv([label_v, x], eru.gates, slice(0, c), True))
    a = torch.sigmoid(conv([label_a, x], eru.gates, slice(c, None), True))
    m = torch.cat([v * x, a * x], 1)
    y = torch.tanh(conv([m, label_v, label_a], eru.merge, slice(None), False))

    out, gates = eru(x, va)
    torch.testing.assert_close(gates, torch.stack([v, a], 1), rtol=0, atol=1e-12)
    torch.testing.assert_close(out, x + y if residual else y, rtol=0, atol=1e-12)


def test_valence_gate_ignores_arousal_and_the_other_way_round():
    eru = ERU(4)
    x = torch.randn(2, 4, 4, 4)
    base, more_v, more_a = (
        eru(x, torch.tensor([va, va]))[1] for va in ([0.0, 0], [1.0, 0], [0, 1.0])
    )
    assert torch.equal(base[:, 1], more_v[:, 1]) and not torch.equal(base[:, 0], more_v[:, 0])
    assert torch.equal(base[:, 0], more_a[:, 0]) and not torch.equal(base[:, 1], more_a[:, 1])


def test_noise_enters_as_much_as_is_learned():
    sizes = replace(SIZES, noise=True)
    generator, (z, va) = Generator(sizes), inputs(sizes)
    drawn = []

    def draw(*shape):
        drawn.append(shape)
        return torch.randn(4, *shape)

    plain = generator(z, va)
    assert torch.equal(generator(z, va, draw=draw), plain)  # nothing is learned yet
    assert drawn == [(1, r, r) for r in (4, 4, 8, 8, 16, 16)]
    for block in generator.blocks:
        block.noise1.scale.data += 0.5
    fixed = generator(z, va)
    assert not torch.allclose(fixed, plain) and torch.equal(generator(z, va), fixed)
    assert not torch.allclose(generator(z, va, draw=draw), generator(z, va, draw=draw))


def test_gates_can_be_left_out(sizes):
    critic, x, va = Critic(sizes), torch.randn(4, sizes.channels, 16, 16), torch.zeros(4, 2)
    score, gates = critic(x, va)
    alone, none = critic(x, va, gates=False)
    assert torch.equal(score, alone) and none == [] and len(gates) == 3 * (sizes.condition == "eru")


@pytest.mark.parametrize(
    "layer, given, count",
    [
        (Conv(64, 256), torch.randn(8, 64, 12, 12), 64 * 9),
        (Conv(64, 256, 1), torch.randn(8, 64, 12, 12), 64),
        (Dense(400, 4000), torch.randn(64, 400), 400),
    ],
)
def test_equalised_scale(layer, given, count):
    """Unit-variance weights, √(2 / inputs) at run time: unit variance in, variance 2 out."""
    assert layer.scale == pytest.approx(math.sqrt(2 / count))
    assert layer.weight.std().item() == pytest.approx(1, abs=0.03)
    out = layer(given)
    inner = out[..., 1:-1, 1:-1] if out.dim() == 4 else out  # zero padding dims the border
    assert inner.var().item() == pytest.approx(2, rel=0.1)


def test_pixel_norm_has_unit_mean_square():
    x = torch.randn(2, 7, 3, 3) * torch.logspace(-1, 3, 9).view(3, 3)
    torch.testing.assert_close(
        pixel_norm(x).square().mean(1), torch.ones(2, 3, 3), rtol=0, atol=1e-4
    )
    torch.testing.assert_close(pixel_norm(5 * x), pixel_norm(x), rtol=0, atol=1e-4)


def test_deviation_of_known_groups():
    """Two groups of two: images 0 and 2 deviate by 1, equal images by nothing."""
    x = torch.tensor([0.0, 2, 7, 7]).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    out = minibatch_deviation(x, group=2)
    assert out.shape == (4, 4, 2, 2)
    assert torch.equal(out[:, :3], x)
    expected = torch.tensor([1.0, 1, 0, 0]).view(4, 1, 1).expand(4, 2, 2)
    torch.testing.assert_close(out[:, 3], expected, rtol=0, atol=1e-3)


def test_critic_gives_two_batches_the_scores_of_each(sizes):
    critic = Critic(sizes)
    real, fake = torch.randn(2, 8, 3, 16, 16)
    va = torch.rand(8, 2)
    both = critic(torch.cat([real, fake]), torch.cat([va, va]))[0]
    torch.testing.assert_close(both[:8], critic(real, va)[0])
    torch.testing.assert_close(both[8:], critic(fake, va)[0])


def test_deviation_of_equal_images_has_a_finite_gradient():
    x = torch.ones(4, 3, 4, 4, requires_grad=True)
    minibatch_deviation(x).sum().backward()
    assert x.grad.isfinite().all()


def test_every_parameter_learns(sizes):
    """At the top stage all but the colour layers of earlier ones get a gradient."""
    generator, critic = Generator(sizes), Critic(sizes)
    z, va = inputs(sizes)
    critic(generator(z, va), va)[0].sum().backward()
    silent = {
        name
        for network in (generator, critic)
        for name, p in network.named_parameters()
        if p.grad is None or not p.grad.abs().sum()
    }
    colours = [
        f"{rgb}.{i}.{p}"
        for rgb in ("to_rgb", "from_rgb")
        for i in (0, 1)
        for p in ("weight", "bias")
    ]
    assert silent == set(colours)


def test_bilinear_enlargement_by_products_is_the_usual_one():
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    torch.testing.assert_close(by_products(x), upsample(x, "bilinear"))


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"widths": []}, "sizes"),
        ({"eru_kernel": 2}, "sizes"),
        ({"condition": "acgan"}, "condition"),
        ({"upsampling": "cubic"}, "upsampling"),
    ],
)
def test_impossible_sizes_are_refused(wrong, told):
    with pytest.raises(InputError, match=told):
        Sizes(**wrong)


def test_label_input_adds_the_projection_on_the_labels():
    """Ding et al. 2021: D = ψ(φ(x)) + ⟨h(y), φ(x)⟩, here over √C to keep its scale."""
    critic = Critic(replace(SIZES, condition="ili", widths=(8,)))
    image, va = torch.rand(4, 3, 4, 4), inputs(SIZES)[1]
    features = []
    critic.head.hidden.register_forward_hook(lambda *call: features.append(call[-1]))
    score, _ = critic(image, va)
    phi = F.leaky_relu(features[0], 0.2)
    projection = (critic.head.embed(va) * phi).sum(1) / math.sqrt(8)
    torch.testing.assert_close(score, critic.head.score(phi).squeeze(1) + projection)


def test_modulation_of_nothing_is_nothing():
    layer = Modulation(3, 5)
    x, h = torch.randn(2, 3, 4, 4), torch.randn(2, 5)
    assert not torch.allclose(layer(x, h)[0], x)
    torch.nn.init.zeros_(layer.dense.weight)
    assert torch.equal(layer(x, h)[0], x)
    with torch.no_grad():
        layer.dense.bias[:] = torch.tensor([1.0, 0, 0, 0, 0, 7])  # scales, then shifts
    expected = torch.stack([2 * x[:, 0], x[:, 1], x[:, 2] + 7], 1)
    torch.testing.assert_close(layer(x, h)[0], expected)
