-- name: append
-- Take a batch of appends in one statement, and answer each (migration 0001 says how).
SELECT statuses, positions, times, versions, reasons
FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
