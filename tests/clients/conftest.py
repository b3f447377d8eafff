from collections.abc import Generator

import pytest

from tests.clients.shop_process import OpenShop, open_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[OpenShop]:
    """The shop in a process of its own, with the fictional stock."""
    with open_shop(tmp_path_factory.mktemp("shop") / "output") as opened:
        yield opened
