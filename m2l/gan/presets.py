"""Settings of a training run: presets and their stages, the named ones, their variants.

`params/gan/` holds the named presets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from m2l.doors import settings
from m2l.doors.settings import setting
from m2l.errors import InputError
from m2l.gan import losses
from m2l.gan.networks import Critic, Generator, Sizes
from m2l.gan.projected import Heads, ProjectedCritic
from m2l.results import PARAMS


@dataclass(frozen=True)
class Stage:
    """One resolution of the schedule; exactly one of the three lengths is given.

    Attributes
    ----------
    resolution : side of the pictures, 4·2^stage.
    batch : images a step, a multiple of 4, the group of the critic's minibatch deviation.
    epochs, images, minutes : length of the stage; minutes are for a rented device.
    fade : share of the stage over which the new layers are blended in.
    side : that a projected critic sees the pictures at, a multiple of 32.
    """

    resolution: int = setting(choices=tuple(4 << i for i in range(10)))
    batch: int = setting(16, low=4)
    epochs: float | None = setting(None, above=0)
    images: int | None = setting(None, low=1)
    minutes: float | None = setting(None, above=0)
    fade: float = setting(0.5, low=0, high=1)
    side: int | None = setting(None, low=32)

    def __post_init__(self):
        where = f"stage {self.resolution}: "
        settings.check(self, where)
        if sum(x is not None for x in (self.epochs, self.images, self.minutes)) != 1:
            raise InputError(f"{where}give one of epochs, images or minutes as its length")
        for name, unit in (("batch", 4), ("side", 32)):
            if (value := getattr(self, name)) and value % unit:
                raise InputError(f"{where}{name} {value}: give a multiple of {unit}")

    def progress(self, images, seconds, photos):
        """Share of the stage that is done, in [0, 1]."""
        if self.minutes is not None:
            done = seconds / (60 * self.minutes)
        else:
            done = images / (self.images if self.images is not None else self.epochs * photos)
        return min(done, 1.0)


@dataclass(frozen=True)
class Preset:
    """All settings of a run; `params/gan/*.yaml` hold the named ones.

    Attributes
    ----------
    sizes, stages : of the networks, and the schedule.
    heads : of the critic that looks through a pretrained network; the milestone's without.
    lr, lr_critic, betas : of Adam.
    anneal : share of the last stage over which both rates fall to a twentieth.
    objective : one of `losses.OBJECTIVES`; "wgan-gp" is the published one.
    gp_weight, gp_interval : of the gradient penalty, and how many steps of the critic there are
        to one with a penalty, which then weighs as much more. A projected critic wants none.
    afm_weight, afm_form : of affective feature matching, see `losses.affective_matching`.
    reading_weight : of the labels as a projected critic reads them off pictures.
    drift : weight of the drift term.
    augment : what the critic sees is changed at random by, see `losses.augment`.
    frozen : the generator keeps what a run begins with, and learns its last resolution alone.
    ema_images : half-life of the generator's average, in images.
    photos : train on so many photos only, drawn at random.
    snapshots : averaged generators to keep from the last stage, at equal distances.
    compiled : fuse what is large of the networks by `torch.compile` before the last stage, which
        takes a minute and is worth it on a GPU.
    precision, seed : as Fabric names it, see `m2l.gan.training.at_hand`; of everything random.
    """

    name: str
    sizes: Sizes
    stages: tuple[Stage, ...]
    heads: Heads | None = None
    lr: float = setting(1e-3, above=0)
    lr_critic: float = setting(1e-3, above=0)
    betas: tuple[float, float] = setting((0.0, 0.99), low=0, below=1)
    anneal: float = setting(0.0, low=0, high=1)
    objective: str = setting("wgan-gp", choices=losses.OBJECTIVES)
    gp_weight: float = setting(10.0, low=0)
    gp_interval: int = setting(1, low=1)
    afm_weight: float = setting(100.0, low=0)
    afm_form: str = setting("spatial", choices=losses.FORMS)
    reading_weight: float = setting(0.0, low=0)
    drift: float = setting(1e-3, low=0)
    augment: str = ""
    frozen: bool = False
    ema_images: float = setting(5000.0, low=0)
    photos: int | None = setting(None, low=1)
    snapshots: int = setting(0, low=0)
    compiled: bool = False
    precision: str = setting("32-true", choices=("32-true", "bf16-mixed"))
    seed: int = setting(0, low=0, below=2**24)

    def __post_init__(self):
        settings.check(self)
        if not set(filter(None, self.augment.split(","))) <= set(losses.POLICIES):
            raise InputError(
                f"augment '{self.augment}': give some of {', '.join(losses.POLICIES)}, joined by "
                "commas without spaces"
            )
        if not self.stages:
            raise InputError("stages: none; give at least one")
        if self.heads and (self.gp_weight or not all(s.side for s in self.stages)):
            raise InputError(
                "heads: a projected critic wants gp_weight 0, and a side at each stage"
            )

    @classmethod
    def load(cls, name, /, **changes):
        """Read a preset by name or by path, with changes as in `changed`.

        Raises
        ------
        InputError
            If there is no such preset, or it holds a setting that does not exist or cannot be.
        """
        folders = [folder / "gan" for folder in PARAMS]
        paths = [Path(name), *(folder / f"{name}.yaml" for folder in folders)]
        path = next(filter(Path.is_file, paths), None)
        if not path:
            known = sorted({p.stem for folder in folders for p in folder.glob("*.yaml")})
            raise InputError(f"preset '{name}': no such file or name; there are {', '.join(known)}")
        values = settings.written(path)
        try:
            return settings.read(cls, {"name": path.stem} | values).changed(**changes)
        except (TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: not a preset ({reason}); compare with paper.yaml") from error

    def changed(self, **changes):
        """This preset with changes to single settings, of its own or of its sizes."""
        of_sizes = {f.name for f in fields(Sizes)}
        single = {f.name for f in fields(self)} - {"name", "sizes", "stages", "heads"} | of_sizes
        if other := set(changes) - single:
            names = ", ".join(sorted(other))
            raise InputError(
                f"no setting to change: {names}; there are {', '.join(sorted(single))}"
            )
        changes = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        sizes = {name: changes.pop(name) for name in of_sizes & set(changes)}
        return replace(self, sizes=replace(self.sizes, **sizes), **changes)

    def networks(self):
        """Fresh generator and critic: the one place that knows which critic a preset has."""
        generator = Generator(self.sizes)
        if self.heads is None:
            return generator, Critic(self.sizes)
        side = max(s.side for s in self.stages)
        return generator, ProjectedCritic(self.heads, side, self.sizes.condition)


_CHANGES = {
    "full": {},
    "without AFM": {"afm_weight": 0.0},
    "AFM 1": {"afm_weight": 1.0},
    "AFM 10": {"afm_weight": 10.0},
    "AFM 100": {"afm_weight": 100.0},
    "AFM spatial": {"afm_form": "spatial"},
    "unconditional": {"condition": "none"},
    "label input": {"condition": "ili"},
    "without penalty": {"gp_weight": 0.0},
    "photos 500": {"photos": 500},
    "without reading": {"reading_weight": 0.0},
    "reading 4": {"reading_weight": 4.0},
}

VARIANTS = (*_CHANGES, "non-progressive")
"""All that `variant` knows: the baselines, and the study's other questions."""


def variant(preset, name):
    """A preset changed into one of `VARIANTS`, with the same budget.

    Without progression there is one stage, the last, of as many images as all of them together.
    """
    if name == "non-progressive":
        total = sum(stage.images for stage in preset.stages)
        return replace(preset, stages=(replace(preset.stages[-1], images=total, fade=0.0),))
    if name not in _CHANGES:
        raise InputError(f"variant '{name}': choose one of {', '.join(VARIANTS)}")
    return preset.changed(**_CHANGES[name])
