"""What a User-Agent header says about a device: family, major version, system. The header is never kept (P16)."""

import re
from dataclasses import dataclass

from models.login_session import DeviceKind

# A header is as long as its sender likes; what is looked for stands within this many characters.
_LONGEST_HEADER = 512

# The first that matches decides: most browsers also name the ones they are built on.
_FAMILIES = [
    (family, re.compile(pattern))
    for family, pattern in (
        ("Edge", r"\bEdg(?:e|A|iOS)?/(\d{1,4})"),
        ("Opera", r"\b(?:OPR|OPiOS|OPT)/(\d{1,4})"),
        ("Samsung Internet", r"\bSamsungBrowser/(\d{1,4})"),
        ("Vivaldi", r"\bVivaldi/(\d{1,4})"),
        ("Yandex Browser", r"\bYaBrowser/(\d{1,4})"),
        ("DuckDuckGo", r"\b(?:DuckDuckGo|Ddg)/(\d{1,4})"),
        ("Google app", r"\bGSA/(\d{1,4})"),
        ("Instagram", r"\bInstagram (\d{1,4})"),
        ("Facebook", r"\bFBAV/(\d{1,4})"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/(\d{1,4})"),
        ("Chrome", r"\b(?:Chrome|CriOS)/(\d{1,4})"),
        ("Safari", r"\bVersion/(\d{1,4})[.\d]* (?:Mobile/\w+ )?Safari/"),
    )
]

_SYSTEMS = [
    (system, re.compile(pattern))
    for system, pattern in (
        ("iPadOS", r"\biPad\b"),
        ("iOS", r"\b(?:iPhone|iPod)\b"),
        ("Android", r"\bAndroid\b"),
        ("Windows", r"\bWindows\b"),
        ("ChromeOS", r"\bCrOS\b"),
        ("macOS", r"\bMacintosh\b"),
        ("Linux", r"\b(?:Linux|X11)\b"),
    )
]

_DESKTOPS = frozenset({"Windows", "ChromeOS", "macOS", "Linux"})
_MOBILE = re.compile(r"\bMobile\b")


@dataclass(frozen=True, slots=True)
class Device:
    """A device as far as it may be known. Two people with the same model cannot be told apart by it."""

    family: str | None = None
    major: str | None = None
    system: str | None = None
    kind: DeviceKind = DeviceKind.OTHER

    @property
    def name(self) -> str | None:
        """What a list of sessions calls it, `Firefox 143 on Linux`, unless its owner gave it a name."""
        if self.family is None:
            return self.system
        browser = f"{self.family} {self.major}"
        return f"{browser} on {self.system}" if self.system else browser


def recognise(user_agent: str | None) -> Device:
    """The device behind a User-Agent header; one of kind OTHER where the header says nothing that is known."""
    header = (user_agent or "")[:_LONGEST_HEADER]
    family, major = _family(header)
    system = next((system for system, pattern in _SYSTEMS if pattern.search(header)), None)
    return Device(family, major, system, _kind(system, header))


def _family(header: str) -> tuple[str | None, str | None]:
    for family, pattern in _FAMILIES:
        if found := pattern.search(header):
            return family, found[1]
    return None, None


def _kind(system: str | None, header: str) -> DeviceKind:
    if system in _DESKTOPS:
        return DeviceKind.DESKTOP
    if system == "iPadOS":
        return DeviceKind.TABLET
    if system == "iOS":
        return DeviceKind.MOBILE
    if system == "Android":
        return DeviceKind.MOBILE if _MOBILE.search(header) else DeviceKind.TABLET
    return DeviceKind.OTHER
