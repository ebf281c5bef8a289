"""A structured query, read once: where to walk, what to ask of each document, how to order, cut and show.

Results in name order, whatever the filters, are a walk between two names. Other orders gather and sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from emulators.firestore.errors import invalid
from emulators.firestore.fields import NAME, FieldPath, find, parse_path
from emulators.firestore.filters import Filter, Predicate, compile_filter, name_key
from emulators.firestore.limits import check_filter
from emulators.firestore.nearest import Nearest, read_nearest
from emulators.firestore.paths import KEY_END, collection_id, key_of, path_of
from emulators.firestore.render import Render, some, whole, with_more
from emulators.firestore.store import Scope, Store
from emulators.firestore.values import Key, order_key

DESCENDING = 2


@dataclass(frozen=True, slots=True)
class Order:
    """One `order_by`."""

    path: FieldPath
    descending: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """A cursor on an order by fields: values for the first orders, and on which side of equal ones it lies."""

    keys: tuple[Key, ...]
    before: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Which documents a query is about, as one `from` selector under a parent says."""

    parent: str
    collection: str
    descendants: bool

    def scopes(self, store: Store, low: bytes, high: bytes, time: int) -> Iterator[Scope]:
        """What to walk, in name order."""
        parent = key_of(self.parent)
        low, high = max(low, parent + b"\x00"), min(high, parent + KEY_END)
        if self.descendants:
            yield Scope(store.group(self.collection) if self.collection else store.everything, low, high)
        elif self.collection:
            yield Scope(store.collection(self._under(self.collection)), low, high)
        else:
            for child in store.children(parent, parent, time):
                yield Scope(store.collection(path_of(child)), low, high)

    def _under(self, collection: str) -> str:
        return f"{self.parent}/{collection}" if self.parent else collection

    def has(self, path: str) -> bool:
        """Whether a document is among those."""
        collection, _, _ = path.rpartition("/")
        owner, _, name = collection.rpartition("/")
        if self.collection and name != self.collection:
            return False
        if not self.descendants:
            return owner == self.parent
        return not self.parent or path.startswith(self.parent + "/")


@dataclass(frozen=True, slots=True)
class Plan:
    """A query that can be run at any time, on the store it was made for."""

    store: Store
    source: Source
    low: bytes
    high: bytes
    predicate: Predicate | None
    orders: tuple[Order, ...]
    start: Bound | None
    end: Bound | None
    offset: int
    limit: int | None
    nearest: Nearest | None
    render: Render

    @property
    def by_name(self) -> bool:
        """Whether results come in name order."""
        return self.orders[0].path == NAME

    @property
    def countable(self) -> bool:
        """Whether every name between the bounds is a result."""
        return self.by_name and self.predicate is None and self.nearest is None

    def reaches(self, key: bytes, path: str) -> bool:
        """Whether a document lies where the query looks."""
        return self.low <= key < self.high and self.source.has(path)

    def up_to(self, key: bytes, document: Any) -> Plan:
        """The same up to a document among its results, without offset and limit."""
        if not self.by_name:
            last = Bound((*(self.sort_keys(document) or ()), (key,)), before=False)
            return replace(self, end=last, offset=0, limit=None)
        if self.orders[0].descending:
            return replace(self, low=max(self.low, key), offset=0, limit=None)
        return replace(self, high=min(self.high, key + b"\x00"), offset=0, limit=None)

    def scopes(self, time: int) -> list[Scope]:
        """What to walk, in the order of the results when that is by name."""
        found = list(self.source.scopes(self.store, self.low, self.high, time))
        return found[::-1] if self.orders[0].descending else found

    def sort_keys(self, document: Any) -> tuple[Key, ...] | None:
        """What a document is ordered by, its name left out; None when it has not got all of the fields."""
        keys = []
        for order in self.orders[:-1]:
            value = find(document.fields, order.path)
            if value is None:
                return None
            keys.append(order_key(value))
        return tuple(keys)

    def between(self, keys: tuple[Key, ...]) -> bool:
        """Whether a row with these keys, its name's last, lies between the cursors."""
        if self.start is not None:
            side = self._compare(keys, self.start.keys)
            if side < 0 or (side == 0 and not self.start.before):
                return False
        if self.end is not None:
            side = self._compare(keys, self.end.keys)
            return side < 0 or (side == 0 and not self.end.before)
        return True

    def _compare(self, keys: tuple[Key, ...], cursor: tuple[Key, ...]) -> int:
        for order, key, limit in zip(self.orders, keys, cursor, strict=False):
            if key != limit:
                return -1 if (key < limit) != order.descending else 1
        return 0


def make_plan(store: Store, parent: str, query: Any, also: Iterable[FieldPath] = ()) -> Plan:
    """Read a StructuredQuery under a parent's path, ordered by some fields `also`. Refuses what is invalid."""
    source = _source(parent, query)
    where = _where(store, query)
    orders = _orders(query, (where.inequalities if where else set()).union(also))
    limit = query.limit.value if query.HasField("limit") else None
    if query.offset < 0 or (limit is not None and limit < 0):
        raise invalid("offset and limit must not be negative.")
    nearest = read_nearest(query.find_nearest) if query.HasField("find_nearest") else None
    plan = Plan(
        store=store,
        source=source,
        low=where.low if where else b"\x00",
        high=where.high if where else KEY_END,
        predicate=where.predicate if where else None,
        orders=orders,
        start=None,
        end=None,
        offset=query.offset,
        limit=limit,
        nearest=nearest,
        render=_render(query, nearest),
    )
    return _cut_by_name(plan, query) if plan.by_name else _cut_by_fields(plan, query)


def _where(store: Store, query: Any) -> Filter | None:
    if not query.HasField("where"):
        return None
    check_filter(query.where, len(query.order_by))
    return compile_filter(query.where, store.root)


def _render(query: Any, nearest: Nearest | None) -> Render:
    paths = [parse_path(f.field_path) for f in query.select.fields] if query.HasField("select") else None
    if nearest is not None and nearest.shown is not None:
        return with_more(paths, nearest.show)
    return whole if paths is None else some(paths)


def _source(parent: str, query: Any) -> Source:
    selectors = query.from_
    if len(selectors) != 1:
        raise invalid("A query needs exactly one collection selector in `from`.")
    selector = selectors[0]
    if selector.collection_id:
        collection_id(selector.collection_id)
    return Source(parent, selector.collection_id, selector.all_descendants)


def _orders(query: Any, implied: set[FieldPath]) -> tuple[Order, ...]:
    orders = [Order(parse_path(o.field.field_path), o.direction == DESCENDING) for o in query.order_by]
    asked = {order.path for order in orders}
    if len(asked) < len(orders):
        raise invalid("A field is ordered by twice.")
    last = orders[-1].descending if orders else False
    orders += [Order(path, last) for path in sorted(implied - asked - {NAME})]
    names = [index for index, order in enumerate(orders) if order.path == NAME]
    # Names are distinct, so whatever follows one cannot matter.
    return tuple(orders[: names[0] + 1]) if names else (*orders, Order(NAME, last))


def _cursor_values(plan: Plan, cursor: Any) -> list[Any]:
    values = list(cursor.values)
    if len(values) > len(plan.orders):
        raise invalid("Cursor has too many values.")
    return values


def _cut_by_name(plan: Plan, query: Any) -> Plan:
    low, high = plan.low, plan.high
    down = plan.orders[0].descending
    for cursor, starts in ((query.start_at, True), (query.end_at, False)):
        values = _cursor_values(plan, cursor)
        if not values:
            continue
        key = name_key(values[0], plan.store.root)
        # The cursor's own document lies behind a cut before it, as seen in the direction of the walk.
        cut = key if cursor.before != down else key + b"\x00"
        if starts != down:
            low = max(low, cut)
        else:
            high = min(high, cut)
    return replace(plan, low=low, high=high)


def _cut_by_fields(plan: Plan, query: Any) -> Plan:
    def bound(cursor: Any) -> Bound | None:
        values = _cursor_values(plan, cursor)
        if not values:
            return None
        keys = tuple(map(order_key, values[: len(plan.orders) - 1]))
        if len(values) == len(plan.orders):
            keys += ((name_key(values[-1], plan.store.root),),)
        return Bound(keys, cursor.before)

    return replace(plan, start=bound(query.start_at), end=bound(query.end_at))
