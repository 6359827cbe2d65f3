"""Invented echo, obstetric, vascular and CAD reports, text, key objects and unknown roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from writer import (
    BASIC_TEXT,
    CHEST_CAD,
    COLON_CAD,
    CONTEXT,
    CT,
    ENHANCED,
    INFERRED,
    KEY_OBJECTS,
    MAMMO_CAD,
    MODIFIER,
    NO_UNITS,
    PROPERTIES,
    SELECTED,
    Code,
    by_reference,
    choice,
    cited,
    container,
    document,
    image,
    modifier,
    num,
    plain,
    region,
    text,
    uid,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FINDINGS: Code = ("121070", "DCM", "Findings")
SITE: Code = ("363698007", "SCT", "Finding Site")
LATERALITY: Code = ("272741003", "SCT", "Laterality")
TOPOGRAPHY: Code = ("106233006", "SCT", "Topographical modifier")
METHOD: Code = ("370129005", "SCT", "Measurement Method")
DERIVATION: Code = ("121401", "DCM", "Derivation")
MEAN: Code = ("373098007", "SCT", "Mean")
MAXIMUM: Code = ("56851009", "SCT", "Maximum")
MINIMUM: Code = ("255605001", "SCT", "Minimum")
RIGHT: Code = ("24028007", "SCT", "Right")
LEFT: Code = ("7771000", "SCT", "Left")
SELECTION: Code = ("121404", "DCM", "Selection Status")
NORMALITY: Code = ("121402", "DCM", "Normality")

CENTIMETRES: Code = ("cm", "UCUM", "cm")
MILLIMETRES: Code = ("mm", "UCUM", "mm")
MILLILITRES: Code = ("ml", "UCUM", "ml")
CM_PER_S: Code = ("cm/s", "UCUM", "cm/s")
M_PER_S: Code = ("m/s", "UCUM", "m/s")
PERCENT: Code = ("%", "UCUM", "%")
GRAMS: Code = ("g", "UCUM", "g")
WEEKS: Code = ("wk", "UCUM", "week")
DAYS: Code = ("d", "UCUM", "day")
MMHG: Code = ("mm[Hg]", "UCUM", "mmHg")


def picture(name: str, number: int = 1) -> Dataset:
    return cited(CT, uid(name, "image", number))


def echo_modifiers(phase: str, mode: str) -> list[Dataset]:
    return [
        modifier(("399264008", "SCT", "Image Mode"), (f"M-{mode}", "99TEST", mode)),
        modifier(("272518008", "SCT", "Cardiac Cycle Point"), (f"P-{phase}", "99TEST", phase)),
    ]


def echo(name: str) -> Dataset:
    """Return a TID 5200 report: sections by finding site, repeated values, normal ranges."""
    internal: Code = ("29436-3", "LN", "Left Ventricle Internal End Diastolic Dimension")
    ejection: Code = ("18043-0", "LN", "Left Ventricular Ejection Fraction")
    volume: Code = ("18026-5", "LN", "Left Ventricular End Diastolic Volume")
    velocity: Code = ("11726-7", "LN", "Peak Velocity")
    ventricle = container(
        FINDINGS,
        choice(SITE, ("87878005", "SCT", "Left Ventricle"), relationship=MODIFIER),
        container(
            ("125007", "DCM", "Measurement Group"),
            num(internal, "4.61", CENTIMETRES, *echo_modifiers("End Diastole", "2D mode")),
            num(internal, "4.52", CENTIMETRES, *echo_modifiers("End Diastole", "M mode")),
            num(internal, "4.56", CENTIMETRES, modifier(DERIVATION, MEAN),
                choice(SELECTION, ("121410", "DCM", "User chosen value"),
                       relationship=PROPERTIES)),
            num(
                ejection, "61.0", PERCENT,
                modifier(METHOD, ("125207", "DCM", "Method of Disks, Biplane")),
                choice(NORMALITY, ("17621005", "SCT", "Normal"), relationship=PROPERTIES),
                num(("111041", "DCM", "Normal Range lower limit"), "55", PERCENT,
                    relationship=PROPERTIES),
                num(("111040", "DCM", "Normal Range upper limit"), "70", PERCENT,
                    relationship=PROPERTIES),
                text(("121407", "DCM", "Normal Range Description"), "Adults",
                     relationship=PROPERTIES),
                num(volume, "118", MILLILITRES, relationship=INFERRED),
            ),
            num(ejection, "58.0", PERCENT,
                modifier(METHOD, ("125205", "DCM", "Area-Length Single Plane"))),
        ),
    )  # fmt: skip
    valve = container(
        FINDINGS,
        choice(SITE, ("34202007", "SCT", "Aortic Valve"), relationship=MODIFIER),
        container(
            ("125007", "DCM", "Measurement Group"),
            num(velocity, "1.20", M_PER_S,
                modifier(("260674002", "SCT", "Flow Direction"),
                         ("250411003", "SCT", "Antegrade Flow"))),
            num(velocity, "0.35", M_PER_S,
                modifier(("260674002", "SCT", "Flow Direction"),
                         ("250413000", "SCT", "Regurgitant Flow"))),
            num(("20247-3", "LN", "Peak Gradient"), "5.8", MMHG,
                image(None, picture(name), relationship=INFERRED)),
        ),
    )  # fmt: skip
    root = container(("125200", "DCM", "Adult Echocardiography Procedure Report"),
                     ventricle, valve, template="5200")  # fmt: skip
    return document(name, root)


def simplified_echo(name: str) -> Dataset:
    """Return a TID 5300 report: pre-coordinated codes, adhoc measurements, a text summary."""
    names: list[Code] = [
        ("79991-0", "LN", "Left Ventricle Mass by 2D"), ("79969-6", "LN", "LA Volume"),
        ("80010-6", "LN", "RV Basal Diameter"),
    ]  # fmt: skip
    root = container(
        ("125300", "DCM", "Simplified Adult Echocardiography Report"),
        container(
            ("125301", "DCM", "Pre-coordinated Measurements"),
            *(num(one, f"{40 + number}.{number}", MILLILITRES)
              for number, one in enumerate(names)),
        ),
        container(
            ("125302", "DCM", "Post-coordinated Measurements"),
            num(("410668003", "SCT", "Length"), "2.10", CENTIMETRES,
                modifier(SITE, ("34202007", "SCT", "Aortic Valve")),
                modifier(("125315", "DCM", "Measurement Type"),
                         ("125316", "DCM", "Direct measurement of value"))),
        ),
        container(
            ("125303", "DCM", "Adhoc Measurements"),
            num(("125309", "DCM", "Short Label"), "7.25", CENTIMETRES,
                text(("125309", "DCM", "Short Label"), "My length", relationship=MODIFIER)),
        ),
        text(("121111", "DCM", "Summary"), "All invented."),
        template="5300",
    )  # fmt: skip
    return document(name, root)


def fetus_context(letter: str, count: int) -> list[Dataset]:
    return [
        choice(("121024", "DCM", "Subject Class"), ("121026", "DCM", "Fetus"),
               relationship=CONTEXT),
        text(("11951-1", "LN", "Fetus ID"), letter, relationship=CONTEXT),
        num(("11878-6", "LN", "Number of Fetuses by US"), str(count), NO_UNITS,
            relationship=CONTEXT),
    ]  # fmt: skip


def biometry(letter: str, number: int, count: int) -> Dataset:
    """Return the biometry of one fetus; values of all fetuses are alike on purpose."""
    diameter: Code = ("11820-8", "LN", "Biparietal Diameter")
    femur: Code = ("11963-6", "LN", "Femur Length")
    age: Code = ("18185-9", "LN", "Gestational Age")
    return container(
        ("125002", "DCM", "Fetal Biometry"),
        *fetus_context(letter, count),
        container(
            ("125005", "DCM", "Biometry Group"),
            num(diameter, "8.51", CENTIMETRES),
            num(diameter, "8.55", CENTIMETRES),
            num(diameter, "8.53", CENTIMETRES, modifier(DERIVATION, MEAN),
                choice(SELECTION, ("121412", "DCM", "Mean value chosen"),
                       relationship=PROPERTIES)),
            num(age, f"{34 + number}.1", WEEKS,
                text(("121420", "DCM", "Equation"), "Invented 1985", relationship=INFERRED)),
        ),
        container(
            ("125005", "DCM", "Biometry Group"),
            num(femur, "6.70", CENTIMETRES),
            num(age, "244", DAYS),
        ),
    )  # fmt: skip


def obstetric(name: str, fetuses: int) -> Dataset:
    """Return a TID 5000 report; the mother's values stand beside those of the fetuses."""
    letters = "ABC"[:fetuses]
    summaries = [
        container(
            ("125008", "DCM", "Fetus Summary"),
            *fetus_context(letter, fetuses),
            num(("11727-5", "LN", "Estimated Weight"), "2350", GRAMS,
                num(("18183-4", "LN", "Weight Growth Percentile"), "45", PERCENT,
                    relationship=PROPERTIES)),
            num(("11948-7", "LN", "Fetal Heart Rate"), "142", ("{H.B.}/min", "UCUM", "BPM")),
        )
        for letter in letters
    ]  # fmt: skip
    root = container(
        ("125000", "DCM", "OB-GYN Ultrasound Procedure Report"),
        container(
            ("121118", "DCM", "Patient Characteristics"),
            num(("29463-7", "LN", "Patient Weight"), "71.4", ("kg", "UCUM", "kg")),
            num(("11996-6", "LN", "Gravida"), "2", NO_UNITS),
        ),
        container(
            ("121111", "DCM", "Summary"),
            plain("DATE", ("11778-8", "LN", "EDD"), "20240415"),
            *summaries,
        ),
        *(biometry(letter, number, fetuses) for number, letter in enumerate(letters)),
        container(
            ("121070", "DCM", "Findings"),
            choice(SITE, ("71252005", "SCT", "Cervix"), relationship=MODIFIER),
            num(("11961-0", "LN", "Cervix Length"), "3.80", CENTIMETRES),
        ),
        template="5000",
    )
    return document(name, root)


def vessel(name: str, side: Code, number: int) -> Dataset:
    peak: Code = ("11726-7", "LN", "Peak Systolic Velocity")
    carotid: Code = ("69105007", "SCT", "Carotid Artery")
    return container(
        FINDINGS,
        choice(SITE, carotid, relationship=MODIFIER),
        modifier(LATERALITY, side),
        num(peak, "81.5", CM_PER_S, modifier(TOPOGRAPHY, ("40415009", "SCT", "Proximal"))),
        num(peak, "81.5", CM_PER_S, modifier(TOPOGRAPHY, ("46053002", "SCT", "Distal"))),
        num(("11653-3", "LN", "End Diastolic Velocity"), f"2{number}.0", CM_PER_S,
            modifier(TOPOGRAPHY, ("40415009", "SCT", "Proximal"))),
        num(("12008-9", "LN", "Resistivity Index"), "0.71", ("1", "UCUM", "ratio"),
            image(None, picture(name, number), relationship=INFERRED)),
    )  # fmt: skip


def vascular(name: str) -> Dataset:
    root = container(
        ("125100", "DCM", "Vascular Ultrasound Procedure Report"),
        vessel(name, LEFT, 1),
        vessel(name, RIGHT, 2),
        container(
            ("121109", "DCM", "Indications for Procedure"),
            text(("121071", "DCM", "Finding"), "Invented dizziness"),
        ),
        template="5100",
    )
    return document(name, root)


def calcium(name: str) -> Dataset:
    """Return a TID 3900 report: scores by vessel, with a percentile of a population."""
    score: Code = ("112227", "DCM", "Agatston Score")
    arteries: list[Code] = [
        ("41801008", "SCT", "Coronary artery"), ("12003004", "SCT", "Left main coronary artery"),
        ("13647002", "SCT", "Right coronary artery"),
    ]  # fmt: skip
    root = container(
        ("122292", "DCM", "Quantitative Ventriculography Report"),
        container(
            ("122601", "DCM", "Calcium Scoring"),
            *(num(score, f"{number}2.5", NO_UNITS, modifier(SITE, one))
              for number, one in enumerate(arteries)),
            num(score, "150.0", NO_UNITS, modifier(DERIVATION, ("255619001", "SCT", "Total")),
                num(("121416", "DCM", "Percentile"), "88", PERCENT, relationship=PROPERTIES)),
        ),
    )  # fmt: skip
    return document(name, root)


def algorithm() -> list[Dataset]:
    return [
        text(("111001", "DCM", "Algorithm Name"), "Invented CAD", relationship=PROPERTIES),
        text(("111003", "DCM", "Algorithm Version"), "2.1", relationship=PROPERTIES),
    ]


def presented(shown: Code) -> Dataset:
    return choice(("111056", "DCM", "Rendering Intent"), shown, relationship=MODIFIER)


SHOWN: Code = ("111150", "DCM", "Presentation Required: Rendering device is expected to present")
HIDDEN: Code = ("111152", "DCM", "Not for Presentation: Rendering device expected not to present")


DENSITY: Code = ("129793001", "SCT", "Mammography breast density")
MASS: Code = ("4147007", "SCT", "Mass")


def cad_finding(name: str, number: int, shown: Code, *more: Dataset) -> Dataset:
    return choice(
        ("111059", "DCM", "Single Image Finding"),
        (DENSITY, MASS)[number % 2],
        presented(shown),
        *algorithm(),
        num(("111012", "DCM", "Certainty of Finding"), f"8{number}.5", PERCENT,
            relationship=PROPERTIES),
        num(("111047", "DCM", "Probability of cancer"), f"1{number}", PERCENT,
            relationship=PROPERTIES),
        region(("111010", "DCM", "Center"), "POINT", (12.5, 30.0 + number),
               image(None, picture(name, number), relationship=SELECTED)),
        *more,
        relationship=INFERRED,
    )  # fmt: skip


def cad(name: str, root_name: Code, sop_class: str, template: str) -> Dataset:
    diameter = num(("81827009", "SCT", "Diameter"), "11.20", MILLIMETRES, relationship=PROPERTIES)
    overall = choice(
        ("111017", "DCM", "CAD Processing and Findings Summary"),
        ("111242", "DCM", "All algorithms succeeded; with findings"),
        choice(
            ("111034", "DCM", "Individual Impression/Recommendation"),
            ("111159", "DCM", "Findings"),
            cad_finding(name, 1, SHOWN, diameter),
            cad_finding(name, 2, SHOWN),
            cad_finding(name, 3, HIDDEN),
        ),
    )
    library = container(
        ("111028", "DCM", "Image Library"),
        image(None, picture(name),
              num(("111066", "DCM", "Horizontal Pixel Spacing"), "0.05", MILLIMETRES,
                  relationship="HAS ACQ CONTEXT"),
              num(("111067", "DCM", "Vertical Pixel Spacing"), "0.05", MILLIMETRES,
                  relationship="HAS ACQ CONTEXT")),
    )  # fmt: skip
    analyses = choice(("111065", "DCM", "Summary of Analyses"), ("111225", "DCM", "Succeeded"),
                      *algorithm())  # fmt: skip
    root = container(root_name, library, overall, analyses, template=template)
    return document(name, root, sop_class)


def text_report(name: str, sop_class: str, **header: str) -> Dataset:
    sections = [
        container(
            ("121070", "DCM", "Findings"),
            text(("121071", "DCM", "Finding"), "Zwerchfell beidseits glatt.\nKein Erguß."),
            image(("121112", "DCM", "Source of Measurement"), picture(name)),
        ),
        container(
            ("121076", "DCM", "Conclusions"),
            text(("121077", "DCM", "Conclusion"), "Unauffällig <b>& erfunden</b>."),
        ),
        container(
            ("121072", "DCM", "Impressions"),
            text(("121073", "DCM", "Impression"), "No finding."),
            choice(("121073", "DCM", "Impression"), ("17621005", "SCT", "Normal")),
        ),
    ]
    person: Code = ("121008", "DCM", "Person Observer Name")
    observer = plain("PNAME", person, "Reader^Rita", CONTEXT)
    root = container(("18748-4", "LN", "Diagnostic imaging study"), observer, *sections,
                     template="2000")  # fmt: skip
    return document(name, root, sop_class, **header)


def key_objects(name: str, title: Code) -> Dataset:
    root = container(
        title,
        text(("113012", "DCM", "Key Object Description"), "Shown to the board"),
        *(image(None, picture(name, number)) for number in range(3)),
        template="2010",
    )
    return document(name, root, KEY_OBJECTS)


def unknown_root(name: str) -> Dataset:
    """Return a tree that no template describes: numbers below everything that may hold them."""
    odd: Code = ("X1", "99TEST", "Odd value")
    root = container(
        ("ROOT", "99TEST", "Invented document"),
        num(odd, "1", NO_UNITS, num(odd, "2", NO_UNITS, num(odd, "3", NO_UNITS,
            relationship=INFERRED), relationship=PROPERTIES)),
        choice(("Y1", "99TEST", "A choice"), ("Z1", "99TEST", "Chosen"),
               num(odd, "4", NO_UNITS, relationship=PROPERTIES)),
        text(("T1", "99TEST", "Words"), "few", num(odd, "5", NO_UNITS, relationship=PROPERTIES)),
        image(None, picture(name), num(odd, "6", NO_UNITS, relationship="HAS ACQ CONTEXT")),
        region(("R1", "99TEST", "Outline"), "CIRCLE", (1.0, 2.0, 3.0, 4.0),
               image(None, picture(name), relationship=SELECTED),
               num(odd, "7", ("mm2", "UCUM", "mm2"), relationship=PROPERTIES)),
        num(odd, "8", NO_UNITS, by_reference(INFERRED, 1, 1)),
        container(None, num(odd, "9", NO_UNITS)),
    )  # fmt: skip
    return document(name, root)


def private_numbers(name: str) -> Dataset:
    root = container(
        ("SCI", "99VENDOR", "Science report"),
        container(
            ("GROUP", "99VENDOR", "Fit"),
            *(num((f"P{one}", "99VENDOR", f"Parameter {one}"), f"0.{one}00", NO_UNITS)
              for one in range(12)),
        ),
    )  # fmt: skip
    return document(name, root, ENHANCED)


def qualified(name: str) -> Dataset:
    """Return numbers that say why they have no value (PS3.16 CID 42)."""
    reasons = ("114000", "114001", "114002", "114006", "114007", "114009", "114010")
    root = container(
        ("126000", "DCM", "Imaging Measurement Report"),
        container(
            ("126010", "DCM", "Imaging Measurements"),
            container(
                ("125007", "DCM", "Measurement Group"),
                text(("112039", "DCM", "Tracking Identifier"), "Q1", relationship=CONTEXT),
                *(num((f"Q{one}", "99TEST", f"Quality {one}"), None, None,
                      qualifier=(one, "DCM", f"Reason {one}")) for one in reasons),
                num(("Q9", "99TEST", "Bare"), None, None),
            ),
        ),
        template="1500",
    )  # fmt: skip
    return document(name, root)


def clinical_reports() -> dict[str, Dataset]:
    """Return twenty reports by name."""
    mammography: Code = ("111036", "DCM", "Mammography CAD Report")
    return {
        "echo": echo("echo"),
        "echo-simplified": simplified_echo("echo-simplified"),
        "obstetric-three-fetuses": obstetric("obstetric-three-fetuses", 3),
        "obstetric-one-fetus": obstetric("obstetric-one-fetus", 1),
        "vascular": vascular("vascular"),
        "calcium": calcium("calcium"),
        "cad-mammography": cad("cad-mammography", mammography, MAMMO_CAD, "4000"),
        "cad-chest": cad("cad-chest", ("112000", "DCM", "Chest CAD Report"), CHEST_CAD, "4100"),
        "cad-colon": cad("cad-colon", ("112220", "DCM", "Colon CAD Report"), COLON_CAD, "4120"),
        "text-basic": text_report("text-basic", BASIC_TEXT),
        "text-enhanced": text_report("text-enhanced", ENHANCED),
        "text-verified": text_report("text-verified", ENHANCED, VerificationFlag="VERIFIED"),
        "text-partial": text_report("text-partial", BASIC_TEXT, CompletionFlag="PARTIAL"),
        "key-objects": key_objects("key-objects", ("113000", "DCM", "Of Interest")),
        "key-teaching": key_objects("key-teaching", ("113004", "DCM", "For Teaching")),
        "manifest": key_objects("manifest", ("113030", "DCM", "Manifest")),
        "unknown-root": unknown_root("unknown-root"),
        "private-numbers": private_numbers("private-numbers"),
        "qualified": qualified("qualified"),
        "no-content": document("no-content", container(FINDINGS)),
    }
