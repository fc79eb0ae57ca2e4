"""A critic that looks through a pretrained network (Sauer et al. 2021).

Real and generated pictures pass through a frozen ImageNet network. Its maps at four scales, mixed
across channels and scales by fixed random convolutions, are judged by four small heads, which carry
what the milestone's critic carries: an ERU, whose gates affective matching compares, and minibatch
deviation. Labels also enter by projection (Miyato & Koyama 2018).

Conventions
-----------
As in `m2l.gan.networks`. Both critics answer to `look`, what is seen of a picture, a list of
tensors, and `judge`, what is made of it: scores, gates and a reading of the labels.

References
----------
Sauer, Chitta, Müller & Geiger 2021, "Projected GANs converge faster".
"""

from __future__ import annotations

import contextlib
import itertools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrizations import spectral_norm

from m2l.doors.settings import check, setting
from m2l.gan.networks import ERU, NoERU, channels_last, minibatch_deviation, upsample
from m2l.gan.pretrained import lite

STRIDES = (4, 8, 16, 32)
TAPS = (2, 4, 10, 15)  # Lite0's last blocks at these strides
WIDTHS = (24, 40, 112, 320)  # and their channels


@dataclass(frozen=True)
class Heads:
    """Sizes of the projected critic.

    Attributes
    ----------
    mixed : channels of the maps at strides 4, 8, 16 and 32, after mixing.
    widest : the most channels of a head.
    labels : length of the labels' embedding that scores are projected on.
    end : side to which a head shrinks its map before it scores each point.
    """

    mixed: tuple[int, int, int, int] = setting((64, 128, 256, 512), low=8)
    widest: int = setting(512, low=8)
    labels: int = setting(64, low=1)
    end: int = setting(8, low=1)

    def __post_init__(self):
        object.__setattr__(self, "mixed", tuple(self.mixed))
        check(self, "heads: ")


class Projection(nn.Module):
    """Pictures to Lite0's maps, mixed. Nothing in here is ever trained.

    Each map gets a random 1×1 convolution, then from coarse to fine the enlarged map of the scale
    above is added, then a random 3×3 convolution follows: each head sees a little of everything.
    """

    def __init__(self, mixed):
        super().__init__()
        net = lite(0)
        stem = [fuse_conv_bn_eval(net._conv_stem, net._bn0), nn.ReLU6(inplace=True)]
        blocks = [_folded(block) for block in net._blocks]
        ends = [0, *(t + 1 for t in TAPS)]
        parts = [nn.Sequential(*blocks[a:b]) for a, b in itertools.pairwise(ends)]
        self.parts = nn.ModuleList([nn.Sequential(*stem, parts[0]), *parts[1:]])
        self.across = nn.ModuleList(
            nn.Conv2d(a, b, 1, bias=False) for a, b in zip(WIDTHS, mixed, strict=True)
        )
        self.smooth = nn.ModuleList(nn.Conv2d(b, b, 3, padding=1, bias=False) for b in mixed)
        self.down = nn.ModuleList(
            nn.Conv2d(b, a, 1, bias=False) for a, b in itertools.pairwise(mixed)
        )
        rng = torch.Generator().manual_seed(0)  # the same mixing in every run
        for conv in (*self.across, *self.smooth, *self.down):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="linear", generator=rng)
        self.requires_grad_(False).eval()

    def train(self, mode=True):
        return super().train(False)

    def forward(self, image, side):
        """Images (N, 3, H, W), seen at a side of `side` pixels, to four maps, fine to coarse."""
        if image.shape[-1] != side:
            image = F.interpolate(image, size=(side, side), mode="bilinear", align_corners=False)
        x, maps = channels_last(image), []
        for part, across in zip(self.parts, self.across, strict=True):
            x = part(x)
            maps.append(across(x))
        for i in (2, 1, 0):
            maps[i] = (maps[i] + upsample(self.down[i](maps[i + 1]), "bilinear")) / math.sqrt(2)
        return [smooth(m) for smooth, m in zip(self.smooth, maps, strict=True)]


class _Inverted(nn.Module):
    """Lite0's block with its normalisations folded into the convolutions."""

    def __init__(self, layers, residual):
        super().__init__()
        self.layers, self.residual = nn.Sequential(*layers), residual

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


def _folded(block):
    """The same function as the package's block, in two thirds of the time."""
    convs = []
    if hasattr(block, "_expand_conv"):
        convs.append(fuse_conv_bn_eval(block._expand_conv, block._bn0))
    convs.append(fuse_conv_bn_eval(block._depthwise_conv, block._bn1))
    layers = [layer for conv in convs for layer in (conv, nn.ReLU6(inplace=True))]
    layers.append(fuse_conv_bn_eval(block._project_conv, block._bn2))
    args = block._block_args
    stride = args.stride[0] if isinstance(args.stride, list | tuple) else args.stride
    same = stride == 1 and args.input_filters == args.output_filters
    return _Inverted(layers, block.id_skip and same)


class Head(nn.Module):
    """One map and the labels to a score at each point, ERU gates, and a reading of the labels.

    `condition` is that of `m2l.gan.networks.Sizes`: label input leaves the ERU out, "none" all that
    looks at the labels.
    """

    def __init__(self, channels, side, heads, condition="eru"):
        super().__init__()
        self.eru = ERU(channels, 1, residual=True) if condition == "eru" else NoERU()
        body, width = [], channels
        while side > heads.end:
            out, side = min(2 * width, heads.widest), side // 2
            body += _layer(width, out, 4, stride=2)
            width = out
        self.body = nn.Sequential(*body)
        self.last = nn.Sequential(*_layer(width + 1, width, 3))
        self.score = spectral_norm(nn.Conv2d(width, 1, 1))
        self.conditional = condition != "none"
        if self.conditional:
            self.projected = spectral_norm(nn.Conv2d(width, heads.labels, 1))
            self.embed = nn.Sequential(
                nn.Linear(2, 128), nn.LeakyReLU(0.2), nn.Linear(128, heads.labels)
            )
            self.reading = nn.Linear(width, 2)

    def forward(self, x, va):
        x, gates = self.eru(x, va)
        x = self.last(minibatch_deviation(self.body(x).float()))
        if not self.conditional:
            return self.score(x).flatten(1), gates, None
        label = self.embed(va).float()
        label = F.normalize(label, dim=1)[:, :, None, None]
        score = self.score(x) + (self.projected(x) * label).sum(1, keepdim=True)
        return score.flatten(1), gates, self.reading(x.mean((2, 3)))


def _layer(cin, cout, kernel, stride=1):
    conv = nn.Conv2d(cin, cout, kernel, stride, 1, bias=False)
    return spectral_norm(conv), nn.GroupNorm(math.gcd(8, cout), cout), nn.LeakyReLU(0.2)


class ProjectedCritic(nn.Module):
    """The frozen network and one head a scale.

    Parameters
    ----------
    heads : Heads
    side : that pictures are seen at where heads are largest; they work at smaller ones too.
    condition : how labels enter, see `Head`.
    """

    def __init__(self, heads, side, condition="eru"):
        super().__init__()
        self.eyes = Projection(heads.mixed)
        self.heads = nn.ModuleList(
            Head(c, math.ceil(side / s), heads, condition)
            for c, s in zip(heads.mixed, STRIDES, strict=True)
        )

    @property
    def trained(self):
        """What the optimiser and the checkpoint hold."""
        return self.heads

    def look(self, image, side):
        """Maps of the frozen network, a list; gradients reach the image."""
        # On a CPU, bfloat16 makes depthwise convolutions slower, not faster.
        cpu = image.device.type == "cpu"
        with torch.autocast("cpu", enabled=False) if cpu else contextlib.nullcontext():
            return self.eyes(image.float(), side)

    def judge(self, maps, va, stage=None, alpha=None, gates=True):
        """Lists over heads of scores (N, points) and of gates (N, 2, C, H, W), and the labels as
        they are read (N, 2); no gates without ERUs, None where labels do not enter."""
        seen = [head(m, va) for head, m in zip(self.heads, maps, strict=True)]
        scores, gates_, read = zip(*seen, strict=True)
        read = None if read[0] is None else torch.stack(read).float().mean(0)
        return list(scores), [g for g in gates_ if gates and g is not None], read

    def gates(self, maps, va, stage=None, alpha=None):
        """The gates of each ERU alone, as `judge` gives them."""
        each = (head.eru(m, va)[1] for head, m in zip(self.heads, maps, strict=True))
        return [g for g in each if g is not None]
