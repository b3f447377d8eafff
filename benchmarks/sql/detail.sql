SELECT convert_to('{"data":{"product":' || coalesce((
    SELECT '{"id":"prd_' || encode(uuid_send(p.id), 'hex') || '","slug":"' || p.slug || '","name":'
        || to_json(p.name)::text || ',"description":' || coalesce(to_json(p.description)::text, 'null')
        || ',"careInstructions":' || coalesce(to_json(p.care_instructions)::text, 'null')
        || ',"audience":' || to_json(p.audience)::text
        || ',"brand":' || coalesce((
            SELECT '{"slug":"' || b.slug || '","name":' || to_json(b.name)::text || '}'
            FROM brand b WHERE b.id = p.brand_id), 'null')
        || ',"rating":{"average":'
        || coalesce('"' || round(p.rating_sum::numeric / nullif(p.rating_count, 0), 2) || '"', 'null')
        || ',"count":' || p.rating_count
        || '},"variants":[' || array_to_string(ARRAY(
            SELECT '{"id":"var_' || encode(uuid_send(v.id), 'hex') || '","sku":"' || v.sku
                || '","size":' || coalesce(to_json(v.size)::text, 'null')
                || ',"color":' || coalesce(to_json(v.color)::text, 'null') || ',"available":' || (v.on_hand > 0 AND v.archived_at IS NULL)
                || ',"price":' || coalesce((
                    SELECT '{"amount":"' || vp.price * 0.01 || '","currencyCode":"' || vp.currency || '"}'
                    FROM variant_price vp WHERE vp.variant_id = v.id AND vp.currency = 'USD'), 'null') || '}'
            FROM variant v WHERE v.product_id = p.id AND v.archived_at IS NULL
            ORDER BY v.position), ',')
        || '],"reviews":{"edges":[' || array_to_string(ARRAY(
            SELECT '{"node":{"id":"rev_' || encode(uuid_send(r.id), 'hex') || '","rating":' || r.rating
                || ',"title":' || coalesce(to_json(r.title)::text, 'null')
                || ',"body":' || coalesce(to_json(r.body)::text, 'null')
                || ',"publishedAt":"'
                || to_char(r.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                || '","helpfulCount":' || r.helpful_count || '}}'
            FROM review r WHERE r.product_id = p.id AND r.status = 'PUBLISHED'
            ORDER BY r.published_at DESC, r.id DESC LIMIT 10), ',') || ']}}'
    FROM product p WHERE p.slug = $1), 'null') || '}}', 'UTF8')
