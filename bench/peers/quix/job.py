"""The position fold and the low-stock decision, as in rules/src/position and a fixed `low_stock` rule. Never knows Kafka.

A position is a dict, as the state store keeps it: `h` on hand (absent while unknown), `s` suspect, `o` open purchase orders
{id: [open, ordered at, expected at]}, `r` reservations {order: quantity}, `a` alert is open, `n` its revision, `t` when it
opened. Quantities are integer thousandths, times milliseconds.
"""

INCOMING = {"sale_cancelled", "returned", "transferred_in", "adjusted"}
OUTGOING = {"transferred_out", "scrapped"}


def move(position, quantity):
    if "h" in position:
        position["h"] += quantity
        if position["h"] < 0:
            position["s"] = True


def set_on_hand(position, on_hand):
    position["h"] = on_hand
    if on_hand < 0:
        position["s"] = True
    else:
        position.pop("s", None)


def take(held, name, quantity, of):
    """Takes up to `quantity` off an entry, and the entry away when nothing is left."""
    if held and name in held:
        left = of(held[name]) - quantity if quantity is not None else 0
        if left <= 0:
            del held[name]
        return left
    return 0


def receive(position, po, quantity):
    orders = position.get("o")
    left = take(orders, po, quantity, lambda order: order[0])
    if left > 0:
        orders[po][0] = left


def release(position, order, quantity):
    reservations = position.get("r")
    left = take(reservations, order, quantity, lambda held: held)
    if left > 0:
        reservations[order] = left


def order(position, change, at):
    quantity, po, expected = change["quantity_thousandths"], change["po_id"], change["expected_at"]
    orders = position.setdefault("o", {})
    if po in orders:
        orders[po][0] += quantity
        orders[po][2] = expected if expected is not None else orders[po][2]
    elif quantity > 0:
        orders[po] = [quantity, at, expected]


def fold(position, change, at):
    kind, quantity = change["type"], change["quantity_thousandths"]
    if kind == "sold":
        move(position, -quantity)
        release(position, change["order_id"], quantity)
    elif kind in INCOMING:
        move(position, quantity)
    elif kind in OUTGOING:
        move(position, -quantity)
    elif kind in ("received", "lot_received"):
        move(position, quantity)
        receive(position, change["po_id"], quantity)
    elif kind == "counted":
        counted, book = change["counted_thousandths"], change["book_thousandths"]
        known = book is not None and "h" in position
        set_on_hand(position, position["h"] + counted - book if known else counted)
    elif kind == "balance_observed":
        set_on_hand(position, change["on_hand_thousandths"])
    elif kind == "reserved":
        held = position.setdefault("r", {})
        held[change["order_id"]] = held.get(change["order_id"], 0) + quantity
    elif kind == "released":
        release(position, change["order_id"], quantity)
    elif kind == "ordered":
        order(position, change, at)
    elif kind == "order_cancelled":
        receive(position, change["po_id"], quantity)


def weighted(order, at):
    """All of an order until it is due, then linearly less, nothing after one further lead time of its own."""
    open_rest, ordered_at, expected = order
    if expected is None or expected <= ordered_at or at <= expected:
        return open_rest
    span = expected - ordered_at
    return open_rest * max(span - (at - expected), 0) // span


def reserved(position):
    return sum(position["r"].values()) if position.get("r") else 0


def on_order(position):
    return sum(order[0] for order in position["o"].values()) if position.get("o") else 0


def inventory_position(position, at):
    """Available + on order, overdue orders discounted."""
    held = position["h"] - reserved(position)
    if position.get("o"):
        held += sum(weighted(order, at) for order in position["o"].values())
    return held


class LowStock:
    def __init__(self, reorder_point: int, hysteresis: float):
        self.reorder_point = reorder_point
        self.resolves_above = round(reorder_point * (1 + hysteresis))

    def judge(self, position, at):
        """The state an alert reaches, or None."""
        if "h" not in position:
            return None
        held = inventory_position(position, at)
        if not position.get("a"):
            return self.open(position, at) if held <= self.reorder_point else None
        if held > self.resolves_above and not position.get("s"):
            position["a"] = False
            position["n"] += 1
            return "resolved"
        return None

    @staticmethod
    def open(position, at):
        """Within the second of the alert before, that one is opened again."""
        if "n" not in position or at // 1000 > position["t"] // 1000:
            position["t"], position["n"] = at, 0
        position["a"] = True
        position["n"] += 1
        return "opened"
