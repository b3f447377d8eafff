"""Shipping methods: the query, and how staff change them."""

from auth.permissions import ANYONE
from reads.declare import many, value
from schema.shipping import ShippingMethod


@value(readers=ANYONE)
class ShippingQuery:
    shipping_methods: list[ShippingMethod] = many(order=lambda method: (method.pickup, method.code))
