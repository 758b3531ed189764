-- What tells a function whether to answer: what an item replies to, in which conversation, and what its author is.
ALTER TABLE inbox ADD COLUMN parent TEXT;
ALTER TABLE inbox ADD COLUMN root TEXT;
ALTER TABLE inbox ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
-- Why no function gets it.
ALTER TABLE inbox ADD COLUMN passed TEXT;
-- When a function answered it, and how many answers it has in the queue.
ALTER TABLE inbox ADD COLUMN answered_at TEXT;
ALTER TABLE inbox ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;
UPDATE inbox SET answers = 1 WHERE answer_id IS NOT NULL;

DROP INDEX inbox_unhandled;
CREATE INDEX inbox_unhandled ON inbox (account_did, id) WHERE handled_at IS NULL;
CREATE INDEX inbox_answered ON inbox (account_did, answered_at) WHERE answered_at IS NOT NULL;
