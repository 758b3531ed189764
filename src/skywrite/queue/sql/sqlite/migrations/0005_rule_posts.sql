-- The few posts of a rule that are still to go out, which the worker asks for every minute, among all that it has made.
CREATE INDEX post_rule_waiting ON post (recurrence_id)
  WHERE recurrence_id IS NOT NULL AND state IN ('draft', 'scheduled', 'publishing');
