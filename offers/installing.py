"""Carries what SQL knows of a partition into Redis, a piece at a time."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Final, TypeAlias, TypeVar

from events.partitions import partition_of
from offers.seats import spans
from offers.sources import Sources
from storage.hot.offer_gate import OfferGate
from storage.hot.offer_install import (
    AttemptsRow,
    HistoryRow,
    LikedRow,
    OfferInstall,
    OfferToken,
    UnitRow,
    WaitingRow,
)
from storage.hot.user_doings import KEPT
from storage.like_count import LikeCount
from storage.sql.offer_rows import CouponEvent, LikeEvent, StoredOffer, UserLikes

# Called now and then; raises to end it.
GoOn: TypeAlias = Callable[[], None]

_TELL_EVERY: Final = 1_000
_T = TypeVar("_T")


class Installing:
    """SQL must not change meanwhile, as far as the partition's offers and its users' likes are concerned."""

    def __init__(self, gate: OfferGate, install: OfferInstall, sources: Sources) -> None:
        self._partitions = gate.partitions
        self._install = install
        self._sources = sources

    def install(self, token: OfferToken, go_on: GoOn) -> None:
        """Install everything; `go_on` is called every thousand rows. Raises Overtaken, and what `go_on` raises."""
        stored = [each for each in self._sources.catalogue.all() if self._is_in(token, each.offer.offer_id)]
        for each in stored:
            self._install_offer(token, each, go_on)
        likers = self._install_likes(token, go_on)
        self._install_users(token, {each.offer.offer_id for each in stored}, likers, go_on)

    def _is_in(self, token: OfferToken, name: str) -> bool:
        return partition_of(name, self._partitions) == token.partition

    def _install_offer(self, token: OfferToken, stored: StoredOffer, go_on: GoOn) -> None:
        offer = stored.offer
        catalogue, counts = self._sources.catalogue, self._sources.counts
        made = catalogue.seats_made(offer.offer_id, offer.round) if offer.kind == "show" else 0
        refused = counts.refused(offer.offer_id, offer.round)
        self._install.install_offer(token, offer, stored.stock_revision, made, refused)
        self._install_claims(token, stored, go_on)
        units = (
            UnitRow(row.unit, row.revision, row.claim_id is None)
            for row in _telling(catalogue.all_units(offer.offer_id, offer.round), go_on)
        )
        self._install.install_units(token, offer, units, spans(offer.zones))
        waiting = (
            WaitingRow(row.user_id, row.joined_at_us, row.revision, row.status == "waiting")
            for row in _telling(self._sources.restoring.waiters(offer.offer_id, offer.round), go_on)
        )
        self._install.install_waiting(token, offer, waiting)

    def _install_claims(self, token: OfferToken, stored: StoredOffer, go_on: GoOn) -> None:
        """A round at a time: claims are read by time, and a round ends before the next begins."""
        claims = self._sources.book.all_claims(stored.offer.offer_id, live_only=False)
        for round_, some in groupby(_telling(claims, go_on), key=lambda claim: claim.round):
            self._install.install_claims(token, stored.offer, round_, some)

    def _install_likes(self, token: OfferToken, go_on: GoOn) -> set[str]:
        """Who of the partition liked anything."""
        everybody = _telling(self._sources.restoring.likes(), go_on)
        likes = _Likes(user for user in everybody if self._is_in(token, user.in_all.name))
        self._install.install_likes(token, likes.of_users())
        self._install.install_liked_offers(token, likes.of_offers.values())
        return likes.users

    def _install_users(self, token: OfferToken, offers: set[str], likers: set[str], go_on: GoOn) -> None:
        attempts = [
            AttemptsRow(row.user_id, row.total, row.successful, row.failed, row.last_at_us or 0)
            for row in _telling(self._sources.restoring.attempts(offers), go_on)
        ]
        self._install.install_attempts(token, attempts)
        users = likers | {row.user_id for row in attempts}
        # Where there is one partition, all offers are its own.
        about = None if self._partitions == 1 else offers
        found = self._sources.counts.histories(users, about, likers, KEPT)
        histories = ((user_id, list(map(_history, events))) for user_id, events in _telling(found, go_on))
        self._install.install_histories(token, histories)


class _Likes:
    """What some users liked. Only their names, and a count an offer, are kept while they are read."""

    def __init__(self, read: Iterable[UserLikes]) -> None:
        self._read = read
        self.users: set[str] = set()
        self.of_offers: dict[str, LikeCount] = {}

    def of_users(self) -> Iterator[LikeCount]:
        """How often each of them liked; at its end `users` and `of_offers` are complete."""
        for user in self._read:
            self.users.add(user.in_all.name)
            for count in user.by_offer:
                so_far = self.of_offers.get(count.name)
                self.of_offers[count.name] = so_far.plus(count) if so_far else count
            yield user.in_all


def _telling(rows: Iterable[_T], go_on: GoOn) -> Iterator[_T]:
    for number, row in enumerate(rows):
        if number % _TELL_EVERY == 0:
            go_on()
        yield row


def _history(event: CouponEvent | LikeEvent) -> HistoryRow | LikedRow:
    if isinstance(event, LikeEvent):
        return LikedRow(
            str(event.event_id), "OfferLiked", event.at_us, event.offer_id, event.number, event.is_top_like
        )
    is_refusal = event.success is False
    return HistoryRow(
        str(event.event_id),
        event.name,
        event.at_us,
        event.offer_id,
        event.round,
        event.claim_id,
        not is_refusal,
        event.reason if is_refusal else "success",
        event.quantity,
        event.remaining_stock or 0,
    )
