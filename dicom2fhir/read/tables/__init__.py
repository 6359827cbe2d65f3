"""Tables generated from pydicom: character sets, transfer syntaxes and SOP classes."""
