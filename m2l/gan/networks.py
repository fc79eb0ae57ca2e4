"""The emotional landscape GAN: progressive generator and mirrored critic with ERUs.

Both networks hold one block per resolution, 4×4 to the top, and run up to any `stage`
(0 is 4×4, 1 is 8×8, …). While a stage is new, `alpha` in [0, 1] blends it in over the one
before (Karras et al. 2018). Valence and arousal reach every block through an Emotional Residual
Unit (Park & Lee 2020); two other ways to condition, named in `Sizes`, serve as baselines.

Conventions
-----------
Images (N, 3, H, W) in [-1, 1]; `va` (N, 2) in [-1, 1], valence first; z (N, sizes.z) standard
normal. Convolutions and dense layers use the equalised learning rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import nn

from m2l.doors.settings import check, setting
from m2l.errors import InputError

SQRT2 = math.sqrt(2)  # He's gain for rectified layers
FADE = 8  # points from the border over which a stage's detail grows


@dataclass(frozen=True)
class Sizes:
    """Every size and choice of the two networks.

    Attributes
    ----------
    z : length of the noise vector.
    widths : channels at 4×4, 8×8, 16×16, …; its length is the number of stages.
    eru_kernel : 3, or 1 for a cheaper ERU of the same form.
    critic_residual : add the critic's ERU to its input instead of replacing it.
    condition : how the labels enter. "eru" is the published way; "ili", label input (Ding et al.
        2021), embeds them, shifts and scales the generator's features by the embedding and
        projects the critic's onto it; "none" leaves them out.
    channels : of a picture.
    upsampling : how the generator's features are enlarged, "nearest" or "bilinear". Nearest
        neighbours can leave a faint grid of two pixels.
    noise : give the generator noise of its own at each resolution, see `Noise`.
    styles : let z scale and shift every block's features, beside entering at 4×4.
    detail : the top stage adds detail alone: halved, its picture is about that of the stage before.
    """

    z: int = setting(100, low=1)
    widths: tuple[int, ...] = setting((512, 512, 512, 256, 128, 64), low=1)
    eru_kernel: int = setting(3, choices=(1, 3))
    critic_residual: bool = False
    condition: str = setting("eru", choices=("eru", "ili", "none"))
    channels: int = setting(3, choices=(3,))
    upsampling: str = setting("nearest", choices=("nearest", "bilinear"))
    noise: bool = False
    styles: bool = False
    detail: bool = False

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))
        check(self, "sizes: ")
        if not self.widths:
            raise InputError("sizes: widths (): give a width for each stage")

    @property
    def conditional(self):
        """Whether the networks look at the labels."""
        return self.condition != "none"

    def resolution(self, stage):
        """Side of the picture at a stage, in pixels."""
        return 4 * 2**stage

    def stage(self, resolution):
        """The stage of a resolution, the inverse of `resolution`."""
        return int(math.log2(resolution // 4))


class Scaled(nn.Module):
    """Equalised learning rate: unit-variance weights, scaled by He's constant at run time."""

    def __init__(self, shape, gain=SQRT2):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0]))
        self.scale = gain / math.sqrt(math.prod(shape[1:]))


class Conv(Scaled):
    """k×k convolution, same size out."""

    def __init__(self, cin, cout, kernel=3, gain=SQRT2):
        super().__init__((cout, cin, kernel, kernel), gain)
        self.padding = kernel // 2

    def forward(self, x):
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class Dense(Scaled):
    """Fully connected layer."""

    def __init__(self, cin, cout, gain=SQRT2):
        super().__init__((cout, cin), gain)

    def forward(self, x):
        return F.linear(x, self.weight * self.scale, self.bias)


def leaky(x):
    return F.leaky_relu(x, 0.2)


def channels_last(x):
    """The same tensor with a pixel's channels side by side: a fifth faster with few channels."""
    return x.contiguous(memory_format=torch.channels_last)


def pixel_norm(x):
    """Scale each pixel's feature vector to unit mean square (Karras et al. 2018, section 4.2)."""
    # In the precision that comes in: CUDA's autocast would widen all that follows.
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8).to(x.dtype)


def minibatch_deviation(x, group=4):
    """Append one channel with the mean deviation within consecutive groups of the batch.

    Groups are consecutive, so that a batch of real images followed by generated ones, each a
    multiple of `group` long, gives the same as two batches.
    """
    n, c, h, w = x.shape
    group = math.gcd(n, group)
    y = x.reshape(n // group, group, c, h, w)
    y = (y - y.mean(1, keepdim=True)).square().mean(1)  # faster than var
    y = torch.sqrt(y + 1e-8).mean((1, 2, 3))
    return torch.cat([x, y.repeat_interleave(group).view(n, 1, 1, 1).expand(n, 1, h, w)], 1)


def upsample(x, mode="nearest"):
    """Twice the side."""
    if mode == "bilinear" and x.is_cuda:
        return by_products(x)
    with torch.autocast(x.device.type, enabled=False):  # CUDA's would widen it
        return F.interpolate(x, scale_factor=2, mode=mode)


@lru_cache(maxsize=32)
def _doubling(n, dtype, device):
    """The matrix (2n, n) that enlarges a line of n points bilinearly."""
    points = torch.eye(n, device=device)[None, None]
    return F.interpolate(points, (2 * n, n), mode="bilinear")[0, 0].to(dtype)


def by_products(x):
    """Bilinear `upsample` as two products of matrices.

    The same numbers. On a GPU the usual way back adds up gradients one atom at a time, which takes
    longer than the convolutions around it.
    """
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n, h, w * c)
    x = (_doubling(h, x.dtype, x.device) @ x).view(n, 2 * h, w, c)
    return (_doubling(w, x.dtype, x.device) @ x).permute(0, 3, 1, 2)


def downsample(x):
    return F.avg_pool2d(x, 2)


def blend(old, new, alpha):
    """What a new stage shows while it fades in; `alpha` is a number or a tensor of one."""
    return old + alpha * (new - old)


class LabelConv(nn.Module):
    """conv[labels, X] for labels that are constant over the picture, without concatenating.

    A convolution of concatenated maps is the sum of a convolution of each. The labels' share is
    cheap, and for a 1×1 kernel it is one number a channel; what is left has a channel count that
    fast convolution routines like.

    Parameters
    ----------
    cin, cout : channels of X and of the output.
    groups : 2 lets the first half of the output see valence alone and the second arousal alone.
    """

    def __init__(self, cin, cout, kernel, groups=1):
        super().__init__()
        self.kernel, self.groups = kernel, groups
        self.features = nn.Parameter(torch.randn(cout, cin, kernel, kernel))
        self.labels = nn.Parameter(torch.randn(cout, 2 // groups, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(cout))
        self.scale = 1 / math.sqrt((cin + 2 // groups) * kernel**2)

    def forward(self, x, va):
        maps = va[:, :, None, None]
        if self.kernel > 1:
            maps = maps.expand(-1, -1, *x.shape[2:])
        padding = self.kernel // 2
        # The bias joins the labels' share, which is small: one pass over the features the less.
        y = F.conv2d(maps, self.labels * self.scale, self.bias, padding=padding, groups=self.groups)
        return F.conv2d(x, self.features * self.scale, padding=padding) + y


class ERU(nn.Module):
    """Emotional Residual Unit: gate features by valence and by arousal, then merge.

    With X the features and V, A the labels as constant maps::

        v = sigmoid(conv[V, X])        a = sigmoid(conv[A, X])
        m = v * X concatenated with a * X
        Y = tanh(conv[m, V, A])

    References
    ----------
    Park & Lee 2020, "Emotional landscape image generation using generative adversarial networks".
    """

    def __init__(self, channels, kernel=3, residual=False):
        super().__init__()
        self.gates = LabelConv(channels, 2 * channels, kernel, groups=2)
        self.merge = LabelConv(2 * channels, channels, kernel)
        self.residual = residual

    def forward(self, x, va):
        """Features (N, C, H, W) to features of the same shape, and the gates (N, 2, C, H, W)."""
        n, c, h, w = x.shape
        gates = torch.sigmoid(self.gates(x, va))  # v, then a
        y = torch.tanh(self.merge(gates * torch.cat([x, x], 1), va))
        return (x + y if self.residual else y), gates.view(n, 2, c, h, w)


class NoERU(nn.Module):
    """Stands where an ERU would, where labels enter elsewhere or not at all."""

    def forward(self, x, va):
        return x, None


class Embedding(nn.Module):
    """Labels (N, 2) to a vector of unit mean square, for label input.

    Ding et al. fix it beforehand by a regression on photos; here it is learned along.
    """

    def __init__(self, width):
        super().__init__()
        self.hidden, self.out = Dense(2, width), Dense(width, width, gain=1)

    def forward(self, va):
        return pixel_norm(self.out(leaky(self.hidden(va))))


class Modulation(nn.Module):
    """Scale and shift each channel by the embedded labels: label input in the generator.

    References
    ----------
    Ding et al. 2021, "CcGAN: continuous conditional generative adversarial networks for image
    generation", improved label input (ILI), where it acts through batch normalisation.
    """

    def __init__(self, channels, width, gain=1):
        super().__init__()
        self.dense = Dense(width, 2 * channels, gain)

    def forward(self, x, embedded):
        scale, shift = self.dense(embedded)[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift, None


def _eru(sizes, channels, residual=False):
    return ERU(channels, sizes.eru_kernel, residual) if sizes.condition == "eru" else NoERU()


class Noise(nn.Module):
    """Add noise, one number a pixel, as much of it to each channel as is learned.

    Texture needs chance at every point. Features that are enlarged from a few points are smooth,
    and what a network draws from them alone follows their contours.

    References
    ----------
    Karras et al. 2019, "A style-based generator architecture for generative adversarial networks",
    section 3.2.
    """

    def __init__(self, channels, side, which=0):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(channels, 1, 1))
        # The same in every network, so that no file needs to hold it.
        rng = torch.Generator().manual_seed(2 * side + which)
        fixed = torch.randn(1, 1, side, side, generator=rng)
        self.register_buffer("fixed", fixed, persistent=False)

    def take(self, draw=None):
        """Noise (N, 1, R, R) from `draw`, (1, R, R) -> normal (N, 1, R, R); the fixed without."""
        return self.fixed if draw is None else draw(*self.fixed.shape[1:])

    def forward(self, x, noise):
        return torch.addcmul(x, self.scale.to(x.dtype), noise.to(x.dtype))


class NoNoise(nn.Module):
    """Stands where noise would be added, as `NoERU` for labels."""

    def take(self, draw=None):
        return None

    def forward(self, x, noise):
        return x


class GeneratorBlock(nn.Module):
    """Two convolutions with pixel norm, then the ERU of this resolution or its stand-in."""

    def __init__(self, sizes, cin, cout, side):
        super().__init__()
        self.conv1, self.conv2 = Conv(cin, cout), Conv(cout, cout)
        self.noise1, self.noise2 = (
            Noise(cout, side, i) if sizes.noise else NoNoise() for i in range(2)
        )
        self.style = Modulation(cout, sizes.z, gain=0.5) if sizes.styles else None
        if sizes.condition == "ili":
            self.eru = Modulation(cout, sizes.widths[0])
        else:
            self.eru = _eru(sizes, cout)

    def noise(self, draw=None):
        return self.noise1.take(draw), self.noise2.take(draw)

    def forward(self, x, va, z, noise):
        x = pixel_norm(leaky(self.noise1(self.conv1(x), noise[0])))
        if self.style is not None:
            x = self.style(x, z)[0]
        x = pixel_norm(leaky(self.noise2(self.conv2(x), noise[1])))
        return self.eru(x, va)[0]


class Generator(nn.Module):
    """(z, va) to images, up to a stage."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = sizes
        w = sizes.widths
        labels = 2 if sizes.condition == "eru" else 0
        self.dense = Dense(sizes.z + labels, w[0] * 16, gain=SQRT2 / 4)
        self.embed = Embedding(w[0]) if sizes.condition == "ili" else nn.Identity()
        self.blocks = nn.ModuleList(
            GeneratorBlock(sizes, w[max(i - 1, 0)], w[i], sizes.resolution(i))
            for i in range(len(w))
        )
        self.to_rgb = nn.ModuleList(Conv(c, sizes.channels, 1, gain=1) for c in w)

    def forward(self, z, va, stage=None, alpha=None, draw=None):
        """Return images (N, 3, R, R) with R = 4·2^stage; the top stage by default.

        With `alpha`, a number or a tensor, the stage's layers are blended in so far. Where the
        sizes ask for noise, it comes from `draw`, see `Noise`.
        """
        stage = len(self.blocks) - 1 if stage is None else stage
        x, before = self.features(z, va, stage, draw)
        image = torch.tanh(self.to_rgb[stage](x).float())
        detail = self.sizes.detail and stage == len(self.blocks) - 1
        if stage == 0 or not (detail or alpha is not None):
            return image
        below = torch.tanh(self.to_rgb[stage - 1](before).float())
        if detail:
            image = detailed(below, image)
        if alpha is not None:
            image = blend(upsample(below), image, alpha)
        return image

    def features(self, z, va, stage, draw=None):
        """Features (N, w_i, R_i, R_i) of a stage, and of the one before it."""
        x = torch.cat([z, va], 1) if self.sizes.condition == "eru" else z
        va, z = self.embed(va), pixel_norm(z)
        x = channels_last(self.dense(pixel_norm(x)).view(len(z), -1, 4, 4))  # (N, w0, 4, 4)
        x, before = self.blocks[0](pixel_norm(leaky(x)), va, z, self.blocks[0].noise(draw)), None
        for block in self.blocks[1 : stage + 1]:
            before, x = x, upsample(x, self.sizes.upsampling)
            x = block(x, va, z, block.noise(draw))
        return x, before


def detailed(below, image):
    """An image with no more of another one, twice as large, than its detail.

    Two steps of back-projection (Irani & Peleg 1991). One would do if each four points were moved
    alike, but their edges would be seen as a lattice. Towards the border detail fades: some photos
    have a frame, which a stage learns to draw.
    """
    for _ in range(2):
        image = image + upsample(below - downsample(image), "bilinear")
    place = torch.arange(image.shape[-1], device=image.device)
    share = ((torch.minimum(place, place.flip(0)) - 1) / FADE).clamp(0, 1)
    inner = torch.minimum(share, share[:, None])
    return torch.lerp(upsample(below, "bilinear"), image, inner.to(image))


class CriticBlock(nn.Module):
    """The generator's block, mirrored: ERU, two convolutions, half the size."""

    def __init__(self, sizes, cin, cout):
        super().__init__()
        self.eru = _eru(sizes, cin, sizes.critic_residual)
        self.conv1, self.conv2 = Conv(cin, cin), Conv(cin, cout)

    def forward(self, x, va):
        x, maps = self.eru(x, va)
        return downsample(leaky(self.conv2(leaky(self.conv1(x))))), maps


class CriticHead(nn.Module):
    """4×4 features to one score, to which label input adds their projection on the labels."""

    def __init__(self, sizes, channels):
        super().__init__()
        self.eru = _eru(sizes, channels, sizes.critic_residual)
        self.conv = Conv(channels + 1, channels)
        self.hidden = Dense(channels * 16, channels)
        self.score = Dense(channels, 1, gain=1)
        self.embed = Embedding(channels) if sizes.condition == "ili" else None

    def forward(self, x, va):
        x, maps = self.eru(x, va)
        x = leaky(self.conv(minibatch_deviation(x)))
        x = leaky(self.hidden(x.flatten(1)))  # (N, C)
        score = self.score(x).squeeze(1)
        if self.embed:
            score = score + (self.embed(va) * x).sum(1) / math.sqrt(x.shape[1])
        return score, maps


class Critic(nn.Module):
    """Images and their va to scores, and to the ERU maps that affective matching compares."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        w = sizes.widths
        self.head = CriticHead(sizes, w[0])
        self.blocks = nn.ModuleList(CriticBlock(sizes, w[i], w[i - 1]) for i in range(1, len(w)))
        self.from_rgb = nn.ModuleList(Conv(sizes.channels, c, 1) for c in w)

    @property
    def trained(self):
        """What the optimiser and the checkpoint hold."""
        return self

    def look(self, image, side=None):
        """What this critic sees of a picture: the picture."""
        return [image]

    def judge(self, seen, va, stage=None, alpha=None, gates=True):
        """As `m2l.gan.projected.ProjectedCritic.judge`: one score a picture, no reading."""
        score, maps = self(*seen, va, stage, alpha, gates)
        return [score], maps, None

    def gates(self, seen, va, stage=None, alpha=None):
        """The gates of each ERU alone, as `judge` gives them."""
        return self(*seen, va, stage, alpha)[1]

    def forward(self, image, va, stage=None, alpha=None, gates=True):
        """Return scores (N,) and each ERU's gates (N, 2, C, R, R), top resolution first.

        Without `gates`, an empty list in their place, which saves bringing them to whole precision.
        """
        stage = len(self.blocks) if stage is None else stage
        maps = []
        image = channels_last(image)
        x = leaky(self.from_rgb[stage](image))
        for i in range(stage, 0, -1):
            x, va_maps = self.blocks[i - 1](x, va)
            maps.append(va_maps)
            if i == stage and alpha is not None:
                x = blend(leaky(self.from_rgb[i - 1](downsample(image))), x, alpha)
        score, va_maps = self.head(x, va)
        return score, [m for m in [*maps, va_maps] if gates and m is not None]
