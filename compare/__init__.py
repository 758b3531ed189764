"""Two versions of the program compared: everything that it shows is recorded, one file each, and two recordings diffed.

What lives here: a filled database (`world`), what is asked of it (`commands`, `requests`, `surface`), what makes two
recordings of the same code identical (`stage`, `normal`), and the difference (`difference`). Nothing depends on where a
module of the program lives: the command line, HTTP, libraries and the public names are the ways in. The few inner names
that are needed nevertheless stand in `inner`.
"""
