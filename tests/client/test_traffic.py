"""What goes next: the order of ranks, turns between reports, and originals that are shared out."""

from __future__ import annotations

from qanat_client.reporter.outbox import StoredParcel, Word
from qanat_client.reporter.traffic import CUSTODY_DAYS, Agenda, Traffic, due_for
from qanat_protocol.bitmap import Bitmap
from qanat_protocol.kinds import Kind, Rank, Rendition
from qanat_protocol.limits import PAGE_LEAVES
from qanat_protocol.merkle import block_count
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
    sealed_day: int = TODAY,
    words: dict[bytes, tuple[Word, int]] | None = None,
    held: dict[bytes, bytes] | None = None,
    sent: dict[bytes, bytes] | None = None,
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
        sealed_day=sealed_day,
        words=words or {},
        held=held or {},
        sent=sent or {},
    )


def ready(traffic: Traffic, parcels: list[StoredParcel], relay: bytes) -> Agenda:
    agenda = traffic.agenda(relay)
    for load in traffic.loads(parcels, relay):
        agenda.add(load)
    return agenda


def order(agenda: Agenda) -> list[int]:
    """The keys in the order in which their first blocks go, when each goes to its end."""
    keys = []
    while chosen := agenda.choose():
        keys.append(chosen[0].parcel.key)
        agenda.drop(chosen[0])
    return keys


def sent(agenda: Agenda) -> list[tuple[int, int]]:
    """All blocks in their order, each by its parcel's key and its number."""
    found = []
    while chosen := agenda.choose():
        found.append((chosen[0].parcel.key, chosen[1]))
    return found


def test_urgent_letters_letters_thumbnails_previews_originals() -> None:
    ranks = [Rank.ORIGINAL, Rank.PREVIEW, Rank.THUMBNAIL, Rank.LETTER, Rank.URGENT]
    parcels = [parcel(key, 1, rank) for key, rank in enumerate(ranks)]
    assert order(ready(Traffic(TODAY, 2), parcels, ONE)) == [4, 3, 2, 1, 0]


def test_something_more_urgent_passes_between_two_blocks() -> None:
    traffic = Traffic(TODAY, 2)
    agenda = ready(traffic, [parcel(1, 1, Rank.ORIGINAL)], ONE)
    first = agenda.choose()
    assert first is not None
    assert first[0].parcel.key == 1
    (letter,) = traffic.loads([parcel(2, 2, Rank.LETTER)], ONE)
    agenda.add(letter)
    assert agenda.choose() == (letter, 0)


def test_letters_go_by_age_and_pictures_of_reports_in_turn() -> None:
    letters = [parcel(key, item, Rank.LETTER) for key, item in ((1, 3), (2, 1), (3, 2))]
    assert order(ready(Traffic(TODAY, 2), letters, ONE)) == [2, 3, 1]
    pictures = [parcel(key, 1, Rank.THUMBNAIL) for key in (10, 11, 12)]
    pictures.append(parcel(20, 2, Rank.THUMBNAIL))
    assert order(ready(Traffic(TODAY, 2), pictures, ONE)) == [10, 20, 11, 12]


def test_a_film_holds_up_no_document_and_what_the_desk_asked_for_goes_first() -> None:
    film = parcel(1, 1, Rank.ORIGINAL, size=50_000_000)
    document = parcel(2, 1, Rank.ORIGINAL)
    assert order(ready(Traffic(TODAY, 2), [film, document], ONE)) == [2, 1]
    wanted = parcel(1, 1, Rank.ORIGINAL, size=50_000_000, wanted=True)
    assert order(ready(Traffic(TODAY, 2), [wanted, document], ONE)) == [1, 2]


def test_two_reports_films_go_in_turn_and_an_old_one_before_a_new_preview() -> None:
    films = [parcel(1, 1, Rank.ORIGINAL, size=200_000), parcel(2, 2, Rank.ORIGINAL, size=200_000)]
    keys = [key for key, _ in sent(ready(Traffic(TODAY, 2), films, ONE))]
    assert keys[:6] == [1, 2, 1, 2, 1, 2]
    old = parcel(1, 1, Rank.ORIGINAL, sealed_day=TODAY - 14)
    assert order(ready(Traffic(TODAY, 2), [old, parcel(2, 2, Rank.PREVIEW)], ONE)) == [1, 2]


def test_two_relays_never_get_one_block_while_another_waits() -> None:
    traffic = Traffic(TODAY, 2)
    film = [parcel(1, 1, Rank.ORIGINAL, size=200_000)]
    one, two = ready(traffic, film, ONE), ready(traffic, film, TWO)
    blocks = block_count(film[0].header.body_size)
    first: list[int] = []
    second: list[int] = []
    while len(first) + len(second) < blocks:
        for agenda, found in ((one, first), (two, second)):
            if len(first) + len(second) < blocks and (chosen := agenda.choose()):
                found.append(chosen[1])
    assert sorted(first + second) == list(range(blocks))
    # No second copy while a first one may be lost on its way.
    assert one.choose() is two.choose() is None
    for agenda, relay, found in ((one, ONE, first), (two, TWO, second)):
        for load in traffic.loads(film, relay):
            agenda.confirm(load, found)
    assert [index for _, index in sent(one)] == second, "then the second copy"
    assert [index for _, index in sent(two)] == first


def test_an_original_goes_to_so_many_relays_as_is_set_and_one_that_failed_leaves_its_place() -> (
    None
):
    traffic = Traffic(TODAY, 2)
    held = parcel(1, 1, Rank.ORIGINAL, words={ONE: (Word.SIGNED, TODAY)})
    blocks = list(range(block_count(held.header.body_size)))
    for_two, for_three = ready(traffic, [held], TWO), ready(traffic, [held], THREE)
    assert [index for _, index in sent(for_two)] == blocks
    assert for_three.choose() is None
    for load in traffic.loads([held], TWO):
        for_two.give_back(load, blocks)
    traffic.left(TWO)
    assert [index for _, index in sent(for_three)] == blocks


def test_what_was_on_its_way_to_another_relay_goes_last_and_of_it_first_what_went_last() -> None:
    film = parcel(
        1,
        1,
        Rank.ORIGINAL,
        size=200_000,
        words={ONE: (Word.HALF, TODAY)},
        held={ONE: Bitmap.from_indices([0, 1]).to_bytes()},
        sent={ONE: Bitmap.from_indices([2, 3, 4]).to_bytes()},
    )
    blocks = block_count(film.header.body_size)
    two = ready(Traffic(TODAY, 1), [film], TWO)
    assert [index for _, index in sent(two)] == [*range(5, blocks), 4, 3, 2]


def test_a_relay_says_itself_what_became_of_what_was_on_its_way() -> None:
    traffic = Traffic(TODAY, 2)
    film = [parcel(1, 1, Rank.ORIGINAL, size=200_000)]
    blocks = block_count(film[0].header.body_size)
    one, two = ready(traffic, film, ONE), ready(traffic, film, TWO)
    for index in range(4):
        assert one.choose() is not None, index
    [load] = traffic.loads(film, ONE)
    assert load.spread.in_doubt(ONE) == 0b1111
    one.confirm(load, [0])
    assert load.spread.in_doubt(ONE) == 0b1110
    one.give_back(load, [1, 2, 3])
    assert load.spread.in_doubt(ONE) == 0b1110
    load.spread.hold(ONE, 0b0011)
    assert load.spread.in_doubt(ONE) == 0
    assert [index for _, index in sent(two)] == list(range(2, blocks))


def test_a_relay_that_took_custody_is_not_offered_it_again_for_a_week() -> None:
    for days, again in ((0, False), (CUSTODY_DAYS, False), (CUSTODY_DAYS + 1, True)):
        held = parcel(1, 1, Rank.LETTER, words={ONE: (Word.SIGNED, TODAY - days)})
        assert due_for(held, ONE, TODAY) is again
        assert due_for(held, TWO, TODAY)
    half = parcel(1, 1, Rank.ORIGINAL, words={ONE: (Word.HALF, TODAY)})
    assert due_for(half, ONE, TODAY)


def test_what_is_held_without_a_receipt_is_offered_again_for_one() -> None:
    words = {ONE: (Word.HOLDS, TODAY)}
    assert due_for(parcel(1, 1, Rank.LETTER, words=words), ONE, TODAY)
    assert due_for(parcel(2, 1, Rank.ORIGINAL, words=words), ONE, TODAY)


def test_connections_take_pages_of_their_own_while_there_are_any() -> None:
    traffic = Traffic(TODAY, 1)
    film = parcel(1, 1, Rank.ORIGINAL, size=3_000_000)
    agenda = ready(traffic, [film], ONE)
    blocks = block_count(film.header.body_size)
    told: dict[str, list[int]] = {"a": [], "b": []}
    indices: list[int] = []
    while len(indices) < blocks:
        lane = "a" if len(indices) % 3 else "b"
        chosen = agenda.choose(lane=lane)
        assert chosen is not None
        load, index = chosen
        indices.append(index)
        page = index // PAGE_LEAVES
        if load.pages.get(lane) != page:
            told[lane].append(page)
        load.pages[lane] = page
    assert sorted(indices) == list(range(blocks))
    # Three pages: one is told by both, when no other is left.
    assert set(told["a"] + told["b"]) == {0, 1, 2}
    assert len(told["a"] + told["b"]) == 4
