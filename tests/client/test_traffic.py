"""What goes next: the order of ranks, turns between reports, and originals that are shared out."""

from __future__ import annotations

from qanat_client.reporter.outbox import StoredParcel, Word
from qanat_client.reporter.traffic import CUSTODY_DAYS, Load, Traffic, due_for
from qanat_protocol.kinds import Kind, Rank, Rendition
from qanat_protocol.parcel import Header, rank_of
from qanat_protocol.sizes import part_body_size

TODAY = 20_780
ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32


def parcel(
    key: int,
    item: int,
    rank: Rank,
    *,
    size: int = 100_000,
    wanted: bool = False,
    words: dict[bytes, tuple[Word, int]] | None = None,
) -> StoredParcel:
    letter = rank <= Rank.LETTER
    body = {
        Rank.URGENT: 4096,
        Rank.LETTER: 4096,
        Rank.THUMBNAIL: 16_384,
        Rank.PREVIEW: 131_072,
        Rank.ORIGINAL: part_body_size(size, Rendition.ORIGINAL),
    }[rank]
    header = Header(
        Kind.LETTER if letter else Kind.PART,
        urgent=rank is Rank.URGENT,
        expiry_day=TODAY + 90,
        body_size=body,
        tag=bytes(16),
        lock=key.to_bytes(32),
        root=bytes(32),
    )
    assert rank_of(header) is rank
    return StoredParcel(
        key=key,
        item=item,
        desk_id=bytes(32),
        id=key.to_bytes(32),
        header=header,
        rank=rank,
        wanted=wanted,
        words=words or {},
    )


def ready(traffic: Traffic, parcels: list[StoredParcel], relay: bytes) -> list[Load]:
    loads = traffic.loads(parcels, relay)
    for load in loads:
        load.ready = True
    return loads


def order(traffic: Traffic, loads: list[Load], relay: bytes) -> list[int]:
    """The keys in the order in which their first blocks go, when each goes to its end."""
    keys = []
    while load := traffic.choose(loads, relay, worst=Rank.ORIGINAL):
        keys.append(load.parcel.key)
        load.over = True
    return keys


def test_urgent_letters_letters_thumbnails_previews_originals() -> None:
    ranks = [Rank.ORIGINAL, Rank.PREVIEW, Rank.THUMBNAIL, Rank.LETTER, Rank.URGENT]
    parcels = [parcel(key, 1, rank) for key, rank in enumerate(ranks)]
    traffic = Traffic(TODAY, 2)
    assert order(traffic, ready(traffic, parcels, ONE), ONE) == [4, 3, 2, 1, 0]


def test_something_more_urgent_passes_between_two_blocks() -> None:
    traffic = Traffic(TODAY, 2)
    loads = ready(traffic, [parcel(1, 1, Rank.ORIGINAL)], ONE)
    first = traffic.choose(loads, ONE, worst=Rank.ORIGINAL)
    assert first is loads[0]
    first.sent_blocks += 1
    loads += ready(traffic, [parcel(2, 2, Rank.LETTER)], ONE)
    assert traffic.choose(loads, ONE, worst=Rank.ORIGINAL) is loads[1]


def test_letters_go_by_age_and_pictures_of_reports_in_turn() -> None:
    traffic = Traffic(TODAY, 2)
    letters = [parcel(key, item, Rank.LETTER) for key, item in ((1, 3), (2, 1), (3, 2))]
    assert order(traffic, ready(traffic, letters, ONE), ONE) == [2, 3, 1]
    pictures = [parcel(key, 1, Rank.THUMBNAIL) for key in (10, 11, 12)]
    pictures.append(parcel(20, 2, Rank.THUMBNAIL))
    assert order(traffic, ready(traffic, pictures, ONE), ONE) == [10, 20, 11, 12]


def test_a_film_holds_up_no_document_and_what_the_desk_asked_for_goes_first() -> None:
    traffic = Traffic(TODAY, 2)
    film = parcel(1, 1, Rank.ORIGINAL, size=50_000_000)
    document = parcel(2, 2, Rank.ORIGINAL)
    assert order(traffic, ready(traffic, [film, document], ONE), ONE) == [2, 1]
    wanted = parcel(1, 1, Rank.ORIGINAL, size=50_000_000, wanted=True)
    assert order(traffic, ready(traffic, [wanted, document], ONE), ONE) == [1, 2]


def test_two_relays_never_get_one_original_while_another_waits() -> None:
    traffic = Traffic(TODAY, 2)
    parcels = [parcel(1, 1, Rank.ORIGINAL), parcel(2, 2, Rank.ORIGINAL, size=200_000)]
    for_one, for_two = ready(traffic, parcels, ONE), ready(traffic, parcels, TWO)
    first = traffic.choose(for_one, ONE, worst=Rank.ORIGINAL)
    second = traffic.choose(for_two, TWO, worst=Rank.ORIGINAL)
    assert first is not None
    assert second is not None
    assert {first.parcel.key, second.parcel.key} == {1, 2}


def test_an_original_goes_to_so_many_relays_as_is_set_and_one_that_failed_leaves_its_place() -> (
    None
):
    traffic = Traffic(TODAY, 2)
    held = parcel(1, 1, Rank.ORIGINAL, words={ONE: (Word.SIGNED, TODAY)})
    for_two, for_three = ready(traffic, [held], TWO), ready(traffic, [held], THREE)
    assert traffic.choose(for_two, TWO, worst=Rank.ORIGINAL) is for_two[0]
    assert traffic.choose(for_three, THREE, worst=Rank.ORIGINAL) is None
    traffic.left(TWO)
    assert traffic.choose(for_three, THREE, worst=Rank.ORIGINAL) is for_three[0]


def test_a_relay_that_took_custody_is_not_offered_it_again_for_a_week() -> None:
    for days, again in ((0, False), (CUSTODY_DAYS, False), (CUSTODY_DAYS + 1, True)):
        held = parcel(1, 1, Rank.LETTER, words={ONE: (Word.SIGNED, TODAY - days)})
        assert due_for(held, ONE, TODAY) is again
        assert due_for(held, TWO, TODAY)
    half = parcel(1, 1, Rank.ORIGINAL, words={ONE: (Word.HALF, TODAY)})
    assert due_for(half, ONE, TODAY)


def test_a_letter_without_a_receipt_goes_again_and_an_original_does_not() -> None:
    words = {ONE: (Word.HOLDS, TODAY)}
    assert due_for(parcel(1, 1, Rank.LETTER, words=words), ONE, TODAY)
    assert not due_for(parcel(2, 1, Rank.ORIGINAL, words=words), ONE, TODAY)
