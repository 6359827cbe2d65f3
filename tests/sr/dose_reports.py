"""Invented dose reports: CT, projection, mammography radiopharmaceuticals (TID 10001 to 10021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from writer import (
    CONTEXT,
    ENHANCED,
    MODIFIER,
    PROPERTIES,
    RADIOPHARMACEUTICAL,
    XRAY_DOSE,
    Code,
    choice,
    container,
    document,
    modifier,
    num,
    plain,
    text,
    uid,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

XRAY_REPORT: Code = ("113701", "DCM", "X-Ray Radiation Dose Report")
ACTIVITY_REPORT: Code = ("113500", "DCM", "Radiopharmaceutical Radiation Dose Report")
PROCEDURE: Code = ("121058", "DCM", "Procedure reported")
INTENT: Code = ("G-C0E8", "SRT", "Has Intent")
DIAGNOSTIC: Code = ("R-408C3", "SRT", "Diagnostic Intent")
SCOPE: Code = ("113705", "DCM", "Scope of Accumulation")
STUDY_SCOPE: Code = ("113014", "DCM", "Study")
STUDY_UID: Code = ("110180", "DCM", "Study Instance UID")
EVENT_UID: Code = ("113769", "DCM", "Irradiation Event UID")
LATERALITY: Code = ("272741003", "SCT", "Laterality")
RIGHT: Code = ("24028007", "SCT", "Right")
LEFT: Code = ("7771000", "SCT", "Left")
PLANE: Code = ("113764", "DCM", "Acquisition Plane")
PLANE_A: Code = ("113620", "DCM", "Plane A")
PLANE_B: Code = ("113621", "DCM", "Plane B")
TARGET: Code = ("123014", "DCM", "Target Region")
CHEST: Code = ("816094009", "SCT", "Chest")
ABDOMEN: Code = ("818981001", "SCT", "Abdomen")
BREAST: Code = ("76752008", "SCT", "Breast")

MGY: Code = ("mGy", "UCUM", "mGy")
MGY_CM: Code = ("mGy.cm", "UCUM", "mGy.cm")
GY: Code = ("Gy", "UCUM", "Gy")
GY_M2: Code = ("Gy.m2", "UCUM", "Gy.m2")
SECONDS: Code = ("s", "UCUM", "s")
MILLISECONDS: Code = ("ms", "UCUM", "ms")
MILLIMETRES: Code = ("mm", "UCUM", "mm")
KILOVOLT: Code = ("kV", "UCUM", "kV")
MILLIAMPERE: Code = ("mA", "UCUM", "mA")
EVENTS: Code = ("{events}", "UCUM", "events")
IMAGES: Code = ("1", "UCUM", "no units")
SOURCES: Code = ("{X-Ray sources}", "UCUM", "X-Ray sources")


def opening(name: str, procedure: Code) -> list[Dataset]:
    """Return what every dose report begins with: procedure, observer, scope."""
    return [
        choice(PROCEDURE, procedure, modifier(INTENT, DIAGNOSTIC), relationship=MODIFIER),
        choice(
            ("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device"), relationship=CONTEXT
        ),
        plain("UIDREF", ("121012", "DCM", "Device Observer UID"), uid(name, "device"), CONTEXT),
        text(
            ("121013", "DCM", "Device Observer Name"), "Example device", relationship=CONTEXT
        ),
        plain("DATETIME", ("113809", "DCM", "Start of X-Ray Irradiation"), "20240203101112"),
        plain("DATETIME", ("113810", "DCM", "End of X-Ray Irradiation"), "20240203101545"),
        choice(
            SCOPE, STUDY_SCOPE, plain("UIDREF", STUDY_UID, uid(name, "study"), PROPERTIES)
        ),
    ]  # fmt: skip


def ct_event(name: str, number: int, ctdi: str, dlp: str) -> Dataset:
    scan = (("113804", "DCM", "Sequenced Acquisition"), ("P5-08001", "SRT", "Spiral Acquisition"))
    return container(
        ("113819", "DCM", "CT Acquisition"),
        text(("125203", "DCM", "Acquisition Protocol"), f"Invented {number}"),
        choice(TARGET, (CHEST, ABDOMEN)[number % 2]),
        choice(("113820", "DCM", "CT Acquisition Type"), scan[number % 2]),
        plain("UIDREF", EVENT_UID, uid(name, "event", number)),
        container(
            ("113822", "DCM", "CT Acquisition Parameters"),
            num(("113824", "DCM", "Exposure Time"), f"{number + 3}.50", SECONDS),
            num(("113825", "DCM", "Scanning Length"), "312.0", MILLIMETRES),
            num(("113826", "DCM", "Nominal Single Collimation Width"), "0.6", MILLIMETRES),
            num(("113827", "DCM", "Nominal Total Collimation Width"), "38.40", MILLIMETRES),
            num(("113828", "DCM", "Pitch Factor"), "0.984", ("{ratio}", "UCUM", "ratio")),
            num(("113823", "DCM", "Number of X-Ray Sources"), "1", SOURCES),
            container(
                ("113831", "DCM", "CT X-Ray Source Parameters"),
                text(("113832", "DCM", "Identification of the X-Ray Source"), "A"),
                num(("113733", "DCM", "KVP"), "120", KILOVOLT),
                num(("113833", "DCM", "Maximum X-Ray Tube Current"), "310.0", MILLIAMPERE),
                num(("113734", "DCM", "X-Ray Tube Current"), "210.25", MILLIAMPERE),
                num(("113834", "DCM", "Exposure Time per Rotation"), "0.5", SECONDS),
            ),
        ),
        container(
            ("113829", "DCM", "CT Dose"),
            num(("113830", "DCM", "Mean CTDIvol"), ctdi, MGY),
            choice(
                ("113835", "DCM", "CTDIw Phantom Type"),
                ("113691", "DCM", "IEC Body Dosimetry Phantom"),
            ),
            num(("113838", "DCM", "DLP"), dlp, MGY_CM),
        ),
    )  # fmt: skip


def ct_dose(name: str, events: int = 1, sop_class: str = XRAY_DOSE, **header: str) -> Dataset:
    doses = [(f"{4 + number}.250", f"{100 + 25 * number}.5") for number in range(events)]
    total = sum(float(dlp) for _, dlp in doses)
    root = container(
        XRAY_REPORT,
        *opening(name, ("77477000", "SCT", "Computed Tomography X-Ray")),
        container(
            ("113811", "DCM", "CT Accumulated Dose Data"),
            num(("113812", "DCM", "Total Number of Irradiation Events"), str(events), EVENTS),
            num(("113813", "DCM", "CT Dose Length Product Total"), f"{total:.2f}", MGY_CM),
        ),
        *(ct_event(name, number, ctdi, dlp) for number, (ctdi, dlp) in enumerate(doses)),
        choice(
            ("113854", "DCM", "Source of Dose Information"),
            ("113856", "DCM", "Automated Data Collection"),
        ),
        template="10011",
    )  # fmt: skip
    return document(name, root, sop_class, **header)


def projection_totals(plane: Code | None, dap: str, dose: str) -> Dataset:
    own = [] if plane is None else [choice(PLANE, plane, relationship=MODIFIER)]
    return container(
        ("113702", "DCM", "Accumulated X-Ray Dose Data"),
        *own,
        num(("113722", "DCM", "Dose Area Product Total"), dap, GY_M2),
        num(("113725", "DCM", "Dose (RP) Total"), dose, GY),
        num(("113726", "DCM", "Fluoro Dose Area Product Total"), "0.0000125", GY_M2),
        num(("113728", "DCM", "Fluoro Dose (RP) Total"), "0.0010", GY),
        num(("113730", "DCM", "Total Fluoro Time"), "62.0", SECONDS),
        num(("113727", "DCM", "Acquisition Dose Area Product Total"), "0.0000420", GY_M2),
        num(("113731", "DCM", "Total Number of Radiographic Frames"), "12", IMAGES),
        choice(
            ("113780", "DCM", "Reference Point Definition"),
            ("113861", "DCM", "15cm below BeamIsocenter"),
        ),
    )  # fmt: skip


def started(number: int) -> str:
    return f"20240203{10 + number // 3600:02}{number // 60 % 60:02}{number % 60:02}"


def projection_event(name: str, number: int, plane: Code | None) -> Dataset:
    own = [] if plane is None else [choice(PLANE, plane)]
    pulses = [num(("113734", "DCM", "X-Ray Tube Current"), f"{60 + one}", MILLIAMPERE)
              for one in range(2)]  # fmt: skip
    return container(
        ("113706", "DCM", "Irradiation Event X-Ray Data"),
        *own,
        plain("UIDREF", EVENT_UID, uid(name, "event", number)),
        plain("DATETIME", ("111526", "DCM", "DateTime Started"), started(number)),
        choice(("113721", "DCM", "Irradiation Event Type"), ("P5-06000", "SRT", "Fluoroscopy")),
        choice(TARGET, CHEST, modifier(LATERALITY, (RIGHT, LEFT)[number % 2])),
        num(("122130", "DCM", "Dose Area Product"), f"0.000{number + 1}", GY_M2),
        num(("113738", "DCM", "Dose (RP)"), f"0.00{number + 1}50", GY),
        num(("112011", "DCM", "Positioner Primary Angle"), "-12.5", ("deg", "UCUM", "deg")),
        num(("113793", "DCM", "Pulse Width"), "8.0", MILLISECONDS),
        num(("113791", "DCM", "Pulse Rate"), "15", ("{pulse}/s", "UCUM", "pulse/s")),
        num(("113733", "DCM", "KVP"), "73.1", KILOVOLT),
        *pulses,
        container(
            ("113771", "DCM", "X-Ray Filters"),
            choice(("113772", "DCM", "X-Ray Filter Type"), ("113651", "DCM", "Wedge filter")),
            num(("113757", "DCM", "X-Ray Filter Thickness Minimum"), "0.10", MILLIMETRES),
            num(("113758", "DCM", "X-Ray Filter Thickness Maximum"), "0.30", MILLIMETRES),
        ),
    )  # fmt: skip


def projection_dose(name: str, planes: int = 1, events: int = 2, **header: str) -> Dataset:
    named = (None,) if planes == 1 else (PLANE_A, PLANE_B)
    totals = [
        projection_totals(plane, f"0.000{one + 1}234", f"0.0{one + 1}500")
        for one, plane in enumerate(named)
    ]
    root = container(
        XRAY_REPORT,
        *opening(name, ("113704", "DCM", "Projection X-Ray")),
        *totals,
        *(projection_event(name, one, named[one % len(named)]) for one in range(events)),
        template="10001",
    )
    return document(name, root, XRAY_DOSE, **header)


def breast_total(side: Code, dose: str) -> Dataset:
    name = ("111637", "DCM", "Accumulated Average Glandular Dose")
    return num(name, dose, MGY, modifier(LATERALITY, side))


def breast_event(name: str, number: int) -> Dataset:
    side = (LEFT, RIGHT)[number % 2]
    thickness = ("111633", "DCM", "Compression Thickness")
    return container(
        ("113706", "DCM", "Irradiation Event X-Ray Data"),
        plain("UIDREF", EVENT_UID, uid(name, "event", number)),
        choice(TARGET, BREAST, modifier(LATERALITY, side)),
        choice(("111031", "DCM", "Image View"), ("399162004", "SCT", "cranio-caudal")),
        num(("111631", "DCM", "Average Glandular Dose"), f"1.{number}20", MGY),
        num(("111636", "DCM", "Entrance Exposure at RP"), f"5.{number}", MGY),
        num(("111634", "DCM", "Half Value Layer"), "0.56", MILLIMETRES),
        num(thickness, "52.0", MILLIMETRES),
        num(("111647", "DCM", "Compression Force"), "98.1", ("N", "UCUM", "newton")),
        num(("113736", "DCM", "Exposure"), "61250", ("uA.s", "UCUM", "uA.s")),
    )


def mammography_dose(name: str, events: int = 4, **header: str) -> Dataset:
    root = container(
        XRAY_REPORT,
        *opening(name, ("71651007", "SCT", "Mammography")),
        container(
            ("113702", "DCM", "Accumulated X-Ray Dose Data"),
            choice(PLANE, ("113622", "DCM", "Single Plane")),
            breast_total(LEFT, "2.640"),
            breast_total(RIGHT, "2.640"),
        ),
        *(breast_event(name, number) for number in range(events)),
        template="10001",
    )
    return document(name, root, XRAY_DOSE, **header)


def administration(name: str, number: int) -> Dataset:
    nuclide = choice(
        ("89457008", "SCT", "Radionuclide"),
        (("77004003", "SCT", "^18^Fluorine"), ("21576001", "SCT", "^15^Oxygen"))[number % 2],
        num(("304283002", "SCT", "Radionuclide Half Life"), "6586.2", SECONDS,
            relationship=PROPERTIES),
        relationship=PROPERTIES,
    )  # fmt: skip
    agent = choice(
        ("349358000", "SCT", "Radiopharmaceutical agent"),
        ("35321007", "SCT", "Fluorodeoxyglucose F^18^"),
        nuclide,
        num(("123007", "DCM", "Radiopharmaceutical Specific Activity"), "40000000.0",
            ("Bq/mol", "UCUM", "Bq/mol"), relationship=PROPERTIES),
    )  # fmt: skip
    return container(
        ("113502", "DCM", "Radiopharmaceutical Administration"),
        agent,
        plain("UIDREF", ("113503", "DCM", "Radiopharmaceutical Administration Event UID"),
              uid(name, "administration", number)),
        plain("DATETIME", ("123003", "DCM", "Radiopharmaceutical Start DateTime"),
              "20240203090000"),
        num(("113507", "DCM", "Administered activity"), f"{360 + number}.10",
            ("MBq", "UCUM", "MBq")),
        num(("123005", "DCM", "Radiopharmaceutical Volume"), "1.50", ("cm3", "UCUM", "cm3")),
        num(("113508", "DCM", "Pre-Administration Measured Activity"), "367.0",
            ("MBq", "UCUM", "MBq")),
        choice(("410675002", "SCT", "Route of administration"),
               ("47625008", "SCT", "Intravenous route"),
               choice(("272737002", "SCT", "Site of"), ("50094009", "SCT", "Vein of left arm"),
                      modifier(LATERALITY, LEFT), relationship=PROPERTIES)),
    )  # fmt: skip


def radiopharmaceutical_dose(name: str, administrations: int = 1, **header: str) -> Dataset:
    root = container(
        ACTIVITY_REPORT,
        choice(PROCEDURE, ("44139000", "SCT", "PET"), modifier(INTENT, DIAGNOSTIC),
               relationship=MODIFIER),
        *(administration(name, number) for number in range(administrations)),
        container(
            ("113510", "DCM", "Organ Dose Information"),
            container(
                ("113517", "DCM", "Organ Dose"),
                choice(("363698007", "SCT", "Finding Site"), ("89837001", "SCT", "Urinary bladder"),
                       relationship=MODIFIER),
                num(("113518", "DCM", "Organ Dose"), "47.2", MGY),
            ),
        ),
        container(
            ("121118", "DCM", "Patient Characteristics"),
            num(("8302-2", "LN", "Patient Height"), "171", ("cm", "UCUM", "cm")),
            num(("27113001", "SCT", "Patient Weight"), "68.5", ("kg", "UCUM", "kg")),
            num(("397641006", "SCT", "Glucose"), "5.1", ("mmol/l", "UCUM", "mmol/l")),
        ),
        template="10021",
    )  # fmt: skip
    return document(name, root, RADIOPHARMACEUTICAL, **header)


def dose_reports() -> dict[str, Dataset]:
    """Return ten dose reports by name."""
    return {
        "ct-dose-one-event": ct_dose("ct-dose-one-event"),
        "ct-dose-five-events": ct_dose("ct-dose-five-events", 5),
        "ct-dose-enhanced": ct_dose("ct-dose-enhanced", 2, ENHANCED),
        "ct-dose-final": ct_dose("ct-dose-final", 1, VerificationFlag="VERIFIED"),
        "xray-dose-one-plane": projection_dose("xray-dose-one-plane"),
        "xray-dose-two-planes": projection_dose("xray-dose-two-planes", 2, 4),
        "mammography-dose": mammography_dose("mammography-dose"),
        "mammography-dose-partial": mammography_dose(
            "mammography-dose-partial", 1, CompletionFlag="PARTIAL"
        ),
        "pet-dose": radiopharmaceutical_dose("pet-dose"),
        "pet-dose-two": radiopharmaceutical_dose("pet-dose-two", 2),
    }
