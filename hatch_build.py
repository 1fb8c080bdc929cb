"""Builds the front end into the package, so that who installs the wheel needs no Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEnd(BuildHookInterface[Any]):
    """Runs the bundler when `frontend/` is there; a source without it must carry the built files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatch's signature)
        root = Path(self.root)
        static = root / "src" / "tallyglass" / "web" / "static"
        if version == "editable" or any(static.glob("*.js")):
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("building the front end needs Node 20 with npm; a finished wheel needs neither")
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit"], cwd=root / "frontend", check=True)
        subprocess.run([npm, "run", "build"], cwd=root / "frontend", check=True)
