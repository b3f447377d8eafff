import stat
from pathlib import Path

from app import sign_ins
from app.settings import Settings
from seeds.sign_in import SignIn

ANN = SignIn("customer1@example.com", "a made-up password", "has orders")


def test_sign_ins_are_remembered_for_this_user_alone(tmp_path: Path):
    settings = Settings(home=tmp_path / "home")
    sign_ins.remember(settings, [ANN])
    assert sign_ins.remembered(settings) == [ANN]
    assert stat.S_IMODE((settings.home / "sign-ins.json").stat().st_mode) == 0o600


def test_nothing_is_remembered_of_a_home_that_was_never_stocked(tmp_path: Path):
    assert sign_ins.remembered(Settings(home=tmp_path)) == []


def test_password_that_is_set_is_the_password(tmp_path: Path):
    settings = Settings(home=tmp_path, seed_password="chosen by hand 1")
    sign_ins.remember(settings, [ANN])
    assert sign_ins.password(settings) == "chosen by hand 1"


def test_password_that_is_not_set_is_made_once(tmp_path: Path):
    settings = Settings(home=tmp_path)
    made = sign_ins.password(settings)
    assert len(made) >= 15
    sign_ins.remember(settings, [SignIn("customer1@example.com", made)])
    assert sign_ins.password(settings) == made
