"""Card numbers, which must stand nowhere: runs of 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1, annex B).

Between two digits a single space or dash may stand. A number begins and ends where digits do, or where such a
separator parts them, so that an expiry date behind it hides nothing; digits inside a longer block are none.
"""

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

LEAST_DIGITS: Final = 13
MOST_DIGITS: Final = 19
# What stays readable of a masked number, as on a receipt.
_SHOWN_DIGITS: Final = 4

# No-break, thin and narrow spaces, and the dashes from hyphen to em dash, beside what a keyboard has.
_SEPARATORS: Final = r" \-\u00a0\u2009\u202f\u2010-\u2014\u2212"
_RUN: Final = re.compile(rf"\d(?:[{_SEPARATORS}]?\d){{{LEAST_DIGITS - 1},}}")
# Whether a text holds so many digits that it may hold a card number: all that nearly every text is asked.
find_many_digits: Final = _RUN.search
_SEPARATOR: Final = re.compile(rf"[{_SEPARATORS}]")
_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
# Identifiers, which may be long numbers: a user id is not inspected, and a UUID may hold digits alone.
_IDS_IN_JSON: Final = re.compile(
    r'("(?:user_id|offer_id)"\s*:\s*"[A-Za-z0-9._@:+-]{1,64}"'
    r'|"(?:event_id|claim_id)"\s*:\s*"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")'
)


class _Digits(NamedTuple):
    """The digits of a run: where in the text each stands, and which begin and end a block of them."""

    places: list[int]
    values: list[int]
    begins: list[bool]
    ends: list[bool]


def has_card_number(text: str) -> bool:
    """Whether `text` holds a card number. Nearly every text is told apart by its length, or that it lacks digits."""
    if len(text) < LEAST_DIGITS or find_many_digits(text) is None:
        return False
    return any(True for _ in _hidden_places(text))


def mask(text: str) -> str:
    """`text` with every digit of every card number but its last four as `*`; as many bytes of UTF-8 as before."""
    if len(text) < LEAST_DIGITS or find_many_digits(text) is None:
        return text
    letters = list(text)
    for place in _hidden_places(text):
        letters[place] = "*" * len(letters[place].encode())
    return "".join(letters)


def mask_json(payload: bytes) -> bytes:
    r"""A message of ours, or what was meant as one, masked; its ids stay. Digits written as `\u0034` are digits."""
    text = payload.decode("utf-8", "surrogateescape")
    text = _ESCAPE.sub(_unescaped, text) if "\\u" in text else text
    if find_many_digits(text) is None:
        return payload
    parts = _IDS_IN_JSON.split(text)  # every other part is an id
    parts[::2] = map(mask, parts[::2])
    return "".join(parts).encode("utf-8", "surrogateescape")


def _unescaped(escape: re.Match[str]) -> str:
    letter = chr(int(escape[1], 16))
    return letter if letter.isdecimal() or _SEPARATOR.fullmatch(letter) else escape[0]


def _hidden_places(text: str) -> Iterator[int]:
    """Where in `text` the digits stand that are to be hidden, in order."""
    for run in _RUN.finditer(text):
        digits = _digits(run)
        for begin, end in _numbers(digits):
            yield from digits.places[begin : end - _SHOWN_DIGITS]


def _digits(run: re.Match[str]) -> _Digits:
    start = run.start()
    places = [start + at for at, letter in enumerate(run[0]) if letter.isdecimal()]
    apart = [after - before > 1 for before, after in pairwise(places)]
    values = [int(run.string[place]) for place in places]
    return _Digits(places, values, [True, *apart], [*apart, True])


def _numbers(digits: _Digits) -> Iterator[tuple[int, int]]:
    """Each card number as its first digit and the one behind its last, the longest at a place.

    A number's last four stay readable, so the next may begin with them.
    """
    luhn = _Luhn(digits.values)
    at, count = 0, len(digits.values)
    shown_from = -1
    while at <= count - LEAST_DIGITS:
        if digits.begins[at] or at == shown_from:
            longest = min(count, at + MOST_DIGITS)
            ends = (
                end for end in range(longest, at + LEAST_DIGITS - 1, -1)
                if digits.ends[end - 1] and luhn.passes(at, end)
            )  # fmt: skip
            if end := next(ends, None):
                yield at, end
                at = shown_from = end - _SHOWN_DIGITS
                continue
        at += 1


class _Luhn:
    """The check on any slice of the same digits, in a few steps each: sums so far, with every other digit doubled."""

    def __init__(self, values: list[int]) -> None:
        doubled = [2 * value - 9 * (value > 4) for value in values]
        self._sums = [
            list(accumulate((pair[(at + odd) % 2] for at, pair in enumerate(zip(values, doubled, strict=True))),
                            initial=0))
            for odd in (0, 1)
        ]  # fmt: skip

    def passes(self, begin: int, end: int) -> bool:
        """Whether the digits from `begin` up to `end` pass: the last counts once, the one before it twice."""
        sums = self._sums[(end - 1) % 2]
        return (sums[end] - sums[begin]) % 10 == 0
