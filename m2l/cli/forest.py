"""Commands of the models of music: the ladder, and those that ship."""

from m2l.cli._base import Commands, main

EFFORT = "m2l.experiments.emotion:Effort"


@main.group(cls=Commands)
def forest():
    """Train and evaluate models of the emotion of music."""


forest.stage("train", "m2l.experiments.emotion:emotion", EFFORT)
forest.stage("ear", "m2l.experiments.ear:study", EFFORT)
forest.stage("abroad", "m2l.experiments.abroad:study")
