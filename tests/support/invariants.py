"""What must hold of a shop's rows, whoever wrote them."""

from tests.support.invariant import Invariant
from tests.support.invariants_of_orders import OF_ORDERS

INVARIANTS = {
    **OF_ORDERS,
    "a product's prices are the least and greatest of its variants'": Invariant(
        """
        SELECT product_id, currency FROM product_price p FULL JOIN (
            SELECT product_id, currency, min(price) AS minimum, max(price) AS maximum
            FROM variant v JOIN variant_price ON variant_id = v.id JOIN product ON product.id = v.product_id
            WHERE v.archived_at IS NOT DISTINCT FROM product.archived_at GROUP BY 1, 2
        ) v USING (product_id, currency) WHERE (p.minimum, p.maximum) IS DISTINCT FROM (v.minimum, v.maximum)
        """,
        "DELETE FROM product_price WHERE product_id = (SELECT min(product_id::text)::uuid FROM product_price)",
    ),
    "with a product all its variants are archived": Invariant(
        """
        SELECT v.id FROM variant v JOIN product p ON p.id = v.product_id
        WHERE p.archived_at IS NOT NULL AND v.archived_at IS NULL
        """,
        "UPDATE product SET archived_at = now()",
    ),
    "a product's rating sums up its published reviews": Invariant(
        """
        SELECT product.id FROM product LEFT JOIN LATERAL (
            SELECT count(*) AS count, coalesce(sum(rating), 0) AS sum,
                count(*) FILTER (WHERE verified_purchase) AS verified,
                ARRAY(
                    SELECT count(r.id) FROM generate_series(1, 5) stars LEFT JOIN review r
                    ON r.product_id = product.id AND r.rating = stars AND r.status = 'PUBLISHED'
                    GROUP BY stars ORDER BY stars
                ) AS histogram
            FROM review WHERE product_id = product.id AND status = 'PUBLISHED'
        ) r ON true
        WHERE (rating_count, rating_sum, rating_verified, rating_histogram)
            IS DISTINCT FROM (r.count, r.sum, r.verified, r.histogram::int[])
        """,
        "UPDATE review SET rating = 6 - rating WHERE status = 'PUBLISHED' AND rating <> 3",
    ),
    "what belongs to an order names its account and channel": Invariant(
        """
        SELECT o.id FROM orders o JOIN (
            SELECT order_id, account_id, channel FROM order_contact
            UNION ALL SELECT order_id, account_id, channel FROM order_address
            UNION ALL SELECT order_id, account_id, channel FROM order_payment
            UNION ALL SELECT order_id, account_id, channel FROM fulfillment
            UNION ALL SELECT order_id, account_id, channel FROM alteration
            UNION ALL SELECT order_id, account_id, channel FROM return_request
            UNION ALL SELECT order_id, g.account_id, g.channel FROM order_line JOIN order_gift g ON order_line_id = id
            UNION ALL SELECT order_id, m.account_id, m.channel FROM order_line
                JOIN order_measurement m ON order_line_id = id
        ) p ON p.order_id = o.id WHERE (p.account_id, p.channel) IS DISTINCT FROM (o.account_id, o.channel)
        """,
        "UPDATE order_payment SET channel = 'PHONE'",
    ),
    "whoever ordered has an account, a contact, and addresses unless it was in the store": Invariant(
        """
        SELECT o.id FROM orders o LEFT JOIN account a ON a.id = o.account_id
        LEFT JOIN order_contact c ON c.order_id = o.id WHERE a.email IS DISTINCT FROM c.email
            OR (o.channel <> 'IN_STORE')::int * 2 <> (SELECT count(*) FROM order_address d WHERE d.order_id = o.id)
        """,
        "DELETE FROM order_address WHERE kind = 'BILLING'",
    ),
    "an order's lines copy the variants as they are": Invariant(
        """
        SELECT l.id FROM order_line l LEFT JOIN variant v ON v.id = l.variant_id LEFT JOIN product p
        ON p.id = v.product_id JOIN orders o ON o.id = l.order_id LEFT JOIN variant_price vp
        ON (vp.variant_id, vp.currency) = (v.id, o.currency)
        WHERE (l.sku, l.product_name, l.size, l.color, l.unit_price, l.custom_made)
            IS DISTINCT FROM (v.sku, p.name, v.size, v.color, vp.price, p.custom_made)
        """,
        "UPDATE variant SET sku = sku || 'X'",
    ),
    "a verified review is of a product that its author had got before": Invariant(
        """
        SELECT r.id FROM review r WHERE verified_purchase AND NOT EXISTS (
            SELECT FROM orders o JOIN order_line l ON l.order_id = o.id JOIN variant v ON v.id = l.variant_id
            WHERE o.account_id = r.account_id AND v.product_id = r.product_id AND o.status = 'DELIVERED'
                AND o.delivered_at < r.created_at)
        """,
        "UPDATE review SET created_at = '2001-01-01'",
    ),
    "everything happens after what it needs, and before now": Invariant(
        """
        SELECT o.id FROM orders o JOIN account a ON a.id = o.account_id
            WHERE placed_at NOT BETWEEN a.created_at AND now()
        UNION ALL SELECT r.id FROM review r JOIN account a ON a.id = r.account_id
            WHERE r.created_at NOT BETWEEN a.created_at AND now() OR r.published_at NOT BETWEEN r.created_at AND now()
        UNION ALL SELECT o.id FROM orders o LEFT JOIN fulfillment f ON f.order_id = o.id
            LEFT JOIN order_event e ON e.order_id = o.id LEFT JOIN charge c ON c.order_id = o.id
            WHERE f.shipped_at NOT BETWEEN o.placed_at AND now() OR f.delivered_at NOT BETWEEN f.shipped_at AND now()
                OR e.at NOT BETWEEN o.placed_at AND now() OR c.settled_at NOT BETWEEN c.created_at AND now()
        UNION ALL SELECT variant_id FROM stock_entry WHERE at > now()
        UNION ALL SELECT id FROM product WHERE created_at > now() OR archived_at > now()
        UNION ALL SELECT id FROM account WHERE email_verified_at NOT BETWEEN created_at AND now()
        """,
        "UPDATE account SET created_at = now()",
    ),
    "each kind of address has one default at most, the first": Invariant(
        """
        SELECT a.id FROM address a JOIN (SELECT account_id, kind, min(address.id::text)::uuid AS first
            FROM address, unnest(kinds) kind GROUP BY 1, 2) f ON f.account_id = a.account_id AND kind = ANY (kinds)
        WHERE CASE kind WHEN 'SHIPPING' THEN is_default_shipping WHEN 'BILLING' THEN is_default_billing
            ELSE a.id = f.first END <> (a.id = f.first)
        """,
        "UPDATE address SET is_default_shipping = false",
    ),
    "every customer has accepted the policy and made its choices through its channel": Invariant(
        """
        SELECT a.id FROM account a LEFT JOIN acknowledgement k ON k.account_id = a.id AND k.channel = a.channel
        LEFT JOIN preference p ON p.account_id = a.id AND p.channel = a.channel
        LEFT JOIN communication_preference c ON c.account_id = a.id AND c.channel = a.channel
        WHERE a.kind = 'CUSTOMER' GROUP BY a.id
        HAVING (count(k.id), count(p.account_id), count(c.account_id)) <> (1, 1, 1)
        """,
        "UPDATE acknowledgement SET channel = 'PHONE'",
    ),
}
