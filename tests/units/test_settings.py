import stat
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from app import connections
from app.settings import ROOT, Settings


@pytest.fixture(autouse=True)
def _no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def test_everything_has_a_default():
    settings = Settings()
    assert settings.home == ROOT / ".layette"
    assert settings.address == "http://127.0.0.1:8000"
    assert (settings.database_url, settings.redis_url) == (None, None)
    assert settings.ships_to[0] == "US"


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAYETTE_PORT", "8001")
    monkeypatch.setenv("LAYETTE_SHIPS_TO", "us, fr")
    monkeypatch.setenv("LAYETTE_TRUSTED_PROXIES", "10.0.0.0/8,::1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/shop")
    settings = Settings()
    assert settings.port == 8001
    assert settings.ships_to == ("US", "FR")
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.database_url == "postgresql://db/shop"


def test_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("LAYETTE_SEED", "")
    assert Settings().database_url is None
    assert Settings().seed == "demo"


def test_relative_home_is_where_the_command_was_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYETTE_HOME", "shop")
    assert Settings().home == tmp_path / "shop"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAYETTE_SEED", "bench:0"),
        ("LAYETTE_SEED", "everything"),
        ("LAYETTE_PORT", "65536"),
        ("LAYETTE_RATE_SCALE", "0"),
        ("LAYETTE_SECRET", "short"),
        ("LAYETTE_TRUSTED_PROXIES", "10.0.0.0/99"),
        ("LAYETTE_SHIPS_TO", ","),
        ("LAYETTE_STORE", "New York"),
        ("LAYETTE_MAIL_SENDER", "nobody"),
        ("LAYETTE_PAYMENTS", "paypal"),
        ("LAYETTE_STRIPE_URL", "http://stripe.example"),
        ("LAYETTE_STRIPE_URL", "http://localhost.example"),
        ("LAYETTE_STRIPE_KEY", "pk_live_of_a_browser"),
        ("LAYETTE_STRIPE_WEBHOOK_SECRET", "sk_live_mistaken"),
    ],
)
def test_nonsense_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert f"input_value={value!r}" not in str(refused.value)
    assert "input_value" not in str(refused.value)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAYETTE_SECRET", "a very long secret that nobody may see")
    monkeypatch.setenv("LAYETTE_SMTP_URL", "smtp://user:hunter2@mail.example")
    monkeypatch.setenv("LAYETTE_SEED_PASSWORD", "hunter3")
    monkeypatch.setenv("LAYETTE_PAYMENTS", "stripe")
    monkeypatch.setenv("LAYETTE_STRIPE_KEY", "sk_live_hunter4")
    monkeypatch.setenv("LAYETTE_STRIPE_WEBHOOK_SECRET", "whsec_hunter5")
    shown = repr(Settings())
    assert "nobody may see" not in shown
    assert "hunter" not in shown


def test_server_secret_is_made_once_and_private(tmp_path: Path):
    first = Settings(home=tmp_path / "home").server_secret
    assert len(first) == 64
    assert Settings(home=tmp_path / "home").server_secret == first
    assert Settings(home=tmp_path / "other").server_secret != first
    assert stat.S_IMODE((tmp_path / "home" / "secret").stat().st_mode) == 0o600


def test_two_first_starts_at_once_agree_on_one_secret(tmp_path: Path):
    with ThreadPoolExecutor(16) as threads:
        secrets = set(threads.map(lambda _: Settings(home=tmp_path).server_secret, range(64)))
    assert len(secrets) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_links_in_mails_begin_with_the_public_address():
    assert Settings(public_url="https://shop.example/").shop_url == "https://shop.example"
    assert Settings(host="::1", port=80).shop_url == "http://[::1]:80"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"PAYMENTS": "stripe"}, "needs LAYETTE_STRIPE_KEY and LAYETTE_STRIPE_WEBHOOK_SECRET"),
        ({"PAYMENTS": "stripe", "STRIPE_KEY": "sk_live_1"}, "needs LAYETTE_STRIPE_WEBHOOK_SECRET: "),
        ({"PAYMENTS": "stripe", "STRIPE_WEBHOOK_SECRET": "whsec_1"}, "needs LAYETTE_STRIPE_KEY: "),
        ({"STRIPE_KEY": "sk_live_1"}, "set LAYETTE_PAYMENTS=stripe as well"),
        ({"PAYMENTS": "local", "STRIPE_WEBHOOK_SECRET": "whsec_1"}, "set LAYETTE_PAYMENTS=stripe as well"),
    ],
)
def test_payments_that_are_half_configured_are_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], advice: str
):
    for name, value in given.items():
        monkeypatch.setenv(f"LAYETTE_{name}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert advice in str(refused.value)
    assert "sk_live_1" not in str(refused.value)
    assert "whsec_1" not in str(refused.value)


def test_one_payment_gateway_is_there_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LAYETTE_HOME", str(tmp_path))
    assert connections.payments(Settings()).name == "local"
    monkeypatch.setenv("LAYETTE_PAYMENTS", "stripe")
    monkeypatch.setenv("LAYETTE_STRIPE_KEY", "sk_test_1")
    monkeypatch.setenv("LAYETTE_STRIPE_WEBHOOK_SECRET", "whsec_1")
    assert connections.payments(Settings()).name == "stripe"
    assert not (tmp_path / "gateway").exists()
