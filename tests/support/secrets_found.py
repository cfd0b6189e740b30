"""Finds what looks like a secret in text: keys of known makes, and values of what is called one."""

import math
import re
from collections import Counter
from collections.abc import Iterator

# By how they begin; each maker chose it so that they are found. Before each what must stand in the text at all: to
# look for that costs next to nothing.
_MAKES = {
    "a private key": ("PRIVATE KEY", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an AWS key": ("IA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a GitHub token": ("_", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})\b"),
    "a GitLab token": ("glpat-", r"\bglpat-[\w-]{20,}"),
    "a Slack token": ("xox", r"\bxox[abprs]-[\w-]{10,}"),
    "a Google key": ("AIza", r"\bAIza[\w-]{35}\b"),
    "a Stripe key": ("k_live_", r"\b[rs]k_live_[A-Za-z0-9]{20,}\b"),
    "a PyPI token": ("pypi-", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    "an npm token": ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    "an Anthropic or OpenAI key": ("sk-", r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}"),
    "a JWT": ("eyJ", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "a key of our own": ("tally_", r"\btally_[0-9a-f]{16}_[\w-]{40,}"),
    "an argon2 hash": ("$argon2", r"\$argon2id?\$v=\d+\$[^\s\"']{40,}"),
}
_KNOWN = {what: (hint, re.compile(pattern)) for what, (hint, pattern) in _MAKES.items()}
_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"'`{}$<>]*:([^\s:/@\"'`{}$<>…]+)@")
_NAMES = "password|passwd|secret|token|api_?key|private_?key|credential"
_CALLED_ONE = re.compile(
    rf"""(?:{_NAMES}|{_NAMES.upper()}|{_NAMES.title()})\w*["']?[ \t]*(?::|=|:=|\|)[ \t]*["']?([^\s"'#,;)}}\]]{{12,}})"""
)
# What stands where a value would, and is none: a name, a call, a variable of the shell, words with spaces.
_REFERENCE = re.compile(
    r"[$%<({\[*…\\`|]|[\w.?()]+\||[\w.]*[(\[]|[a-z_]+(?:\.[a-z_]+)*\d?$|(?:[A-Z][a-z]+)+$|[A-Z_]+$|https?://|/"
)
# In bits a character. Words and names have about 3.5 over so few; what dice made has more.
_RANDOM_BITS = 3.7


def secrets_in(text: str) -> Iterator[tuple[str, str]]:
    """What it looks like, and the text that does."""
    for what, (hint, pattern) in _KNOWN.items():
        if hint in text:
            yield from ((what, found[0]) for found in pattern.finditer(text))
    if "://" in text:
        yield from (("a password in a URL", found[0]) for found in _IN_URL.finditer(text))
    for found in _CALLED_ONE.finditer(text):
        if not _REFERENCE.match(found[1]) and _bits(found[1]) > _RANDOM_BITS:
            yield "a value of what is called a secret", found[0]


def _bits(text: str) -> float:
    """The entropy of its characters, in bits each."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
