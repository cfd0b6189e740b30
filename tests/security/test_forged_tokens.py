"""Tokens that nobody gave out, over HTTP: in the header they are 401, in a cookie they are nobody's."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tests.support.accounts import SECRET, bearer, log_in

PATH = "/api/v1/accounts"
PUBLIC_KEY = (
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n"
)
OTHERS = b"a secret of whoever forges, as long as any of ours"


def part(document: Any) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(head: Any, body: Any, key: bytes, digest: str = "sha256") -> str:
    text = f"{part(head)}.{part(body)}"
    return f"{text}.{part(hmac.new(key, text.encode(), digest).digest())}"


@pytest.fixture(scope="module")
def good(people) -> str:
    """An admin's access token."""
    token: str = people.headers("admin")["Authorization"].removeprefix("Bearer ")
    return token


def forgeries(good: str) -> dict[str, str]:
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    jwk = {"kty": "oct", "k": part(OTHERS), "alg": "HS256"}
    past = {**claims, "iat": int(time.time()) - 7_200, "exp": int(time.time()) - 3_600}
    unsigned = {
        f"{alg!r} as its algorithm": f"{part({'alg': alg, 'typ': 'JWT'})}.{body}.{given}"
        for alg in ("none", "None", "NONE", "nOnE", "", None)
        for given in ("", signature)
    }
    others = {
        f"{alg} in place of HS256": f"{part({'alg': alg, 'typ': 'JWT'})}.{body}.{signature}"
        for alg in ("RS256", "ES256", "EdDSA", "PS512", "HS999")
    }
    return {
        **unsigned,
        **others,
        "a public key as the secret": signed({"alg": "HS256"}, claims, PUBLIC_KEY.encode()),
        "an empty secret": signed({"alg": "HS256"}, claims, b""),
        "another secret": signed({"alg": "HS256"}, claims, OTHERS),
        "a longer digest of our secret": signed({"alg": "HS512"}, claims, SECRET.encode(), "sha512"),
        "a digest of our secret as the secret": signed(
            {"alg": "HS256"}, claims, hashlib.sha256(SECRET.encode()).digest()
        ),
        "a key that it brings along": signed({"alg": "HS256", "jwk": jwk}, claims, OTHERS),
        "a place where its key is": signed(
            {"alg": "HS256", "jku": "http://127.0.0.1:9/keys"}, claims, OTHERS
        ),
        "a file whose bytes are its key": signed(
            {"alg": "HS256", "kid": "../../../../dev/null"}, claims, b""
        ),
        "a key found by SQL": signed({"alg": "HS256", "kid": "' UNION SELECT '"}, claims, b""),
        "a body that is not signed": signed(
            {"alg": "HS256", "b64": False, "crit": ["b64"]}, claims, SECRET.encode()
        ),
        "an extension nobody knows": signed({"alg": "HS256", "crit": ["x"], "x": 1}, claims, SECRET.encode()),
        "expired": signed({"alg": "HS256"}, past, SECRET.encode()),
        "another's name": signed({"alg": "HS256"}, {**claims, "sub": "publisher"}, SECRET.encode()),
        "another's body": f"{head}.{part({**claims, 'sub': 'customer'})}.{signature}",
        "a log-in that never was": signed({"alg": "HS256"}, {**claims, "sid": str(uuid4())}, SECRET.encode()),
        "no audience": signed(
            {"alg": "HS256"}, {name: claims[name] for name in claims if name != "aud"}, SECRET.encode()
        ),
        "no end": signed(
            {"alg": "HS256"}, {name: claims[name] for name in claims if name != "exp"}, SECRET.encode()
        ),
        "a bit less": good[:-2],
        "a bit more": good + "AA",
        "a signature of nothing": f"{head}.{body}.",
        "nested deeply": f"{part(b'[' * 2_500)}.{body}.{signature}",
        "a number without end": f"{part(b'9' * 2_500)}.{body}.{signature}",
        "no JSON": f"{part(b'junk')}.{body}.{signature}",
        "five parts": f"{good}.x.y",
    }


def test_no_forged_token_opens_anything_by_header_or_cookie(people, guarded, good):
    assert guarded.get(PATH, bearer(good)).status == 200
    assert guarded.get(PATH, {"Cookie": f"tally_access={good}"}).status == 200
    said = set()
    for name, token in forgeries(good).items():
        refused = guarded.get(PATH, bearer(token))
        assert refused.status == 401, name
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="tally"'
        said.add(refused.text)
        assert guarded.get(PATH, {"Cookie": f"tally_access={token}"}).status == 401, name
        assert guarded.get("/api/v1/live", bearer(token)).status == 401, name
    assert len(said) == 1, "what was wrong with it is not told"
    assert good not in said.pop()


def test_a_token_that_is_over_ends_everywhere_though_its_signature_is_ours(people, guarded):
    people.add(late="customer")
    told = log_in(guarded, "late").json
    claims = jwt.decode(told["access_token"], SECRET, algorithms=["HS256"], audience="access")
    late = jwt.encode({**claims, "exp": int(time.time()) - 6}, SECRET, "HS256")
    for method, path in (
        ("GET", "/api/v1/keys"),
        ("POST", "/api/v1/keys"),
        ("POST", "/api/v1/offers/coupon/claims"),
    ):
        body = None if method == "GET" else b"{}"
        assert guarded.send(method, path, body, bearer(late)).status == 401
    soon = jwt.encode({**claims, "exp": int(time.time()) + 60}, SECRET, "HS256")
    assert guarded.get("/api/v1/keys", bearer(soon)).status == 200


def test_a_refresh_token_opens_nothing_and_an_access_token_renews_nothing(people, guarded):
    people.add(renewing="customer")
    told = log_in(guarded, "renewing").json
    assert guarded.get("/api/v1/keys", bearer(told["refresh_token"])).status == 401
    swapped = guarded.post("/api/v1/tokens/refresh", {"refresh_token": told["access_token"]})
    assert swapped.status == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "bearer a b",
        "Bearer " + "x" * 5_000,
        "tally_a_b",
        "Bearer tally_x_y",
    ],
)
def test_a_header_that_says_nothing_good_is_refused_even_beside_a_good_cookie(guarded, good, header):
    refused = guarded.get(PATH, {"Authorization": header, "Cookie": f"tally_access={good}"})
    assert refused.status == 401
