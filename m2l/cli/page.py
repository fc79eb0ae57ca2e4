"""The command m2l page."""

from m2l.cli._base import main

main.stage("page", "m2l.page:build")
