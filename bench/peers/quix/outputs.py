"""Alerts and positions as the product's schemas have them; what the job has no figure for is zero, null or empty."""
import uuid

from job import inventory_position, on_order, reserved

UNIT = 1000.0
NAMESPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
RULE = {"document": "peers", "version": 1, "rule": "low-stock"}


def alert_id(sku, location, position):
    return str(uuid.uuid5(NAMESPACE, f"{sku}|{location}|{position['t'] // 1000}"))


def alert(rule, sku, location, position, at, state):
    name = alert_id(sku, location, position)
    held = inventory_position(position, at) / UNIT
    figures = {
        "reorder_point": rule.reorder_point / UNIT,
        "on_hand": position["h"] / UNIT,
        "reserved": reserved(position) / UNIT,
        "on_order": on_order(position) / UNIT,
        "inventory_position": held,
        "resolves_above": rule.resolves_above / UNIT,
    }
    text = f"{sku} at {location}: {held} with what is on order, reorder point {figures['reorder_point']}"
    return {
        "alert_id": name,
        "revision": position["n"],
        "episode_id": name,
        "kind": "low_stock",
        "state": state,
        "severity": "low",
        "mode": "active",
        "sku": sku,
        "location": location,
        "scope": None,
        "occurred_at": at,
        "detected_at": at,
        "opened_at": position["t"],
        "rule": RULE,
        "evidence": [{"name": figure, "value": value} for figure, value in figures.items()],
        "message": {"en": text, "zh_cn": ""},
    }


def public_position(rule, sku, location, position, at):
    on_hand, held = position.get("h"), reserved(position)
    return {
        "sku": sku,
        "location": location,
        "at": at,
        "on_hand_thousandths": on_hand,
        "reserved_thousandths": held,
        "available_thousandths": None if on_hand is None else on_hand - held,
        "on_order_thousandths": on_order(position),
        "velocity_per_day": 0.0,
        "sold_7d_thousandths": 0,
        "reorder_point": rule.reorder_point / UNIT,
        "safety_stock": None,
        "order_quantity": None,
        "days_of_cover": None,
        "idle_days": 0,
        "no_sale_probability_30d": 0.0,
        "threshold_method": "fixed",
        "suspect": bool(position.get("s")),
        "open_alerts": [alert_id(sku, location, position)] if position.get("a") else [],
        "abc": None,
        "xyz": None,
    }
