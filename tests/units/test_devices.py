import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.devices import Device, recognise
from models.login_session import DeviceKind

DESKTOP, MOBILE, TABLET, OTHER = DeviceKind.DESKTOP, DeviceKind.MOBILE, DeviceKind.TABLET, DeviceKind.OTHER
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROMEBOOK = f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPAD = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
PIXEL = f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT}"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("header", "name", "kind"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox 143 on Linux", DESKTOP),
        (f"{WINDOWS} Chrome/141.0.0.0 Safari/537.36", "Chrome 141 on Windows", DESKTOP),
        (f"{WINDOWS} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.3537.57", "Edge 141 on Windows", DESKTOP),
        (f"{WINDOWS} Chrome/139.0.0.0 Safari/537.36 OPR/123.0.0.0", "Opera 123 on Windows", DESKTOP),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Vivaldi/7.6.3797.55", "Vivaldi 7 on Windows", DESKTOP),
        (f"{WINDOWS} Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36", "Yandex Browser 25 on Windows", DESKTOP),
        (f"{CHROMEBOOK} Chrome/141.0 Safari/537.36", "Chrome 141 on ChromeOS", DESKTOP),
        (f"{MAC} Version/26.0 Safari/605.1.15", "Safari 26 on macOS", DESKTOP),
        (f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1", "Safari 18 on iOS", MOBILE),
        (f"{IPHONE} CriOS/141.0.7390.41 Mobile/15E148 Safari/604.1", "Chrome 141 on iOS", MOBILE),
        (f"{IPHONE} FxiOS/143.0 Mobile/15E148 Safari/605.1.15", "Firefox 143 on iOS", MOBILE),
        (f"{IPHONE} GSA/388.0.811 Mobile/15E148 Safari/604.1", "Google app 388 on iOS", MOBILE),
        (f"{IPHONE} Mobile/15E148 Instagram 400.0.0.29.111", "Instagram 400 on iOS", MOBILE),
        (f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/530.0.0.42]", "Facebook 530 on iOS", MOBILE),
        (f"{IPAD} Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17 on iPadOS", TABLET),
        (f"{PIXEL} Chrome/141.0.0.0 Mobile Safari/537.36", "Chrome 141 on Android", MOBILE),
        (f"{PIXEL} Chrome/141.0.0.0 Safari/537.36", "Chrome 141 on Android", TABLET),
        (f"{PIXEL} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36", "Samsung Internet 28 on Android", MOBILE),
        (f"{PIXEL} Chrome/141.0 Mobile DuckDuckGo/5 Safari/537.36", "DuckDuckGo 5 on Android", MOBILE),
        ("Mozilla/5.0 (Linux) Something", "Linux", DESKTOP),
        ("curl/8.10.1", None, OTHER),
        ("", None, OTHER),
        (None, None, OTHER),
    ],
)  # fmt: skip
def test_device_is_named_by_family_major_version_and_system(header: str | None, name: str | None, kind: DeviceKind):
    device = recognise(header)
    assert device.name == name
    assert device.kind is kind


def test_raw_header_is_not_kept_p16():
    device = recognise(f"{PIXEL} Chrome/141.0.7390.122 Mobile Safari/537.36")
    assert device == Device("Chrome", "141", "Android", MOBILE)
    assert "Pixel" not in repr(device)
    assert "7390" not in repr(device)


@given(st.text(st.characters()))
def test_any_header_has_a_device(header: str):
    assert recognise(header).kind in DeviceKind


@pytest.mark.parametrize("header", ["Version/1" + "." * 10**6, "Mobile " * 10**6, "Firefox/" + "9" * 10**6])
def test_endless_header_is_cut(header: str):
    assert len(recognise(header).name or "") < 100
