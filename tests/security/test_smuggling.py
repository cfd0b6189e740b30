"""Requests that two servers in a row could read as one and as two: refused, or one request to us as to anybody."""

import pytest

from tests.support.raw_http import say

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
MARK = b"smuggled-and-answered"
HIDDEN = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % MARK
POST = b"POST /api/v1/tokens HTTP/1.1\r\n" + HOST + JSON
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(HIDDEN)

# Refused: what the message is, or where it ends, is not certain (RFC 9112, sections 2.2, 5.1, 5.2, 6.1, 6.3, 7.1).
REFUSED = {
    "a length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks and a length": CHUNKED + LENGTH + b"\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": POST + b"Content-Length: 2\r\n" + LENGTH + b"\r\n{}" + HIDDEN,
    "the same length twice": POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 2, 2\r\n\r\n{}" + HIDDEN,
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
    "a negative length": POST + b"Content-Length: -2\r\n\r\n{}" + HIDDEN,
    "a length in sixteens": POST + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN,
    "a length in other digits": POST + b"Content-Length: \xb2\r\n\r\n{}" + HIDDEN,
    "a length beyond numbers": POST + b"Content-Length: %s\r\n\r\n{}" % (b"9" * 5_000) + HIDDEN,
    "an empty length": POST + b"Content-Length:\r\n\r\n{}" + HIDDEN,
    "a space before the colon": POST + b"Content-Length : 2\r\n\r\n{}" + HIDDEN,
    "a tab before the colon": POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks twice": CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a coding behind chunks": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a coding nobody knows": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks with a control character": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + HIDDEN,
    "chunks folded": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a folded header": POST + b"X-Long: one\r\n two\r\nContent-Length: 2\r\n\r\n{}" + HIDDEN,
    "a header before the first": b"POST /api/v1/tokens HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n" + HIDDEN,
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: localhost\n\n" + HIDDEN,
    "a bare line feed in the head": b"GET /healthz HTTP/1.1\r\nX: y\nHost: localhost\r\n\r\n" + HIDDEN,
    "a bare carriage return": b"GET /healthz HTTP/1.1\r\nX: y\rHost: localhost\r\n\r\n" + HIDDEN,
    "a null byte": b"GET /healthz HTTP/1.1\r\nX: a\x00b\r\n" + HOST + b"\r\n" + HIDDEN,
    "two hosts": b"GET /healthz HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n\r\n" + HIDDEN,
    "no version": b"GET /healthz\r\n\r\n" + HIDDEN,
    "a version that is not yet": b"GET /healthz HTTP/3.1\r\n" + HOST + b"\r\n" + HIDDEN,
    "a space in the target": b"GET /healthz x HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0", 1) + b"\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size that is none": CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size with a sign": CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size with 0x": CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size with an underscore": CHUNKED + b"\r\n0_2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size that is negative": CHUNKED + b"\r\n-1\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk longer than it says": CHUNKED + b"\r\n1\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a chunk ended by a line feed": CHUNKED + b"\r\n2\n{}\n0\n\n" + HIDDEN,
    "a chunk extension with a line feed": CHUNKED + b"\r\n2;a\nb\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a length as a trailer": CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + LENGTH + b"\r\n" + HIDDEN,
}  # fmt: skip

# One request, whose body or tail hides another: it stays a body.
ONE = {
    "a body that reads like a request": POST + LENGTH + b"\r\n" + HIDDEN,
    "chunks that read like a request": CHUNKED + b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
    "a body that is cut off": POST + b"Content-Length: 5000\r\n\r\n" + HIDDEN,
    "chunks that are cut off": CHUNKED + b"\r\nffff\r\n" + HIDDEN,
    "a GET with a body": b"GET /healthz HTTP/1.1\r\n" + HOST + LENGTH + b"\r\n" + HIDDEN,
    "a refused POST whose body nobody reads": b"POST /healthz HTTP/1.1\r\n" + HOST + LENGTH + b"\r\n" + HIDDEN,
    "a connection that should close": b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n" + HIDDEN,
    "an upgrade to HTTP/2": b"GET /healthz HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n" + HOST + LENGTH + b"\r\n" + HIDDEN,
    "HTTP/2 by knowing so before": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "a tunnel": b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_certain_is_refused_and_nothing_behind_it_is_read(guarded, name):
    heard = say(guarded.base_url, REFUSED[name])
    assert [answer.status for answer in heard] in ([400], [417], [501], [505]), heard
    assert heard[0].headers["content-type"] == "application/problem+json"
    assert MARK not in heard[0].body


@pytest.mark.parametrize("name", ONE)
def test_what_is_hidden_in_a_request_is_no_request(guarded, name):
    heard = say(guarded.base_url, ONE[name])
    assert len(heard) <= 1, heard
    assert all(answer.status < 500 and MARK not in answer.body for answer in heard)


@pytest.mark.parametrize("header", [b"SCRIPT_NAME: /x", b"PATH_INFO: /healthz", b"Script_Name: /x"])
@pytest.mark.parametrize("path", [b"/x/healthz", b"/admin/x"])
def test_no_header_chooses_the_path(guarded, header, path):
    """A proxy that keeps people out of a path knows the one in the request's line, and no other."""
    [heard] = say(guarded.base_url, b"GET %s HTTP/1.1\r\n%s\r\n" % (path, header) + HOST + b"\r\n")
    assert heard.status == 404


def test_two_requests_are_two(guarded):
    """Or the tests above could never see a second one."""
    heard = say(guarded.base_url, b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN)
    assert [answer.status for answer in heard] == [200, 404]
