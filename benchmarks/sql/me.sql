WITH viewer AS (
    SELECT s.account_id FROM login_session s JOIN account a ON a.id = s.account_id
    WHERE s.token_digest = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
        AND s.last_used_at + s.idle_seconds * interval '1 second' > now() AND a.disabled_at IS NULL
        AND a.kind = 'CUSTOMER'
)
SELECT convert_to('{"data":{"me":' || coalesce((
    SELECT '{"id":"cus_' || encode(uuid_send(a.id), 'hex') || '","name":' || to_json(a.name)::text
        || ',"email":' || to_json(a.email)::text
        || ',"addresses":[' || array_to_string(ARRAY(
            SELECT '{"id":"adr_' || encode(uuid_send(d.id), 'hex')
                || '","label":' || coalesce(to_json(d.label)::text, 'null')
                || ',"recipientName":' || to_json(d.recipient_name)::text || ',"line1":' || to_json(d.line1)::text
                || ',"line2":' || coalesce(to_json(d.line2)::text, 'null')
                || ',"city":' || coalesce(to_json(d.city)::text, 'null')
                || ',"region":' || coalesce(to_json(d.region)::text, 'null')
                || ',"postalCode":' || coalesce(to_json(d.postal_code)::text, 'null')
                || ',"countryCode":' || to_json(d.country_code)::text || '}'
            FROM address d WHERE d.account_id = a.id ORDER BY d.id), ',')
        || '],"orders":{"edges":[' || array_to_string(ARRAY(
            SELECT '{"node":{"id":"ord_' || encode(uuid_send(o.id), 'hex') || '","number":"' || o.number
                || '","placedAt":"' || to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                || '","status":"' || o.status || '","total":{"amount":"' || o.total * 0.01
                || '","currencyCode":"' || o.currency
                || '"},"lines":[' || array_to_string(ARRAY(
                    SELECT '{"id":"orl_' || encode(uuid_send(l.id), 'hex') || '","sku":' || to_json(l.sku)::text
                        || ',"productName":' || to_json(l.product_name)::text || ',"quantity":' || l.quantity
                        || ',"unitPrice":{"amount":"' || l.unit_price * 0.01
                        || '","currencyCode":"' || l.currency || '"}}'
                    FROM order_line l WHERE l.order_id = o.id ORDER BY l.position), ',') || ']}}'
            FROM orders o WHERE o.account_id = a.id ORDER BY o.placed_at DESC, o.id DESC LIMIT 5), ',') || ']}}'
    FROM account a, viewer w WHERE a.id = w.account_id), 'null') || '}}', 'UTF8')
