"""What must hold of orders: their money, stock, shipments, returns and refunds."""

from tests.support.invariant import Invariant

OF_ORDERS = {
    "an order's lines add up to its subtotal, with what is altered": Invariant(
        """
        SELECT o.id FROM orders o LEFT JOIN order_line l ON l.order_id = o.id LEFT JOIN (
            SELECT order_line_id, sum(price) AS work FROM alteration GROUP BY 1
        ) a ON a.order_line_id = l.id GROUP BY o.id
        HAVING sum(l.total) IS DISTINCT FROM o.subtotal OR bool_or(l.currency <> o.currency)
            OR bool_or(l.total <> (l.unit_price + coalesce(a.work, 0)) * l.quantity)
            OR sum(l.discount_total) IS DISTINCT FROM o.discount_total
        """,
        "UPDATE order_line SET total = total + 1 WHERE position = 0",
    ),
    "an order's amounts add up to its total": Invariant(
        """
        SELECT o.id FROM orders o WHERE total <> subtotal - discount_total + shipping_total
                + CASE WHEN prices_include_tax THEN 0 ELSE tax_total END
            OR prices_include_tax <> (currency IN ('EUR', 'GBP'))
            OR tax_total <> shipping_tax_total + (SELECT sum(tax_total) FROM order_line WHERE order_id = o.id)
        """,
        "UPDATE orders SET tax_total = tax_total + 1 WHERE currency = 'USD'",
    ),
    "a tax is its rate of what is taxed, rounded once": Invariant(
        """
        SELECT id FROM (
            SELECT o.id, l.total - l.discount_total AS taxable, l.tax_rate AS rate, l.tax_total AS tax,
                prices_include_tax FROM orders o JOIN order_line l ON l.order_id = o.id
            UNION ALL SELECT id, shipping_total, shipping_tax_rate, shipping_tax_total, prices_include_tax FROM orders
        ) t WHERE tax <> round(taxable * rate / CASE WHEN prices_include_tax THEN 1 + rate ELSE 1 END)
        """,
        "UPDATE order_line SET tax_rate = 0.5",
    ),
    "shipping costs what the method says, nothing from its amount on or with a code": Invariant(
        """
        SELECT o.id FROM orders o LEFT JOIN shipping_method m ON m.code = o.shipping_method
        LEFT JOIN shipping_price p ON p.method_id = m.id AND p.currency = o.currency
        WHERE p.price IS NULL OR m.pickup <> NOT EXISTS (SELECT FROM order_address WHERE order_id = o.id)
            OR o.shipping_total <> CASE WHEN subtotal - discount_total >= free_from THEN 0 ELSE p.price END
            AND o.status <> 'CANCELLED' AND NOT EXISTS (
                SELECT FROM discount_use u JOIN discount d ON d.id = u.discount_id
                WHERE u.order_id = o.id AND d.kind = 'FREE_SHIPPING')
        """,
        "UPDATE shipping_price SET price = price + 1",
    ),
    "a code was used as often as it says, and within its limits": Invariant(
        """
        SELECT d.id FROM discount d LEFT JOIN discount_use u ON u.discount_id = d.id GROUP BY d.id
        HAVING count(u.order_id) <> d.used OR d.used > d.total_limit
        UNION ALL SELECT d.id FROM discount d JOIN discount_use u ON u.discount_id = d.id
        GROUP BY d.id, u.account_id HAVING count(*) > d.per_customer_limit
        UNION ALL SELECT d.id FROM discount_use u JOIN discount d ON d.id = u.discount_id
        JOIN orders o ON o.id = u.order_id WHERE o.account_id IS DISTINCT FROM u.account_id OR o.status = 'CANCELLED'
        """,
        "UPDATE discount SET used = used + 1 WHERE total_limit IS NULL",
    ),
    "on hand is the sum of the ledger, and never was below zero": Invariant(
        """
        SELECT v.id FROM variant v LEFT JOIN stock_entry e ON e.variant_id = v.id GROUP BY v.id
        HAVING coalesce(sum(e.change), 0) <> v.on_hand
        UNION ALL SELECT variant_id FROM (
            SELECT variant_id, balance, sum(change) OVER (PARTITION BY variant_id ORDER BY at, id) AS running
            FROM stock_entry
        ) l WHERE balance <> running
        """,
        "UPDATE variant SET on_hand = on_hand + 1",
    ),
    "an order took what it sold, and gave back what was cancelled or can be sold again": Invariant(
        """
        SELECT order_id FROM (
            SELECT order_id, variant_id, sum(quantity) AS sold, sum(cancelled_quantity) AS cancelled,
                sum((SELECT coalesce(sum(restocked), 0) FROM return_line r WHERE r.order_line_id = l.id)) AS restocked
            FROM order_line l GROUP BY 1, 2
        ) l LEFT JOIN (
            SELECT order_id, variant_id, sum(-change) FILTER (WHERE kind = 'SALE') AS sold,
                coalesce(sum(change) FILTER (WHERE kind = 'CANCELLATION'), 0) AS cancelled,
                coalesce(sum(change) FILTER (WHERE kind = 'RETURN'), 0) AS restocked
            FROM stock_entry WHERE order_id IS NOT NULL GROUP BY 1, 2
        ) e USING (order_id, variant_id)
        WHERE (l.sold, l.cancelled, l.restocked) IS DISTINCT FROM (e.sold, e.cancelled, e.restocked)
            AND EXISTS (SELECT FROM stock_entry WHERE order_id IS NOT NULL)
        """,
        "UPDATE stock_entry SET order_id = NULL WHERE id IN (SELECT id FROM stock_entry WHERE kind = 'SALE' LIMIT 9)",
    ),
    "an order is as far as its lines and shipments": Invariant(
        """
        SELECT o.id FROM orders o JOIN order_line l ON l.order_id = o.id LEFT JOIN (
            SELECT order_line_id, sum(quantity) AS shipped, bool_and(delivered_at IS NOT NULL) AS delivered
            FROM fulfillment_line JOIN fulfillment ON fulfillment.id = fulfillment_id GROUP BY 1
        ) f ON f.order_line_id = l.id GROUP BY o.id
        HAVING bool_or(l.fulfilled_quantity <> coalesce(f.shipped, 0))
            OR bool_and(l.fulfilled_quantity = l.quantity) <> (o.status IN ('FULFILLED', 'DELIVERED'))
            OR (sum(l.fulfilled_quantity) > 0) <> (o.status IN ('PARTIALLY_FULFILLED', 'FULFILLED', 'DELIVERED'))
            OR (coalesce(bool_and(f.delivered), false) AND o.status = 'DELIVERED') <> (o.delivered_at IS NOT NULL)
            OR (o.delivered_at IS NOT NULL) <> (o.status = 'DELIVERED')
            OR bool_and(l.cancelled_quantity = l.quantity) <> (o.status = 'CANCELLED')
            OR bool_or(l.cancelled_quantity NOT IN (0, l.quantity))
        """,
        "UPDATE fulfillment_line SET quantity = quantity + 1",
    ),
    "what the tailor has to do is as far as its order": Invariant(
        """
        SELECT a.id FROM alteration a JOIN orders o ON o.id = a.order_id JOIN order_line l ON l.id = a.order_line_id
        WHERE (a.status = 'CANCELLED') <> (o.status = 'CANCELLED') OR a.quantity <> l.quantity
            OR (l.fulfilled_quantity > 0) <> (a.status = 'DONE') OR a.order_id <> l.order_id
        UNION ALL SELECT o.id FROM orders o WHERE (status = 'IN_ALTERATION')
            <> EXISTS (SELECT FROM alteration WHERE order_id = o.id AND status = 'IN_PROGRESS')
        UNION ALL SELECT l.id FROM order_line l WHERE custom_made
            <> EXISTS (SELECT FROM alteration WHERE order_line_id = l.id AND kind = 'MADE_TO_MEASURE')
        """,
        "UPDATE alteration SET status = 'READY' WHERE status <> 'READY'",
    ),
    "what has to be measured was measured": Invariant(
        """
        SELECT l.id FROM order_line l JOIN variant v ON v.id = l.variant_id JOIN product p ON p.id = v.product_id
        WHERE (p.required_measurements <> '{}')
            <> EXISTS (SELECT FROM order_measurement m WHERE m.order_line_id = l.id)
            OR NOT p.custom_made AND p.required_measurements <> '{}'
        """,
        "UPDATE product SET required_measurements = '{HEAD}' WHERE required_measurements = '{}'",
    ),
    "what came back was received, and its request says so": Invariant(
        """
        SELECT l.id FROM order_line l LEFT JOIN return_line r ON r.order_line_id = l.id
        LEFT JOIN return_request q ON q.id = r.return_request_id GROUP BY l.id
        HAVING l.returned_quantity <> coalesce(sum(r.received_quantity), 0)
            OR bool_or(q.order_id <> l.order_id OR q.id IS NOT NULL AND l.custom_made)
        UNION ALL SELECT q.id FROM return_request q WHERE (status = 'REFUNDED')
            <> EXISTS (SELECT FROM refund WHERE return_request_id = q.id AND status = 'SUCCEEDED')
        """,
        "UPDATE order_line SET returned_quantity = 1 WHERE fulfilled_quantity > returned_quantity",
    ),
    "a refund is as large as the payment says, and as its parts, lines and shipping": Invariant(
        """
        SELECT o.id FROM orders o LEFT JOIN order_payment p ON p.order_id = o.id LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS amount FROM refund WHERE order_id = o.id AND status <> 'FAILED'
        ) r ON true WHERE r.amount <> refunded_total OR CASE p.status
            WHEN 'REFUNDED' THEN refunded_total <> total
            WHEN 'PARTIALLY_REFUNDED' THEN refunded_total NOT BETWEEN 1 AND total - 1
            ELSE p.status IS NULL OR refunded_total <> 0 END
        UNION ALL SELECT r.id FROM refund r
        WHERE amount <> (SELECT sum(amount) FROM refund_part WHERE refund_id = r.id)
            OR amount <> shipping_amount + (SELECT sum(amount) FROM refund_line WHERE refund_id = r.id)
        UNION ALL SELECT c.id FROM charge c
        WHERE refunded <> (SELECT coalesce(sum(amount), 0) FROM refund_part WHERE charge_id = c.id)
        """,
        "UPDATE orders SET refunded_total = 1",
    ),
    "an order was paid by a charge or in cash, to the cent": Invariant(
        """
        SELECT o.id FROM orders o LEFT JOIN order_payment p ON p.order_id = o.id LEFT JOIN LATERAL (
            SELECT sum(amount) AS amount, min(status) AS status FROM charge WHERE order_id = o.id
        ) c ON true LEFT JOIN LATERAL (
            SELECT sum(amount) AS amount, coalesce(sum(amount) FILTER (WHERE kind = 'CASH'), 0) AS cash
            FROM tender WHERE order_id = o.id
        ) t ON true WHERE coalesce(c.amount, 0) + coalesce(t.cash, 0) <> o.total
            OR (o.channel = 'IN_STORE') <> (t.amount IS NOT NULL) OR t.amount <> o.total
            OR c.status <> CASE p.status WHEN 'PENDING' THEN 'PENDING' WHEN 'FAILED' THEN 'FAILED' ELSE 'CAPTURED' END
            OR (p.last4 IS NULL) <> (c.status IS DISTINCT FROM 'CAPTURED')
        """,
        "UPDATE charge SET amount = amount + 1",
    ),
    "an order's timeline tells what happened to it, in its order": Invariant(
        """
        SELECT id FROM (SELECT order_id AS id, at, lag(at) OVER (PARTITION BY order_id ORDER BY id) AS before
            FROM order_event) e WHERE at < before
        UNION ALL SELECT o.id FROM orders o LEFT JOIN order_event e ON e.order_id = o.id GROUP BY o.id
        HAVING count(*) FILTER (WHERE e.kind = 'PLACED' AND e.at = o.placed_at) <> 1
            OR count(*) FILTER (WHERE e.kind = 'FULFILLED')
                <> (SELECT count(*) FROM fulfillment WHERE order_id = o.id)
            OR count(*) FILTER (WHERE e.kind = 'REFUNDED') <> (SELECT count(*) FROM refund WHERE order_id = o.id)
            OR count(*) FILTER (WHERE e.kind = 'RETURN_RECEIVED')
                <> (SELECT count(*) FROM return_request WHERE order_id = o.id AND status IN ('RECEIVED', 'REFUNDED'))
            OR count(*) FILTER (WHERE e.kind = 'RETURN_REQUESTED')
                <> (SELECT count(*) FROM return_request WHERE order_id = o.id)
            OR bool_or(e.kind = 'CANCELLED') <> (o.status = 'CANCELLED')
            OR bool_or(e.kind = 'DELIVERED') <> (o.status = 'DELIVERED')
        """,
        "DELETE FROM order_event WHERE kind = 'FULFILLED'",
    ),
}
