"""Hypothesis strategies for every frame of SPEC section 17, its fields within their limits."""

from typing import Any

from hypothesis import strategies as st

from qanat_protocol import frames
from qanat_protocol.frames import AckEntry, AckStatus, Answer, Frame, PublicWant

Strategy = st.SearchStrategy[Any]

uints = st.one_of(
    st.integers(0, 2**53 - 1),
    st.sampled_from([0, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53 - 1]),
)
u32s = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 2**31, 2**32 - 1]))
numbers = st.integers(0, 31)
handles = st.integers(0, 70_000)
cursors = st.binary(max_size=64)
maybe_cursors = st.none() | cursors
bits = st.integers(0, 32)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


def tuples_of(size: int, most: int) -> Strategy:
    return st.lists(exactly(size), min_size=1, max_size=most).map(tuple)


def masked(prefix: int, count: int) -> bytes:
    return (prefix & ~(0xFFFFFFFF >> count) & 0xFFFFFFFF).to_bytes(4, "big")


@st.composite
def replies_interests(draw: st.DrawFn) -> Frame:
    count = draw(bits)
    return frames.RepliesInterest(draw(numbers), count, masked(draw(u32s), count))


@st.composite
def opened_interests(draw: st.DrawFn) -> Frame:
    count = draw(bits)
    prefixes = draw(st.lists(u32s, min_size=1, max_size=64))
    masks = tuple(masked(prefix, count) for prefix in prefixes)
    return frames.OpenedInterest(draw(numbers), count, masks, draw(u32s))


@st.composite
def bisects(draw: st.DrawFn) -> Frame:
    count = draw(bits)
    prefix = masked(draw(u32s), count)
    return frames.Bisect(draw(numbers), count, prefix, draw(u32s), draw(st.integers(0, 2048)))


@st.composite
def desk_interests(draw: st.DrawFn) -> Frame:
    first = draw(st.integers(0, 2**32 - 128))
    return frames.DeskInterest(
        draw(numbers),
        draw(st.binary(max_size=8192)),
        draw(exactly(32)),
        first,
        first + draw(st.integers(0, 127)),
        draw(maybe_cursors),
        draw(exactly(65)),
        draw(st.none() | st.just(b"") | exactly(512)),
    )


lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=256).filter(
    lambda text: len(text.encode()) <= 256
)
public_wants = st.builds(PublicWant, exactly(16), uints, uints)
ack_entries = st.builds(AckEntry, handles, st.sampled_from(AckStatus), uints)
bitmaps = st.binary(max_size=300).map(lambda packed: packed.rstrip(b"\0"))
bodies = st.one_of(st.binary(min_size=1, max_size=300), st.just(b"\xff" * 16_384))

BY_TYPE: dict[str, Strategy] = {
    "hello": st.builds(frames.Hello, st.lists(uints, min_size=1, max_size=8).map(tuple)),
    "welcome": st.builds(frames.Welcome, uints, u32s, exactly(16), uints, bits, bits, uints),
    "desk": desk_interests(),
    "replies": replies_interests(),
    "opened interest": opened_interests(),
    "public": st.builds(
        frames.PublicInterest,
        numbers,
        st.lists(public_wants, min_size=1, max_size=32).map(tuple),
    ),
    "all": st.builds(frames.AllInterest, numbers, exactly(32), maybe_cursors, exactly(65)),
    "cursor": st.builds(frames.Cursor, numbers, cursors),
    "offers": st.builds(frames.Offers, uints, tuples_of(16, 20)),
    "answers": st.builds(
        frames.Answers,
        uints,
        st.lists(st.sampled_from(Answer), min_size=1, max_size=40).map(tuple),
    ),
    "partial": st.builds(frames.Partial, exactly(32), bitmaps),
    "want": st.builds(frames.Want, tuples_of(16, 20)),
    "header": st.builds(frames.HeaderFrame, handles, exactly(96)),
    "leaves": st.builds(frames.Leaves, handles, st.integers(0, 1024), tuples_of(32, 20)),
    "block": st.builds(frames.Block, handles, uints, bodies),
    "ack": st.builds(frames.Ack, uints, st.lists(ack_entries, min_size=1, max_size=20).map(tuple)),
    "receipt": st.builds(frames.Receipt, u32s, exactly(16), tuples_of(32, 20), exactly(65)),
    "opened": st.builds(frames.Opened, exactly(32), exactly(32), exactly(32), exactly(65)),
    "purge": st.builds(frames.Purge, exactly(32), exactly(32)),
    "stamp": st.builds(frames.Stamp, exactly(32), u32s, uints, exactly(16)),
    "cells": st.builds(
        frames.Cells, numbers, u32s, st.integers(0, 20).flatmap(lambda k: exactly(12 * k))
    ),
    "sketch": st.builds(
        frames.Sketch, numbers, u32s, exactly(16), exactly(32), uints, st.integers(0, 2048)
    ),
    "bisect": bisects(),
    "lack": st.builds(frames.Lack, numbers, st.just(()) | tuples_of(5, 20)),
    "card interest": st.builds(frames.CardInterest, numbers),
    "card": st.builds(frames.Card, st.binary(min_size=1, max_size=64)),
    "idle": st.builds(frames.Idle, st.integers(0, 2**53 - 1)),
    "error": st.builds(frames.Error, uints, lines),
    "end": st.just(frames.End()),
}

any_frame: st.SearchStrategy[Frame] = st.one_of(*BY_TYPE.values())

# What may be said at any time once a direction is open.
free_frame: st.SearchStrategy[Frame] = st.one_of(
    *(
        strategy
        for name, strategy in BY_TYPE.items()
        if name not in {"hello", "welcome", "offers", "answers", "end"}
    )
)
