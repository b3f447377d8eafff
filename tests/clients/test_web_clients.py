"""Apollo Client and urql go through the shop, with types that graphql-codegen makes from the committed SDL."""

import pytest

from tests.clients.shop_process import OpenShop
from tests.clients.web_project import WebProject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> WebProject:
    made = WebProject(tmp_path_factory.mktemp("web-clients"))
    made.generate()
    return made


def test_clients_are_used_as_their_types_say(project: WebProject):
    project.check_types()


def test_clients_go_through_the_shop(project: WebProject, shop: OpenShop):
    project.run_tests(shop)
