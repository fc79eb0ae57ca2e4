"""The study itself: what the rules of the Snakefile run; nothing below imports from here."""
