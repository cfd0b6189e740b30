"""Who may what."""

from typing import Final

from tests.mutations.mutation import Edit, Mutation, mutation

_MATRIX: Final = "tests/test_access_matrix.py"
_LETTERS: Final = "webapp/api/dead_letters.py"
_HEARING: Final = "webapp/live/hearing.py"
_HEARD_TEST: Final = (
    "tests/test_live_parts.py::test_each_kind_of_event_is_heard_by_who_may_read_what_it_tells_of"
)

ACCESS: Final = (
    mutation(
        "whose a path is not checked",
        f"{_MATRIX}::test_another_users_data_is_told_as_what_does_not_exist",
        "webapp/access/guard.py",
        'who.must_reach(access.permission, (request.view_args or {})["user_id"])',
        "return",
    ),
    mutation(
        "whose a claim is not checked",
        f"{_MATRIX}::test_what_is_anothers_is_told_as_what_does_not_exist",
        "webapp/api/claims.py",
        "if not caller().may(permission, claim.user_id):",
        "if False:",
    ),
    mutation(
        "whose an export is not checked",
        "tests/test_exports.py::test_a_customer_exports_their_own_alone",
        "webapp/api/exports.py",
        'user_id = caller().narrowed("transactions:read", asked.user_id)',
        "user_id = asked.user_id",
    ),
    mutation(
        "what needs all is given to who has their own",
        f"{_MATRIX}::test_each_route_answers_as_it_declares",
        "webapp/access/guard.py",
        'if access.owner == "nobody":',
        "if False:",
    ),
    mutation(
        "forms of other sites",
        "tests/test_accounts.py::test_a_foreign_page_changes_nothing_in_its_users_name",
        "webapp/access/guard.py",
        "    refuse_foreign_forms()\n",
        "",
    ),
    mutation(
        "alg of a token not pinned",
        "tests/test_access.py::test_a_token_that_was_made_or_changed_by_another_is_none",
        "webapp/access/tokens.py",
        "algorithms=[_ALGORITHM],",
        'algorithms=["HS256", "HS384", "HS512"],',
    ),
    mutation(
        "passwords may be tried for ever",
        "tests/test_accounts.py::test_an_account_is_tried_ten_times_and_then_not_even_by_the_right_password",
        "webapp/access/entering.py",
        "here.throttle.count(LOGIN_BY_ACCOUNT, account)",
        "here.throttle.count(LOGIN_BY_ADDRESS, account)",
    ),
    mutation(
        "a refresh token that was used",
        "tests/test_accounts.py::test_a_refresh_token_is_used_once_and_a_copy_of_it_ends_the_log_in",
        "storage/sql/sessions.py",
        "connection.execute(update(sessions).where(mine).values(revoked_at=now_us))\n            return",
        "return",
    ),
    Mutation(
        "live stream: a key's scopes ignored",
        _HEARD_TEST,
        (
            Edit(
                _HEARING,
                "permissions import Permission, Reach",
                "permissions import REACH, Permission, Reach",
            ),
            Edit(
                _HEARING,
                "reach = who.reach(permission)",
                "reach = REACH[who.role].get(permission) if who.role else None",
            ),
        ),
    ),
    mutation(
        "live stream: who hears one kind hears all",
        _HEARD_TEST,
        _HEARING,
        "{kind: _whose(who, permission, user_id)",
        '{kind: _whose(who, "transactions:read", user_id)',
    ),
    mutation(
        "live stream goes on when the log-in has ended",
        "tests/test_accounts.py::test_a_live_stream_ends_with_the_log_in_the_key_or_the_role_it_was_asked_for_by[sqlite]",
        "webapp/access/lasting.py",
        "if _now(identity, authorization, cookie) != who:",
        "if False:",
    ),
    mutation(
        "live stream goes on under another role",
        "tests/test_accounts.py::"
        "test_a_live_stream_ends_with_the_log_in_the_key_or_the_role_it_was_asked_for_by[sqlite]",
        "webapp/access/lasting.py",
        "if _now(identity, authorization, cookie) != who:",
        "if _now(identity, authorization, cookie).user_id != who.user_id:",
    ),
    Mutation(
        "a route is opened to everybody",
        f"{_MATRIX}::test_each_endpoint_needs_what_is_listed_here_and_nobody_may_more",
        (
            Edit(_LETTERS, "declaring import needs", "declaring import needs, public"),
            Edit(_LETTERS, '@needs("system:manage")\ndef drop', "@public\ndef drop"),
        ),
    ),
    mutation(
        "a role may more",
        f"{_MATRIX}::test_each_endpoint_needs_what_is_listed_here_and_nobody_may_more",
        "webapp/access/permissions.py",
        '"publisher": {"transactions:publish": Reach.ALL, ',
        '"publisher": {"transactions:publish": Reach.ALL, "system:manage": Reach.ALL, ',
    ),
    mutation(
        "export not cut when its log-in has ended",
        "tests/test_exports.py::test_an_export_is_cut_off_where_its_log_in_ends",
        "webapp/api/exports.py",
        "answer.response = cut_unless_known(answer.iter_encoded())",
        "answer.response = answer.iter_encoded()",
    ),
    mutation(
        "formulas in exports",
        "tests/test_exports.py::test_a_user_whose_name_is_a_formula_is_harmless_in_the_sums_too",
        "events/csv_cells.py",
        "return _MARK + text if _TO_MARK.match(text) else text",
        "return text",
    ),
)
