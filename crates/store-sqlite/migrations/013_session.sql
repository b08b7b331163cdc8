-- Who vouches for the users of an app: each provider has one or more public keys.
CREATE TABLE identity_providers (
    key        INTEGER PRIMARY KEY,
    app        INTEGER NOT NULL REFERENCES apps (key),
    uuid       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (app, uuid)
) STRICT;

CREATE TABLE identity_keys (
    provider   INTEGER NOT NULL REFERENCES identity_providers (key),
    uuid       BLOB    NOT NULL,
    public_key BLOB    NOT NULL, -- DER of PKCS#1
    created_at INTEGER NOT NULL,
    PRIMARY KEY (provider, uuid)
) STRICT, WITHOUT ROWID;

-- SHA-256 hashes; the tokens themselves are nowhere.
CREATE TABLE sessions (
    hash       BLOB    PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES users (key),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A nonce carries its time and a signature, so only those that were used are remembered, until they expire.
CREATE TABLE used_nonces (
    hash       BLOB    PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_nonces_by_expiry ON used_nonces (expires_at);

-- One row: what nonces are signed with. Unlike the secrets it goes with a reset, and all nonces with it.
CREATE TABLE nonce_key (
    key   INTEGER PRIMARY KEY CHECK (key = 0),
    value BLOB    NOT NULL
) STRICT;
