"""What people and programs wrote elsewhere, read into rows of drafts: tables, files with front matter, output, HTML.

What does not live here: feeds (the feature `feeds`), and what a row means (`app.rows`).
"""
