SELECT convert_to('{"data":{"products":{"edges":[' || array_to_string(texts[1:$1], ',')
    || '],"pageInfo":{"hasNextPage":' || (cardinality(texts) > $1)
    || ',"endCursor":' || coalesce('"' || cursors[least($1, cardinality(cursors))] || '"', 'null') || '}}}}', 'UTF8')
FROM (SELECT array_agg(edge.text) AS texts, array_agg(edge.cursor) AS cursors FROM (
    SELECT cursor, '{"cursor":"' || cursor || '","node":{"id":"prd_' || encode(uuid_send(id), 'hex')
        || '","slug":"' || slug || '","name":' || to_json(name)::text || ',"available":' || available
        || ',"variants":[' || variants || '],"reviews":{"edges":[' || reviews || ']}}}' AS text
    FROM (SELECT p.id, p.slug, p.name,
        replace(replace(encode(convert_to('["FEATURED","' || p.featured_rank || '","' || encode(uuid_send(p.id), 'hex')
            || '"]', 'UTF8'), 'base64'), E'\n', ''), '=', '') AS cursor,
        EXISTS (SELECT FROM variant s WHERE s.product_id = p.id AND s.on_hand > 0 AND s.archived_at IS NULL OFFSET 0) AS available,
        array_to_string(ARRAY(
            SELECT '{"id":"var_' || encode(uuid_send(v.id), 'hex') || '","sku":"' || v.sku
                || '","size":' || coalesce(to_json(v.size)::text, 'null') || ',"available":' || (v.on_hand > 0 AND v.archived_at IS NULL)
                || ',"price":' || coalesce((
                    SELECT '{"amount":"' || vp.price * 0.01 || '","currencyCode":"' || vp.currency || '"}'
                    FROM variant_price vp WHERE vp.variant_id = v.id AND vp.currency = 'USD'), 'null') || '}'
            FROM variant v WHERE v.product_id = p.id AND v.archived_at IS NULL
            ORDER BY v.position), ',') AS variants,
        array_to_string(ARRAY(
            SELECT '{"node":{"id":"rev_' || encode(uuid_send(r.id), 'hex') || '","rating":' || r.rating
                || ',"title":' || coalesce(to_json(r.title)::text, 'null')
                || ',"body":' || coalesce(to_json(r.body)::text, 'null')
                || ',"publishedAt":"'
                || to_char(r.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"}}'
            FROM review r WHERE r.product_id = p.id AND r.status = 'PUBLISHED'
            ORDER BY r.published_at DESC, r.id DESC LIMIT 3), ',') AS reviews
    FROM product p WHERE p.archived_at IS NULL ORDER BY p.featured_rank, p.id LIMIT $1 + 1) page) edge) page
