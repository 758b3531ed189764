-- A key of the caller's own makes a repeated request add nothing.
ALTER TABLE action ADD COLUMN key text;
CREATE UNIQUE INDEX action_key ON action (account_did, key);
