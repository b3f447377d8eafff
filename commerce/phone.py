"""Phone numbers, stored as E.164 (ITU-T): a plus, the country's code, the number, nothing else."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from auth.refusal import Refusal, RefusalCode

LIMIT = 40
_MOST_DIGITS = 15


def normalise(phone: str | None, *, region: str | None = None, field: tuple[str, ...] = ("phone",)) -> str | Refusal:
    """The number in E.164; "" for none. `region` is the ISO code of the country whose local numbers are understood.

    An extension is refused: E.164 has no place for it, and without it a call would reach someone else.
    """
    typed = (phone or "").strip()
    if not typed:
        return ""
    if len(typed) > LIMIT:
        return Refusal(RefusalCode.TOO_LONG, f"This may have at most {LIMIT} characters.", field)
    number = _parse(typed, region)
    if number is None:
        return Refusal(RefusalCode.INVALID, _advice(region), field)
    if number.extension:
        return Refusal(RefusalCode.INVALID, "Leave the extension out: only direct numbers can be kept.", field)
    return _e164(number)


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _parse(typed: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(typed, region)
    except NumberParseException:
        return None
    callable_ = phonenumbers.is_valid_number(number) and len(_e164(number)) <= 1 + _MOST_DIGITS
    return number if callable_ else None


def _advice(region: str | None) -> str:
    example = phonenumbers.example_number(region) if region else None
    if example is None:
        return "Enter a phone number with its country code, such as +1 202 555 0143."
    local = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
    abroad = phonenumbers.format_number(example, PhoneNumberFormat.INTERNATIONAL)
    return f"Enter a phone number such as {local}, or with its country code, such as {abroad}."
