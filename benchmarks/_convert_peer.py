"""Convert a folder with the PyPI package dicom2fhir, instances switched on, to a file.

Run by the Python of that package's own environment.
"""

import asyncio
import sys
import warnings
from pathlib import Path

from dicom2fhir.dicom2fhir import from_directory

CONFIG = {
    "dicom_timezone": "Europe/Berlin",
    "generator": {"imaging_study": {"add_instances": True}},
}


def main() -> None:
    # its models warn of values that they hold themselves
    warnings.simplefilter("ignore")
    bundle = asyncio.run(from_directory(sys.argv[1], CONFIG))
    Path(sys.argv[2]).write_text(bundle.model_dump_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
