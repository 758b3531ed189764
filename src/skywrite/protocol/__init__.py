"""What others define: AT Protocol, records of Bluesky, media files, pages of strangers. No database."""
