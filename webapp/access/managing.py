"""Changing an account: what the API and the pages do alike."""

from werkzeug.exceptions import NotFound

from events.moments import now_us
from storage.sql.accounts import Account
from webapp.access.passwords import hash_password
from webapp.services import services


def change_account(
    user_id: str, role: str | None = None, password: str | None = None, is_disabled: bool | None = None
) -> Account:
    """The account as it is then; its log-ins end, unless it is only enabled. Raises NotFound."""
    here = services()
    if here.accounts.find(user_id) is None:
        raise NotFound(f"There is no account {user_id}.")
    if role is not None:
        here.accounts.set_role(user_id, role)
    if password is not None:
        here.accounts.set_password(user_id, hash_password(password))
    if is_disabled:
        here.accounts.disable(user_id, now_us())
    elif is_disabled is not None:
        here.accounts.enable(user_id)
    if role is not None or password is not None or is_disabled:
        here.logging_in.log_out_everywhere(user_id)
    account = here.accounts.find(user_id)
    assert account is not None  # noqa: S101 - accounts are disabled, never deleted
    return account
