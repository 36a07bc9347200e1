"""Merkle trees and pages (SPEC 4), against the RFC's recursion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.make_vectors.independent import merkle as independent

from qanat_protocol.errors import LocalMalformed
from qanat_protocol.merkle import (
    TreeBuilder,
    block_count,
    block_length,
    inclusion_path,
    inclusion_paths,
    leaf_hash,
    page_count,
    page_roots,
    root_by_path,
    root_of,
    verify_inclusion,
)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(index.to_bytes(4, "big")) for index in range(count)]


def built(given: list[bytes]) -> bytes:
    tree = TreeBuilder()
    for leaf in given:
        tree.add_leaf(leaf)
    return tree.root()


@pytest.mark.parametrize("count", [*range(130), 1024, 1025, 3000])
def test_a_root_is_the_same_by_levels_by_stack_and_by_recursion(count: int) -> None:
    given = leaves(count)
    assert root_of(given) == built(given) == independent.root(given)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 128, 170, 64 * 5 + 1])
def test_the_tree_over_page_roots_has_the_root_of_the_whole(count: int) -> None:
    given = leaves(count)
    roots = page_roots(given)
    assert len(roots) == -(-count // 64)
    assert root_of(roots) == root_of(given)


def test_a_block_hashes_unlike_a_node() -> None:
    left, right = leaves(2)
    assert leaf_hash(left + right) != root_of([left, right])
    assert leaf_hash(bytearray(b"ab")) == leaf_hash(memoryview(b"ab")) == leaf_hash(b"ab")


def test_a_root_may_be_asked_for_and_more_added() -> None:
    tree = TreeBuilder()
    given = leaves(5)
    for count, leaf in enumerate(given, start=1):
        tree.add_leaf(leaf)
        assert tree.root() == root_of(given[:count])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33])
def test_an_inclusion_path_shows_its_leaf_and_no_other(count: int) -> None:
    given = leaves(count)
    root = root_of(given)
    paths = inclusion_paths(given)
    assert len(paths) == count
    for index, leaf in enumerate(given):
        path = inclusion_path(given, index)
        assert path == paths[index]
        assert path == independent.inclusion_proof(index, given)
        assert verify_inclusion(leaf, index, count, path, root)
        assert not verify_inclusion(leaf_hash(b"other"), index, count, path, root)
        assert not verify_inclusion(leaf, index, count, path, leaf_hash(b"other"))
        assert not verify_inclusion(leaf, index, count, [*path, leaf], root)
        assert not path or not verify_inclusion(leaf, index, count, path[:-1], root)
        for other in range(count):
            assert verify_inclusion(leaf, other, count, path, root) == (other == index)


@given(
    st.integers(-1, 40),
    st.integers(-1, 40),
    st.lists(st.binary(min_size=32, max_size=32), max_size=8),
)
def test_a_made_up_path_shows_what_the_second_opinion_says(
    index: int, count: int, path: list[bytes]
) -> None:
    leaf = leaf_hash(b"x")
    try:
        root = independent.root_from_proof(leaf, index, count, path)
    except ValueError:
        assert not verify_inclusion(leaf, index, count, path, leaf)
    else:
        assert verify_inclusion(leaf, index, count, path, root)


@pytest.mark.parametrize("index", [-1, 3])
def test_nothing_is_shown_of_a_leaf_that_is_not_there(index: int) -> None:
    given = leaves(3)
    assert not verify_inclusion(given[0], index, 3, inclusion_path(given, 0), root_of(given))


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(LocalMalformed):
        inclusion_path(leaves(3), index)


@pytest.mark.parametrize(
    ("body_size", "blocks", "last", "pages"),
    [
        (4096, 1, 4096, 1),
        (16_384, 1, 16_384, 1),
        (16_385, 2, 1, 1),
        (64 * 16_384, 64, 16_384, 1),
        (64 * 16_384 + 1, 65, 1, 2),
        (2**30, 65_536, 16_384, 1024),
    ],
)
def test_a_body_is_cut_into_blocks_and_pages(
    body_size: int, blocks: int, last: int, pages: int
) -> None:
    assert block_count(body_size) == blocks
    assert page_count(body_size) == pages
    assert block_length(body_size, blocks - 1) == last
    assert block_length(body_size, 0) == min(body_size, 16_384)
    for beyond in (-1, blocks):
        with pytest.raises(LocalMalformed):
            block_length(body_size, beyond)


def test_no_path_leads_from_behind_the_last_leaf() -> None:
    assert root_by_path(bytes(32), 0, 1, []) == bytes(32)
    assert root_by_path(bytes(32), 1, 1, []) is None
