"""What the tests of attacks stand for, at least one for each of their files."""

from typing import Final

from tests.mutations.mutation import Edit, Mutation, mutation

_ATTACK: Final = "tests/security"
_SLOW: Final = f"{_ATTACK}/test_slow_clients.py"
_CROWD: Final = (
    f"{_SLOW}::test_of_a_crowd_that_comes_at_once_as_many_watch_as_may_and_the_others_are_asked_to_come_again"
)
_LIVE: Final = "webapp/api/live.py"
_PROXIES: Final = f"{_ATTACK}/test_spoofed_proxies.py"

ATTACKS: Final = (
    mutation(
        "attack: a body in chunks is cut at the limit and taken",
        f"{_ATTACK}/test_bodies.py::test_a_body_beyond_the_limit_is_refused_without_being_held",
        "webapp/chunked.py",
        "if self.is_exhausted and self._stream.read(1):",
        "if False:",
    ),
    mutation(
        "attack: card numbers are not masked",
        f"{_ATTACK}/test_card_numbers.py::test_a_number_is_found_and_masked_wherever_it_stands",
        "events/card_numbers.py",
        'letters[place] = "*" * len(letters[place].encode())',
        "pass",
    ),
    mutation(
        "attack: a tapped message is not masked",
        f"{_ATTACK}/test_card_numbers.py::test_the_tap_masks_before_it_appends",
        "events/wire.py",
        "(event_id.hex.encode(), currency.encode(), mask_tapped(message))",
        "(event_id.hex.encode(), currency.encode(), message)",
    ),
    mutation(
        "attack: the policy of content lets inline script run",
        f"{_ATTACK}/test_content_policy.py::test_what_markup_could_do_is_refused",
        "webapp/headers.py",
        "script-src 'nonce-{nonce}' 'strict-dynamic';",
        "script-src 'unsafe-inline';",
    ),
    mutation(
        "attack: an audit that knew nothing is clean",
        f"{_ATTACK}/test_dependencies.py::test_an_audit_that_knew_nothing_is_not_taken_for_a_clean_one",
        "deploy/audit.py",
        "wrong = sorted({*vulnerable, *unknown})",
        "wrong = sorted({*vulnerable})",
    ),
    mutation(
        "attack: a page of a neighbouring site is ours",
        f"{_ATTACK}/test_foreign_pages.py::test_every_route_that_changes_anything_refuses_every_kind_of_foreign_page",
        "webapp/access/own_forms.py",
        '("same-origin", "none")',
        '("same-origin", "same-site", "none")',
    ),
    mutation(
        "attack: alg of a token not pinned, over HTTP",
        f"{_ATTACK}/test_forged_tokens.py::test_no_forged_token_opens_anything_by_header_or_cookie",
        "webapp/access/tokens.py",
        "algorithms=[_ALGORITHM],",
        'algorithms=["HS256", "HS384", "HS512"],',
    ),
    mutation(
        "attack: a log-in forgets who guesses",
        f"{_ATTACK}/test_guessing.py::test_an_account_is_guessed_at_ten_times_by_whatever_way_and_from_wherever",
        "webapp/access/throttle.py",
        "self._client.lpop(self._storage.prefixed_key(key))",
        "self._client.delete(self._storage.prefixed_key(key))",
    ),
    mutation(
        "attack: nobody's password costs no hash",
        f"{_ATTACK}/test_guessing.py::"
        "test_nobody_a_wrong_password_and_a_disabled_account_answer_alike_and_as_late",
        "webapp/access/passwords.py",
        "known = password_hash or _nobodys()\n",
        "known = password_hash\n    if known is None:\n        return False\n",
    ),
    mutation(
        "attack: a record of the log may be several lines",
        f"{_ATTACK}/test_line_breaks.py::test_a_record_is_a_line_whatever_stands_in_it",
        "logs.py",
        "return text.translate(_CONTROL)",
        "return text",
    ),
    mutation(
        "attack: as many complaints as wrong fields",
        f"{_ATTACK}/test_long_questions.py::test_many_wrong_fields_are_not_answered_by_as_many_complaints",
        "webapp/errors.py",
        "return list(islice(wrong, _MOST_NAMED))",
        "return list(wrong)",
    ),
    mutation(
        "attack: claims in ten seconds not limited, over HTTP",
        f"{_ATTACK}/test_many_claims.py::test_ten_thousand_claims_of_one_user_take_no_more_than_the_rate",
        "storage/hot/offer_scripts/claiming.lua",
        "local too_early_ms = wait_ms(KEYS[12], ARGV[15])",
        "local too_early_ms = nil",
    ),
    mutation(
        "attack: a key may more than its user",
        f"{_ATTACK}/test_mass_assignment.py::test_no_key_by_form_has_a_scope_beyond_its_users",
        "webapp/access/own_keys.py",
        "if scope not in possible:",
        "if scope not in SCOPES:",
    ),
    mutation(
        "attack: another's key of a request is one's own",
        f"{_ATTACK}/test_others_data.py::test_who_sends_anothers_key_of_a_request_gets_a_claim_of_their_own",
        "offers/desk.py",
        "said = msgspec.json.encode([offer_id, round_, user_id, key])",
        "said = msgspec.json.encode([offer_id, round_, key])",
    ),
    mutation(
        "attack: Redis lets the web delete a log",
        f"{_ATTACK}/test_redis_acl.py::test_what_a_user_may_not_do_is_refused[valkey-web]",
        "deploy/acl/web.acl",
        "~{[0-9]*}:[^l]* ~{[0-9]*}:l[^o]*\n",
        "~{[0-9]*}:*\n",
    ),
    mutation(
        "attack: Redis lets a script of the emitter's delete a log",
        f"{_ATTACK}/test_redis_acl.py::test_what_a_script_calls_is_refused_as_well[valkey-emitter]",
        "deploy/acl/emitter.acl",
        "(~{[0-9]*}:* +evalsha)",
        "(~{[0-9]*}:* +evalsha +del)",
    ),
    mutation(
        "attack: what a filter was asked is markup",
        f"{_ATTACK}/test_script.py::test_nothing_that_is_asked_comes_back_as_markup",
        "webapp/templates/parts/filters.html",
        "{{ typed.get(name, '') }}",
        "{{ typed.get(name, '')|safe }}",
    ),
    mutation(
        "attack: a merchant's name is markup",
        f"{_ATTACK}/test_script_in_browser.py::test_no_page_runs_what_is_stored",
        "webapp/templates/macros.html",
        "{% if name %}{{ name }}{% else %}",
        "{% if name %}{{ name|safe }}{% else %}",
    ),
    mutation(
        "attack: compose has a default for a secret",
        f"{_ATTACK}/test_secrets.py::test_compose_has_no_default_for_a_secret",
        "docker-compose.yml",
        "SECRET_KEY: ${SECRET_KEY:?set it here or in .env}",
        "SECRET_KEY: ${SECRET_KEY:-change me}",
    ),
    mutation(
        "attack: a slow body is waited for",
        f"{_SLOW}::test_a_body_below_the_pace_is_not",
        "webapp/paced.py",
        "with gevent.Timeout(self._left_s(), TooSlow()):",
        "with gevent.Timeout(None):",
    ),
    Mutation(
        "attack: a crowd of watchers finds all places free",
        _CROWD,
        (
            Edit(_LIVE, "if not hub.places.acquire(blocking=False):", "if hub.places._value == 0:"),
            Edit(
                _LIVE,
                "        leaving.callback(hub.places.release)\n        response = _stream(asked)\n",
                "        response = _stream(asked)\n        hub.places.acquire(blocking=False)\n"
                "        leaving.callback(hub.places.release)\n",
            ),
        ),
    ),
    mutation(
        "attack: a place to watch is not given back",
        _CROWD,
        _LIVE,
        "response.call_on_close(leaving.pop_all().close)",
        "leaving.pop_all()",
    ),
    mutation(
        "attack: an unread answer holds its connection for ten minutes",
        f"{_SLOW}::test_what_is_promised_is_what_is_set",
        "webapp/paced.py",
        "UNREAD_S: Final = 60.0",
        "UNREAD_S: Final = 600.0",
    ),
    Mutation(
        "attack: a header chooses the path",
        f"{_ATTACK}/test_smuggling.py::test_no_header_chooses_the_path",
        (
            Edit("gunicorn.conf.py", 'forwarded_allow_ips = ""', 'forwarded_allow_ips = "127.0.0.1"'),
            Edit("gunicorn.conf.py", 'forwarder_headers = ""', 'forwarder_headers = "SCRIPT_NAME,PATH_INFO"'),
        ),
    ),
    mutation(
        "attack: whoever calls says who they are",
        f"{_PROXIES}::test_without_proxies_no_header_changes_who_is_counted",
        "webapp/__init__.py",
        "ProxyFix(front, x_for=hops, x_proto=hops, x_host=hops) if hops else front",
        "ProxyFix(front, x_for=hops or 1, x_proto=hops, x_host=hops)",
    ),
    mutation(
        "attack: any name in Host",
        f"{_PROXIES}::test_where_names_are_required_others_are_refused",
        "webapp/access/doorman.py",
        'if not is_probe and not self._is_trusted(environ.get("HTTP_HOST", "")):',
        "if False:",
    ),
    mutation(
        "attack: a proxy that says Via stands before an open door",
        "tests/test_access.py::test_an_open_door_turns_away_who_comes_through_a_proxy",
        "webapp/access/doorman.py",
        '("HTTP_VIA", ',
        "(",
    ),
    mutation(
        "attack: quotation marks in a literal statement",
        f"{_ATTACK}/test_sql_injection.py::"
        "test_sql_that_is_a_name_is_found_by_that_name_alone_and_read_back_as_it_was[mariadb]",
        "storage/sql/bulk.py",
        "'{escape_string(event.merchant)}'",
        "'{event.merchant}'",
    ),
)
