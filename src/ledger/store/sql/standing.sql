-- name: standing
-- What commands are decided on: where streams stand, the first answers to keys, the end of the directory. The two arrays
-- of keys may be null. The subqueries are looked up one by one, by their keys, whatever the planner thinks of the tables.
SELECT
    (SELECT array_agg((SELECT s.version FROM ledger.stream AS s WHERE s.stream = w.stream) ORDER BY w.n)
     FROM unnest($1::text[]) WITH ORDINALITY AS w (stream, n)),
    k.fingerprints, k.positions, k.times, k.versions,
    ARRAY(SELECT l.position + 1 FROM ledger.log AS l
          WHERE l.stream LIKE 'unit/%' OR l.stream LIKE 'plan/%' OR l.stream LIKE 'calendar/%'
          ORDER BY l.position DESC LIMIT 1)
FROM (SELECT array_agg(i.fingerprint ORDER BY w.n) AS fingerprints, array_agg(i.position ORDER BY w.n) AS positions,
             array_agg(i.recorded_at ORDER BY w.n) AS times, array_agg(i.version ORDER BY w.n) AS versions
      FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS w (unit, key, n)
      LEFT JOIN LATERAL (SELECT * FROM ledger.idempotency AS i WHERE i.unit = w.unit AND i.key = w.key OFFSET 0) AS i ON true
     ) AS k
