-- To find the post that somebody replied to: its address ends with its record key.
CREATE INDEX post_rkey ON post (root_rkey) WHERE state = 'published';
