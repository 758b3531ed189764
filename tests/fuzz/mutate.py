"""New input out of old: bytes flipped, pieces repeated, moved and joined, words of the format put in. Seeded."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

LENGTH_MAX = 60_000
_NUMBERS = (0, 1, 7, 8, 15, 16, 127, 128, 255)


class Mutator:
    """Makes input for one fuzzer. What `keep` is given is used again."""

    def __init__(self, samples: Sequence[bytes], words: Sequence[bytes], seed: int) -> None:
        self._random = Random(seed)
        self._pool = list(samples)
        self._words = tuple(words) or (b"\x00",)

    def next(self) -> bytes:
        """The next input."""
        random = self._random
        data = bytearray(random.choice(self._pool))
        for _ in range(1 + int(random.expovariate(0.5))):
            self._change(data)
        return bytes(data[:LENGTH_MAX])

    def keep(self, data: bytes) -> None:
        """Go on from this input, too: it was read to its end."""
        if len(self._pool) < 300 and len(data) < 10_000:
            self._pool.append(data)

    def _change(self, data: bytearray) -> None:
        random = self._random
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + int(random.expovariate(0.05)))
        kind = random.randrange(9)
        if kind == 0 and data:
            data[at % len(data)] = random.choice((*_NUMBERS, random.randrange(256)))
        elif kind == 1:
            data[at:end] = b""
        elif kind == 2:
            data[at:at] = data[at:end] * random.choice((1, 2, 10, 200))
        elif kind in (3, 4):
            data[at:at] = random.choice(self._words)
        elif kind == 5:
            data[at:end] = random.choice(self._words) * random.choice((1, 1, 3, 100, 3000))
        elif kind == 6:
            other = random.choice(self._pool)
            start = random.randrange(len(other) + 1)
            data[at:end] = other[start : start + 200]
        elif kind == 7 and data:
            data[at % len(data)] ^= 1 << random.randrange(8)
        else:
            data[at:at] = random.randbytes(random.randrange(1, 8))
        del data[LENGTH_MAX:]
