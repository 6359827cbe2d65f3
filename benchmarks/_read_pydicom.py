"""Read each file below a folder with pydicom as far as its pixels; nothing is made of it."""

import os
import sys

from pydicom import dcmread


def main() -> None:
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            dcmread(os.path.join(folder, name), stop_before_pixels=True)  # noqa: PTH118 -- the least


if __name__ == "__main__":
    main()
