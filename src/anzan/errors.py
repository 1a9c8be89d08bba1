"""The one error for mistakes that a user can mend."""


class AnzanError(ValueError):
    """Input or settings that cannot be used: one line that names the input and the mend."""
