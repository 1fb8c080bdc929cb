"""Pairing: which of many possible pairs are sure. Pure, and blind to the order in which they are given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

Key = tuple[str, str]
"""A member of the left or of the right side; none is on both."""

Rank = tuple[bool, ...]
"""What is missing of the evidence, the weightiest first: the smaller, the better. Equals are rivals."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A left and a right that may belong together."""

    left: Key
    right: Key
    rank: Rank


@dataclass(frozen=True, slots=True)
class Choice:
    """A pair that is sure."""

    edge: Edge
    #: One of as many lefts as rights, all alike, which were paired in their order.
    in_turn: bool


def choose(edges: Iterable[Edge], alike: Callable[[Key], Hashable], turn: Callable[[Key], object]) -> list[Choice]:
    """The pairs that are sure: never two with one member.

    A pair is sure when each is the other's only best. Then again among those that are left, until nothing is sure.
    Where as many lefts as rights compete and are `alike` among themselves, it makes no difference which goes with
    which: they are paired in the order of `turn` (then of their keys). All else stays.
    """
    chosen: list[Choice] = []
    left = list(edges)
    while left:
        best = _best(left)
        found = [Choice(edge, in_turn=False) for edge in _mutual(best) if _alone(best, edge)]
        found = found or [Choice(edge, in_turn=True) for edge in _in_turn(best, alike, turn)]
        if not found:
            break
        used = {member for each in found for member in (each.edge.left, each.edge.right)}
        left = [edge for edge in left if edge.left not in used and edge.right not in used]
        chosen += found
    return chosen


def _best(edges: Iterable[Edge]) -> dict[Key, list[Edge]]:
    """Of each member, the edges of its best rank."""
    best: dict[Key, list[Edge]] = {}
    for edge in edges:
        for member in (edge.left, edge.right):
            there = best.get(member)
            if there is None or edge.rank < there[0].rank:
                best[member] = [edge]
            elif edge.rank == there[0].rank:
                there.append(edge)
    return best


def _alone(best: Mapping[Key, list[Edge]], edge: Edge) -> bool:
    return len(best[edge.left]) == len(best[edge.right]) == 1


def _mutual(best: Mapping[Key, list[Edge]]) -> list[Edge]:
    """The edges that are among the best of both their ends."""
    return [
        edge
        for member, edges in best.items()
        for edge in edges
        if member == edge.left and edge.rank == best[edge.right][0].rank
    ]


def _in_turn(
    best: Mapping[Key, list[Edge]], alike: Callable[[Key], Hashable], turn: Callable[[Key], object]
) -> Iterator[Edge]:
    """The pairs of every group in which all lefts are alike, all rights are, and there are as many of both."""
    mutual = {(edge.left, edge.right): edge for edge in _mutual(best)}

    def order(member: Key) -> tuple[object, Key]:
        return turn(member), member

    for lefts, rights in _groups(best):
        if len(lefts) == len(rights) and len(set(map(alike, lefts))) == len(set(map(alike, rights))) == 1:
            pairs = list(zip(sorted(lefts, key=order), sorted(rights, key=order), strict=True))
            if all(pair in mutual for pair in pairs):
                yield from (mutual[pair] for pair in pairs)


def _groups(best: Mapping[Key, list[Edge]]) -> Iterator[tuple[set[Key], set[Key]]]:
    """Lefts and rights that compete with each other, directly or through others."""
    near: dict[Key, set[Key]] = defaultdict(set)
    for edges in best.values():
        for edge in edges:
            near[edge.left].add(edge.right)
            near[edge.right].add(edge.left)
    seen: set[Key] = set()
    for start in (edges[0].left for edges in best.values()):
        if start in seen:
            continue
        sides: tuple[set[Key], set[Key]] = ({start}, set())
        at, edge_of = 0, {start}
        while edge_of:
            at = 1 - at
            edge_of = {other for member in edge_of for other in near[member]} - sides[at]
            sides[at].update(edge_of)
        seen |= sides[0]
        yield sides
