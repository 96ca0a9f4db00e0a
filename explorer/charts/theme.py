"""One colour per concept, the same on every page, legible on light and dark ground.

Mid tones with a contrast of at least 3:1 on both white and near-black; charts never rely on colour
alone (dashes, labels or hover say the same).
"""

QUERY = "#d9822b"  # orange
KEY = "#3f8fd2"  # blue
VALUE = "#3d9a60"  # green
TRAIN = "#3f8fd2"
VALIDATION = "#d9622b"
REFERENCE = "#8a8f98"
COUNTED = "#8a8f98"
LEARNED = "#a06bd1"  # violet
INPUT = "#4a76a8"  # steel blue; white letters stand on it
TARGET = "#a0568c"  # plum; likewise
PROBABILITY = "#4a86c5"
BAD = "#d1495b"

CONCEPTS = {
    "query": QUERY,
    "key": KEY,
    "value": VALUE,
    "train": TRAIN,
    "validation": VALIDATION,
    "counted": COUNTED,
    "learned": LEARNED,
}
