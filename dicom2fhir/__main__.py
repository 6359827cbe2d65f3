"""`python -m dicom2fhir`."""

from dicom2fhir.cli import run

if __name__ == "__main__":
    run()
