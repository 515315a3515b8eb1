-- name: draft.get
SELECT organisation, purpose, sketch, revision, changed_at
FROM drafts
WHERE organisation = $1 AND purpose = $2;

-- name: draft.put
INSERT INTO drafts
  (organisation, purpose, sketch, revision, changed_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation, purpose) DO UPDATE SET
  sketch = excluded.sketch, revision = excluded.revision, changed_at = excluded.changed_at;

-- name: draft.of_organisation
SELECT organisation, purpose, sketch, revision, changed_at
FROM drafts
WHERE organisation = $1
ORDER BY purpose;

-- name: draft.remove
DELETE FROM drafts WHERE organisation = $1 AND purpose = $2;
