-- Since when an account publishes what is overdue, one post after the other with a gap between them.
ALTER TABLE account ADD COLUMN catching_up_since timestamptz;
