"""How each route of the API is answered while Redis is away: by SQL, or refused; a request for each."""

from typing import Any, Final, NamedTuple


class Ask(NamedTuple):
    """A request; `{claim_id}` in its path stands for a claim of ada's."""

    method: str
    path: str
    body: Any = None


STORED: Final = {"user_id": "ada", "amount": 5, "currency": "USD", "merchant": "Corner Shop"}
_BOB: Final = {"user_id": "bob"}

# What is stored. Where a route has two requests, Redis answers the first while it is there.
BY_SQL: Final = {
    "user sum.show_sum": (Ask("GET", "/users/ada/sum"), Ask("GET", "/users/ada/sum?window=7h")),
    "user transactions.list_transactions": (
        Ask("GET", "/users/ada/transactions?limit=3"),
        Ask("GET", "/users/ada/transactions?limit=100"),
    ),
    "user windows.list_windows": (Ask("GET", "/users/ada/windows"),),
    "users.list_users": (Ask("GET", "/users?q=a"),),
    "sums.show_sums": (Ask("GET", "/sums"),),
    "sums.save_sums": (Ask("GET", "/sums.csv"),),
    "series.show_series": (Ask("GET", "/series"),),
    "exports.save_csv": (Ask("GET", "/transactions.csv"),),
    "exports.save_ndjson": (Ask("GET", "/transactions.ndjson"),),
    "offers.list_offers": (Ask("GET", "/offers"),),
    "offers.show_offer": (Ask("GET", "/offers/coupon"),),
    "seats.show_seats": (Ask("GET", "/offers/show/seats?zone=A"),),
    "claims.list_attempts": (Ask("GET", "/offers/coupon/claims"),),
    "claims.show_claim": (Ask("GET", "/claims/{claim_id}"),),
    "likes.show_top": (Ask("GET", "/likes/top"),),
    "orders.list_orders": (Ask("GET", "/orders?user_id=ada"),),
    "user offers.list_coupons": (Ask("GET", "/users/ada/coupons"),),
    "user offers.list_history": (Ask("GET", "/users/ada/history"),),
    "user offers.show_stats": (Ask("GET", "/users/ada/stats"),),
    "system.show_system": (Ask("GET", "/system/stats"),),
    "dead_letters.list_letters": (Ask("GET", "/dead-letters"),),
    "accounts.list_accounts": (Ask("GET", "/accounts"),),
}
# What goes through Redis, or is known to it alone.
REFUSED: Final = {
    "transactions.take_in": (Ask("POST", "/transactions", STORED),),
    "offers.make_offer": (Ask("POST", "/offers", {"kind": "coupon", "total_stock": 3}),),
    "offers.change_offer": (Ask("PATCH", "/offers/coupon", {"title": "Another"}),),
    "offers.reset_offer": (Ask("POST", "/offers/coupon/reset", {}),),
    "claims.claim": (Ask("POST", "/offers/coupon/claims", _BOB),),
    "claims.confirm": (Ask("POST", "/claims/{claim_id}/confirm", {}),),
    "claims.give_back": (Ask("DELETE", "/claims/{claim_id}"),),
    "likes.like": (Ask("POST", "/offers/coupon/likes", _BOB),),
    "waiting.join": (Ask("POST", "/offers/coupon/waiting", _BOB),),
    "waiting.leave": (Ask("DELETE", "/offers/coupon/waiting", _BOB),),
    "lag.show_lag": (Ask("GET", "/system/lag"),),
    "system.sync_to_sql": (Ask("POST", "/system/sync", {}),),
    "emitter.show": (Ask("GET", "/emitter"),),
    "emitter.tell": (Ask("PUT", "/emitter", {"is_running": False}),),
}
# Of accounts and of single rows, which SQL has; the live stream stays open and goes on.
OTHERS: Final = {
    "accounts.change_account", "accounts.sign_up", "tokens.log_in", "tokens.log_out", "tokens.refresh",
    "keys.make", "keys.list_keys", "keys.revoke", "orders.show_order", "dead_letters.show_letter",
    "dead_letters.drop", "dead_letters.retry", "live.watch",
}  # fmt: skip
