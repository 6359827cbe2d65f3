"""The header of one CT image as a scanner writes it: about 260 elements, a third of them private.

A row is (tag, VR, value). A value is text (a backslash parts its values), bytes, a list of items
(each a list of rows), or `Vary`: the name of something that differs from study to study, series
to series or image to image.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
STEP_CLASS = "1.2.840.10008.3.1.2.3.3"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Vary:
    """A value that is put in later, by its name."""

    name: str


Value = str | bytes | Vary | list["list[Row]"]
Row = tuple[int, str, Value]

# PS3.5 table 7.1-1: these have two reserved bytes and a length of four
LONG = frozenset({"OB", "OW", "SQ", "UN", "UT"})
NUMBERS = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "FL": "<f", "FD": "<d"}
UNDEFINED = b"\xff\xff\xff\xff"
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def encode_element(tag: int, vr: str, value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else _encode_text(vr, value)
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in LONG:
        return head + struct.pack("<HI", 0, len(raw)) + raw
    return head + struct.pack("<H", len(raw)) + raw


def encode_sequence(tag: int, items: list[list[Row]]) -> bytes:
    """Encode a sequence: public ones by length, private ones by delimiter; scanners write both."""
    bodies = [b"".join(encode_row(row) for row in item) for item in items]
    head = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"SQ", 0)
    if tag >> 16 & 1:
        parts = [_mark(ITEM, UNDEFINED) + body + _mark(ITEM_END) for body in bodies]
        return head + UNDEFINED + b"".join(parts) + _mark(SEQUENCE_END)
    body = b"".join(_mark(ITEM, struct.pack("<I", len(body))) + body for body in bodies)
    return head + struct.pack("<I", len(body)) + body


def encode_row(row: Row) -> bytes:
    tag, vr, value = row
    if isinstance(value, Vary):
        raise TypeError(f"{value.name} has no value yet")
    if isinstance(value, list):
        return encode_sequence(tag, value)
    return encode_element(tag, vr, value)


def _encode_text(vr: str, text: str) -> bytes:
    if vr in NUMBERS:
        number = float if vr in {"FL", "FD"} else int
        return b"".join(struct.pack(NUMBERS[vr], number(part)) for part in text.split("\\") if part)
    raw = text.encode("latin-1")
    return raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)


def _mark(tag: int, length: bytes = b"\0\0\0\0") -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + length


def _code(value: str, scheme: str, meaning: str) -> list[Row]:
    return [
        (0x00080100, "SH", value),
        (0x00080102, "SH", scheme),
        (0x00080104, "LO", meaning),
    ]


def _reference(sop_class: str, uid: str) -> list[Row]:
    return [(0x00081150, "UI", sop_class), (0x00081155, "UI", uid)]


_PERSON: list[list[Row]] = [
    [
        (0x00080080, "LO", "Example General Hospital"),
        (0x00401101, "SQ", [_code("PR4711", "99EXAMPLE", "Referrer, Rita")]),
    ]
]
_REQUEST: list[list[Row]] = [
    [
        (0x00321060, "LO", "CT thorax and abdomen with contrast"),
        (0x00321064, "SQ", [_code("CTTHABD", "99EXAMPLE", "CT thorax and abdomen with contrast")]),
        (0x00400007, "LO", "CT thorax and abdomen with contrast"),
        (0x00400008, "SQ", [_code("CTTHABD", "99EXAMPLE", "CT thorax and abdomen with contrast")]),
        (0x00400009, "SH", "SPS20240117"),
        (0x00401001, "SH", "RP20240117"),
    ]
]
_ISSUER: list[list[Row]] = [[(0x00400031, "UT", "EXAMPLE-RIS")]]

_FIRST: list[Row] = [
    (0x00080005, "CS", "ISO_IR 100"),
    (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL\\SPIRAL"),
    (0x00080012, "DA", Vary("date")),
    (0x00080013, "TM", Vary("time")),
    (0x00080016, "UI", CT_IMAGE_STORAGE),
    (0x00080018, "UI", Vary("instance_uid")),
    (0x00080020, "DA", Vary("date")),
    (0x00080021, "DA", Vary("date")),
    (0x00080022, "DA", Vary("date")),
    (0x00080023, "DA", Vary("date")),
    (0x00080030, "TM", Vary("study_time")),
    (0x00080031, "TM", Vary("series_time")),
    (0x00080032, "TM", Vary("time")),
    (0x00080033, "TM", Vary("time")),
    (0x00080050, "SH", Vary("accession")),
    (0x00080051, "SQ", _ISSUER),
    (0x00080060, "CS", "CT"),
    (0x00080070, "LO", "Example Imaging"),
    (0x00080080, "LO", "Example General Hospital"),
    (0x00080081, "ST", "1 Example Street, Exampletown"),
    (0x00080090, "PN", "Referrer^Rita^^Dr."),
    (0x00080096, "SQ", _PERSON),
    (0x00080201, "SH", "+0100"),
    (0x00081010, "SH", "CTAWP73021"),
    (0x00081030, "LO", "CT Thorax/Abdomen KM"),
    (0x00081032, "SQ", [_code("CTTHABD", "99EXAMPLE", "CT thorax and abdomen with contrast")]),
    (0x0008103E, "LO", Vary("series_description")),
    (0x00081040, "LO", "Radiology"),
    (0x00081048, "PN", "Record^Rosa"),
    (0x00081050, "PN", "Perform^Paula^^Dr."),
    (0x00081070, "PN", "Operator^Otto"),
    (0x00081080, "LO", "Follow-up"),
    (0x00081090, "LO", "Example CT 128"),
    (0x00081110, "SQ", [_reference(STUDY_CLASS, "2.25.3141592653589793238462643383")]),
    (0x00081111, "SQ", [_reference(STEP_CLASS, "2.25.2718281828459045235360287471")]),
    (0x00081140, "SQ", [_reference(CT_IMAGE_STORAGE, "2.25.1414213562373095048801688724")] * 2),
    (0x00082112, "SQ", [_reference(CT_IMAGE_STORAGE, "2.25.1732050807568877293527446341")]),
    (0x00082218, "SQ", [_code("51185008", "SCT", "Chest")]),
    (0x00100010, "PN", Vary("patient_name")),
    (0x00100020, "LO", Vary("patient_id")),
    (0x00100021, "LO", "EXAMPLE-HIS"),
    (0x00100030, "DA", Vary("birth_date")),
    (0x00100040, "CS", "F"),
    (0x00101010, "AS", "061Y"),
    (0x00101020, "DS", "1.68"),
    (0x00101030, "DS", "71.5"),
    (0x001021B0, "LT", "Known nodule of the right upper lobe, follow-up after six months."),
    (0x001021C0, "US", "4"),
    (0x00104000, "LT", "Contrast well tolerated."),
    (0x00120063, "LO", ""),
    (0x00180010, "LO", "Iodine 350"),
    (0x00180015, "CS", "CHEST"),
    (0x00180022, "CS", "HELICAL_CT"),
    (0x00180050, "DS", "1"),
    (0x00180060, "DS", "120"),
    (0x00180090, "DS", "500"),
    (0x00181000, "LO", "73021"),
    (0x00181002, "UI", "2.25.577215664901532860606512090"),
    (0x00181020, "LO", "CT 2024A\\patch 7"),
    (0x00181030, "LO", "ThoraxAbdomen_KM"),
    (0x00181040, "LO", "IV"),
    (0x00181041, "DS", "90"),
    (0x00181044, "DS", "90"),
    (0x00181046, "DS", "3"),
    (0x00181047, "DS", "30"),
    (0x00181049, "DS", "31.5"),
    (0x00181100, "DS", "366"),
    (0x00181110, "DS", "1085.6"),
    (0x00181111, "DS", "595"),
    (0x00181120, "DS", "0"),
    (0x00181130, "DS", Vary("table_height")),
    (0x00181140, "CS", "CW"),
    (0x00181150, "IS", "500"),
    (0x00181151, "IS", Vary("tube_current")),
    (0x00181152, "IS", Vary("exposure")),
    (0x00181160, "SH", "FLAT"),
    (0x00181170, "IS", "41"),
    (0x00181190, "DS", "0.7"),
    (0x00181200, "DA", "20240110\\20240110"),
    (0x00181201, "TM", "064512.000000\\065103.000000"),
    (0x00181210, "SH", Vary("kernel")),
    (0x00181271, "FD", "12.4"),
    (0x00181272, "FD", "0.8"),
    (0x00185100, "CS", "HFS"),
    (0x00189305, "FD", "0.5"),
    (0x00189306, "FD", "0.6"),
    (0x00189307, "FD", "38.4"),
    (0x00189309, "FD", "46.08"),
    (0x00189310, "FD", "23.04"),
    (0x00189311, "FD", "1.2"),
    (0x00189313, "FD", "0.5\\-180.5\\120.25"),
    (0x00189318, "FD", "0.25\\-181\\118.75"),
    (0x00189323, "CS", "XYZ_EC"),
    (0x00189324, "FD", "2.36"),
    (0x00189327, "FD", Vary("table_position")),
    (0x00189345, "FD", Vary("dose")),
    (0x00189346, "SQ", [_code("113691", "DCM", "IEC Body Dosimetry Phantom")]),
    (0x00189352, "FL", "1.5\\2.5\\3.5"),
    (0x00189361, "CS", "YES"),
    (0x00189426, "FL", "0.85"),
    (0x00189442, "FL", "22.5"),
]

_LAST: list[Row] = [
    (0x0020000D, "UI", Vary("study_uid")),
    (0x0020000E, "UI", Vary("series_uid")),
    (0x00200010, "SH", Vary("study_id")),
    (0x00200011, "IS", Vary("series_number")),
    (0x00200012, "IS", Vary("series_number")),
    (0x00200013, "IS", Vary("number")),
    (0x00200032, "DS", Vary("position")),
    (0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
    (0x00200052, "UI", Vary("frame_uid")),
    (0x00200060, "CS", ""),
    (0x00201040, "LO", ""),
    (0x00201041, "DS", Vary("slice_location")),
    (0x00204000, "LT", "Reconstructed with iterative strength 3."),
    (0x00280002, "US", "1"),
    (0x00280004, "CS", "MONOCHROME2"),
    (0x00280010, "US", Vary("rows")),
    (0x00280011, "US", Vary("rows")),
    (0x00280030, "DS", "0.7421875\\0.7421875"),
    (0x00280100, "US", "16"),
    (0x00280101, "US", "12"),
    (0x00280102, "US", "11"),
    (0x00280103, "US", "0"),
    (0x00280106, "US", "0"),
    (0x00280107, "US", Vary("largest")),
    (0x00281050, "DS", "40\\-600"),
    (0x00281051, "DS", "400\\1200"),
    (0x00281052, "DS", "-1024"),
    (0x00281053, "DS", "1"),
    (0x00281054, "LO", "HU"),
    (0x00281055, "LO", "WINDOW1\\WINDOW2"),
    (0x00282110, "CS", "00"),
]

_BETWEEN: list[Row] = [
    (0x00321032, "PN", "Referrer^Rita^^Dr."),
    (0x00321033, "LO", "Oncology"),
    (0x00321060, "LO", "CT thorax and abdomen with contrast"),
    (0x00321064, "SQ", [_code("CTTHABD", "99EXAMPLE", "CT thorax and abdomen with contrast")]),
    (0x00380010, "LO", Vary("admission")),
    (0x00400002, "DA", Vary("date")),
    (0x00400003, "TM", Vary("study_time")),
    (0x00400244, "DA", Vary("date")),
    (0x00400245, "TM", Vary("study_time")),
    (0x00400253, "SH", Vary("study_id")),
    (0x00400254, "LO", "CT thorax and abdomen with contrast"),
    (0x00400260, "SQ", [_code("CTTHABD", "99EXAMPLE", "CT thorax and abdomen with contrast")]),
    (0x00400275, "SQ", _REQUEST),
    (0x00401001, "SH", "RP20240117"),
    (0x00402017, "LO", "FILLER20240117"),
]

# group, creator, elements: what scanner makers add in their own groups
_PRIVATE = (
    (0x0009, "EXAMPLE IDENT 01", 4),
    (0x0019, "EXAMPLE ACQU 01", 20),
    (0x0021, "EXAMPLE MEDCOM 01", 10),
    (0x0029, "EXAMPLE HEADER 01", 6),
    (0x0043, "EXAMPLE PARM 01", 16),
)
_PRIVATE_VALUES: tuple[tuple[str, str | bytes], ...] = (
    ("DS", "1.000000"),
    ("IS", "1024"),
    ("LO", "Spiral 128x0.6 z-FFS"),
    ("SS", "-12"),
    ("SH", "ADAPT_3"),
    ("DS", "0.035000\\0.000000\\0.991450"),
    ("FD", "3.14159"),
    ("UN", bytes(range(48))),
    ("CS", "NORMAL"),
    ("SL", "-70211"),
    ("OB", b"\x01\x02\x03\x04" * 24),
    ("UI", "2.25.161803398874989484820458683436563811"),
    ("LT", "rotation 0.5 s; pitch 0.60; collimation 128 x 0.6 mm; dose modulation on"),
    ("FL", "0.25\\0.5\\0.75\\1"),
)


def _private_group(group: int, creator: str, count: int) -> list[Row]:
    rows: list[Row] = [(group << 16 | 0x10, "LO", creator)]
    for index in range(count):
        tag = group << 16 | 0x1000 | index
        vr, value = _PRIVATE_VALUES[(index + group) % len(_PRIVATE_VALUES)]
        rows.append((tag, vr, value))
    rows[-1] = (rows[-1][0], "DS", Vary("table_position_text"))
    item: list[Row] = [(group << 16 | 0x10, "LO", creator), (group << 16 | 0x1001, "DS", "0.5")]
    return [*rows, (group << 16 | 0x1080, "SQ", [item])]


def header() -> list[Row]:
    """Give the rows of the data set in the order of their tags, without pixels."""
    rows = [*_FIRST, *_LAST, *_BETWEEN]
    for group, creator, count in _PRIVATE:
        rows += _private_group(group, creator, count)
    return sorted(rows, key=lambda row: row[0])


def count_elements(rows: list[Row]) -> int:
    """Count the elements, those of nested items too."""
    nested = (item for _, _, value in rows if isinstance(value, list) for item in value)
    return len(rows) + sum(count_elements(item) for item in nested)
