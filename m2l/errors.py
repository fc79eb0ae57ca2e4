"""The one error that a command turns into a single clear line."""


class InputError(ValueError):
    """Something that was handed in cannot be used.

    The message is one line for the person at the keyboard: which file or value, what was
    expected, what to do next. A command prints it and exits with status 2; a batch logs it,
    counts it and goes on.
    """

    def __str__(self):
        return super().__str__().replace("\n", "\\n")  # of a file's name
