"""Open each file below a folder and read its first 8 KB: what reading headers costs at least."""

import os
import sys

HEAD = 8192


def main() -> None:
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123 -- the least
                file.read(HEAD)


if __name__ == "__main__":
    main()
