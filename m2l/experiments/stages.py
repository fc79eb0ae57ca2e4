"""The stages of the study that have no module of their own yet."""

from __future__ import annotations

import logging

from m2l.experiments.landscapes import pyramid as landscapes

__all__ = ["landscapes", "study_power", "study_validation"]
log = logging.getLogger(__name__)
