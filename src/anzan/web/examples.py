"""Example questions that the page offers as buttons."""

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "Anna has 5,903,204 grapes. Carl has 8,417,312 grapes. Grace has 2,250,118 grapes. Henry has 4,631,907 grapes. "
        "Carl gave 2,644,873 grapes to Grace.",
        "Who has more grapes: Anna or Carl?",
    ),
    (
        "Paula has 3,402,119 marbles. Oscar has 7,918,204 marbles. Irene has 6,275,533 marbles. Fred has 1,904,866 "
        "marbles. Oscar gave 1,218,640 marbles to Fred.",
        "What is the maximum number of marbles owned either by Irene or Oscar?",
    ),
    (
        "Maria has 4,120,377 stamps. Peter has 4,318,205 stamps. Julia has 9,002,614 stamps. Robert has 2,771,093 "
        "stamps. Julia gave 4,761,482 stamps to Maria.",
        "What is the maximum number of stamps owned either by Julia or Peter?",
    ),
)
"""Passages and questions like those that the readers in this repository are trained on."""
