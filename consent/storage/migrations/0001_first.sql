-- The first shape of the database. {blob} is BLOB or BYTEA, {int} INTEGER or BIGINT, {strict} STRICT or nothing.
-- Instants are microseconds since 1970. Hashes stand for secrets. No sequences, no triggers, no engine's own JSON.

CREATE TABLE citizens (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'erased')),
  created_at {int} NOT NULL
) {strict};

-- Kept apart from the data in backups: without these rows sealed values and log entries are noise.
CREATE TABLE citizen_keys (
  citizen TEXT PRIMARY KEY REFERENCES citizens (id),
  version {int} NOT NULL,
  ring_key TEXT NOT NULL,
  data_key {blob} NOT NULL,
  subject_key {blob} NOT NULL
) {strict};

CREATE TABLE sealed_values (
  citizen TEXT NOT NULL REFERENCES citizens (id),
  name TEXT NOT NULL,
  version {int} NOT NULL,
  key_version {int} NOT NULL,
  sealed {blob} NOT NULL,
  commitment {blob} NOT NULL,
  source TEXT NOT NULL,
  as_of TEXT NOT NULL,
  created_at {int} NOT NULL,
  removed {int} NOT NULL,
  PRIMARY KEY (citizen, name, version)
) {strict};

CREATE TABLE organisations (
  id TEXT PRIMARY KEY,
  record {blob} NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('approved', 'suspended'))
) {strict};

CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  organisation TEXT NOT NULL REFERENCES organisations (id),
  name TEXT NOT NULL,
  jwks TEXT NOT NULL,
  redirect_uris TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('approved', 'suspended'))
) {strict};

CREATE TABLE purposes (
  id TEXT NOT NULL,
  version {int} NOT NULL,
  organisation TEXT NOT NULL REFERENCES organisations (id),
  record {blob} NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('approved', 'suspended')),
  PRIMARY KEY (id, version)
) {strict};

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  reference {blob} NOT NULL UNIQUE,
  client TEXT NOT NULL,
  organisation TEXT NOT NULL,
  purpose TEXT NOT NULL,
  purpose_version {int} NOT NULL,
  attributes TEXT NOT NULL,
  duration_days {int} NOT NULL,
  redirect_uri TEXT NOT NULL,
  code_challenge TEXT NOT NULL,
  state TEXT,
  dpop_jkt TEXT,
  asked_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  citizen TEXT,
  answered_at {int},
  answer TEXT CHECK (answer IN ('yes', 'no'))
) {strict};
CREATE INDEX requests_of_citizen ON requests (citizen, expires_at);
CREATE INDEX requests_by_expiry ON requests (expires_at);

-- The row that every disclosure and every ending of one grant goes through, under the lock of the log's head.
CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  organisation TEXT NOT NULL,
  client TEXT NOT NULL,
  purpose TEXT NOT NULL,
  purpose_version {int} NOT NULL,
  attributes TEXT NOT NULL,
  language TEXT NOT NULL,
  terms TEXT NOT NULL,
  granted_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'withdrawn', 'revoked', 'expired', 'frozen', 'erased')),
  ended_at {int},
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  nonce {blob} NOT NULL,
  sequence {int} NOT NULL,
  last {int} NOT NULL,
  day {int} NOT NULL,
  disclosed_today {int} NOT NULL
) {strict};
CREATE INDEX grants_of_citizen ON grants (citizen, client, purpose);
CREATE UNIQUE INDEX one_live_grant ON grants (citizen, client, purpose) WHERE state = 'live';
CREATE INDEX live_grants_by_expiry ON grants (expires_at) WHERE state = 'live';

CREATE TABLE codes (
  hash {blob} PRIMARY KEY,
  request TEXT NOT NULL,
  grant_id TEXT NOT NULL,
  client TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  code_challenge TEXT NOT NULL,
  jkt TEXT,
  expires_at {int} NOT NULL,
  used_at {int}
) {strict};
CREATE INDEX codes_by_expiry ON codes (expires_at);

CREATE TABLE tokens (
  hash {blob} PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh', 'client')),
  client TEXT NOT NULL,
  grant_id TEXT,
  jkt TEXT NOT NULL,
  issued_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  revoked_at {int},
  code {blob}
) {strict};
CREATE INDEX tokens_of_code ON tokens (code);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);

CREATE TABLE used_proofs (
  hash {blob} PRIMARY KEY,
  expires_at {int} NOT NULL
) {strict};
CREATE INDEX used_proofs_by_expiry ON used_proofs (expires_at);

CREATE TABLE disclosures (
  id TEXT PRIMARY KEY,
  grant_id TEXT NOT NULL REFERENCES grants (id),
  client TEXT NOT NULL,
  citizen TEXT NOT NULL,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  items TEXT NOT NULL,
  at {int} NOT NULL
) {strict};
CREATE INDEX disclosures_of_grant ON disclosures (grant_id, at);

CREATE TABLE memos (
  client TEXT NOT NULL,
  key {blob} NOT NULL,
  body {blob} NOT NULL,
  disclosure TEXT NOT NULL REFERENCES disclosures (id),
  created_at {int} NOT NULL,
  PRIMARY KEY (client, key)
) {strict};

CREATE TABLE uses (
  id TEXT NOT NULL UNIQUE,
  grant_id TEXT NOT NULL REFERENCES grants (id),
  citizen TEXT NOT NULL,
  template TEXT NOT NULL,
  day {int} NOT NULL,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  disclosures TEXT NOT NULL,
  attributes TEXT NOT NULL,
  disclosed_at {int} NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (grant_id, template, day)
) {strict};

CREATE TABLE refusals (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  reason TEXT NOT NULL,
  day {int} NOT NULL,
  count {int} NOT NULL,
  idx {int} NOT NULL,
  PRIMARY KEY (grant_id, reason, day)
) {strict};

CREATE TABLE sessions (
  hash {blob} PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  method TEXT NOT NULL,
  created_at {int} NOT NULL,
  seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  ended_at {int}
) {strict};
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE ceremonies (
  hash {blob} PRIMARY KEY,
  kind TEXT NOT NULL,
  challenge {blob} NOT NULL,
  user_handle {blob} NOT NULL,
  expires_at {int} NOT NULL,
  used_at {int}
) {strict};
CREATE INDEX ceremonies_by_expiry ON ceremonies (expires_at);

CREATE TABLE passkeys (
  credential {blob} PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  public_key {blob} NOT NULL,
  sign_count {int} NOT NULL,
  created_at {int} NOT NULL
) {strict};

CREATE TABLE personas (
  id TEXT PRIMARY KEY,
  citizen TEXT NOT NULL REFERENCES citizens (id),
  label {blob} NOT NULL,
  description {blob} NOT NULL
) {strict};

CREATE TABLE auditors (
  hash {blob} PRIMARY KEY,
  auditor TEXT NOT NULL,
  organisation TEXT NOT NULL,
  from_at {int} NOT NULL,
  until_at {int} NOT NULL,
  reason TEXT NOT NULL,
  expires_at {int} NOT NULL
) {strict};

-- One row a log: the lock. `note` is the newest signed checkpoint.
CREATE TABLE log_heads (
  log TEXT PRIMARY KEY,
  origin TEXT NOT NULL UNIQUE,
  size {int} NOT NULL,
  at {int} NOT NULL,
  epoch {int} NOT NULL,
  frozen {int} NOT NULL,
  note TEXT NOT NULL
) {strict};

CREATE TABLE log_entries (
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  leaf {blob} NOT NULL,
  PRIMARY KEY (log, idx)
) {strict};

CREATE TABLE log_openings (
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  organisation TEXT,
  at {int} NOT NULL,
  consent_key {blob} NOT NULL,
  audit_key {blob} NOT NULL,
  record {blob} NOT NULL,
  PRIMARY KEY (log, idx)
) {strict};
CREATE INDEX log_openings_of_organisation ON log_openings (organisation, at);

CREATE TABLE log_details (
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  sealed {blob} NOT NULL,
  PRIMARY KEY (log, idx)
) {strict};

CREATE TABLE citizen_entries (
  citizen TEXT NOT NULL,
  log TEXT NOT NULL,
  idx {int} NOT NULL,
  grant_id TEXT,
  nonce {blob} NOT NULL,
  PRIMARY KEY (citizen, log, idx)
) {strict};

-- A tile grows until it has 256 hashes; a partial tile is a prefix of it.
CREATE TABLE log_tiles (
  log TEXT NOT NULL,
  level {int} NOT NULL,
  n {int} NOT NULL,
  data {blob} NOT NULL,
  PRIMARY KEY (log, level, n)
) {strict};

CREATE TABLE log_checkpoints (
  log TEXT NOT NULL,
  size {int} NOT NULL,
  note TEXT NOT NULL,
  at {int} NOT NULL,
  PRIMARY KEY (log, size)
) {strict};
