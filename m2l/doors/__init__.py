"""One door for each kind of thing that comes in or goes out.

songs, pictures and tables are read here and nowhere else; outputs are written, settings checked
and caches kept here. What cannot be used raises `m2l.errors.InputError`, in one line.
"""
