"""The words of possession problems: names of people and of the things they own."""

NAMES: tuple[str, ...] = tuple(
    """Aaron Adam Albert Alice Anna Arthur Barbara Bella Benjamin Bruce Carl Carol Charles Clara Daniel David Diana
    Donald Douglas Edith Edward Elena Emily Eric Fiona Frank Fred George Gloria Grace Hannah Harold Helen Henry Irene
    Isaac Jack James Jane Julia Karen Keith Laura Leonard Linda Louis Maria Martin Michael Nancy Nathan Oliver Olivia
    Oscar Paula Peter Rachel Richard Robert Rose Samuel Sarah Stella Thomas Victor Walter""".split()  # noqa: SIM905
)
OBJECTS: tuple[str, ...] = tuple(
    """apples balloons beads books bottles bricks buttons candles cards coins cookies cups dolls eggs flowers grapes
    lemons marbles melons mushrooms nuts onions oranges peaches pears pebbles pencils plums potatoes ribbons shells
    stamps stickers tomatoes""".split()  # noqa: SIM905
)
