"""Pictures for the samples: phantoms made of ellipses and bars.

Only the four operations, square roots and comparisons are used: they give the same result
everywhere, which sines and exponentials do not.
"""

# ruff: noqa: PLR2004 -- a picture is made of numbers

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]

AIR, LUNG, FAT, WATER, TISSUE, BLOOD, BONE = 24, 180, 930, 1024, 1070, 1300, 1900
"""CT numbers + 1024."""


def grid(rows: int, columns: int) -> tuple[Picture, Picture]:
    """Give y and x from -1 to 1, both on the scale of the longer side."""
    longer = max(rows, columns)
    y, x = np.mgrid[0:rows, 0:columns]
    return (2 * y + 1 - rows) / longer, (2 * x + 1 - columns) / longer


def ellipse(
    at: tuple[Picture, Picture], centre: tuple[float, float], radii: tuple[float, float]
) -> Picture:
    (y, x), (cy, cx), (ry, rx) = at, centre, radii
    inside: Picture = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
    return inside


def bar(
    at: tuple[Picture, Picture], start: tuple[float, float], end: tuple[float, float], radius: float
) -> Picture:
    """Give a bar with round ends."""
    dy, dx = end[0] - start[0], end[1] - start[1]
    py, px = at[0] - start[0], at[1] - start[1]
    along = np.clip((py * dy + px * dx) / (dy * dy + dx * dx), 0, 1)
    inside: Picture = (py - along * dy) ** 2 + (px - along * dx) ** 2 <= radius * radius
    return inside


def noise(shape: tuple[int, ...], seed: int, amplitude: int) -> Picture:
    """Give whole numbers from -amplitude to amplitude: a multiplicative hash of place and seed."""
    place = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(seed * 7919 + 1)
    mixed = (place * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    spread = (mixed >> np.uint64(13)) % np.uint64(2 * amplitude + 1)
    return spread.astype(np.int64).reshape(shape) - amplitude


def add_noise(canvas: Picture, seed: int, amplitude: int) -> Picture:
    noisy: Picture = np.clip(canvas + noise(canvas.shape, seed, amplitude), 0, 4095)
    return noisy.astype(np.int64)


def paint(canvas: Picture, *layers: tuple[Picture, float]) -> Picture:
    """Lay values over a canvas where each mask holds, the later over the earlier."""
    for mask, value in layers:
        canvas[mask] = value
    return canvas


def chest_slice(level: float, *, sharp: bool, size: int = 128) -> Picture:
    """Give a CT slice through the chest; level runs from 0 (apex) to 1 (base)."""
    at = grid(size, size)
    lung = 0.3 + 0.12 * level
    heart = 0.1 + 0.16 * level
    canvas = paint(
        np.full((size, size), AIR),
        (bar(at, (0.86, -0.7), (0.86, 0.7), 0.03), 500),
        (ellipse(at, (0, 0), (0.68, 0.92)), FAT),
        (ellipse(at, (0, 0), (0.62, 0.86)), TISSUE),
        (ellipse(at, (0, 0), (0.56, 0.8)), BONE - 500),
        (ellipse(at, (0, 0), (0.53, 0.77)), TISSUE),
        (ellipse(at, (-0.02, -0.42), (0.46, lung)), LUNG),
        (ellipse(at, (-0.02, 0.42), (0.46, lung)), LUNG),
        (ellipse(at, (-0.1, 0.1), (heart + 0.06, heart + 0.1)), TISSUE + 20),
        (ellipse(at, (-0.1, 0.12), (heart, heart)), BLOOD),
        (ellipse(at, (0.22, 0.1), (0.07, 0.07)), BLOOD + 40),
        (ellipse(at, (0.4, 0), (0.13, 0.12)), BONE),
        (ellipse(at, (0.42, 0), (0.05, 0.05)), TISSUE),
        (bar(at, (0.5, 0), (0.6, 0), 0.03), BONE),
    )
    nodule = 0.09 - 0.12 * abs(level - 0.4)
    paint(canvas, (ellipse(at, (-0.2, -0.45), (0.8 * nodule, nodule)), TISSUE))
    for branch in range(4):
        y = -0.28 + 0.17 * branch
        for side in (-1, 1):
            paint(canvas, (ellipse(at, (y, side * (0.34 + 0.05 * branch)), (0.022, 0.022)), TISSUE))
    return add_noise(canvas, int(level * 100), 60 if sharp else 18)


def quality_slice(size: int = 128) -> Picture:
    """Give a CT slice through a water phantom with inserts of known values."""
    at = grid(size, size)
    canvas = paint(
        np.full((size, size), AIR),
        (ellipse(at, (0, 0), (0.85, 0.85)), WATER + 120),
        (ellipse(at, (0, 0), (0.8, 0.8)), WATER),
    )
    places = ((-0.5, 0), (-0.25, 0.43), (0.25, 0.43), (0.5, 0), (0.25, -0.43), (-0.25, -0.43))
    values = (AIR, LUNG + 600, FAT, TISSUE + 60, BLOOD, BONE)
    for place, value in zip(places, values, strict=True):
        paint(canvas, (ellipse(at, place, (0.12, 0.12)), value))
    for line in range(5):
        x = -0.12 + 0.06 * line
        paint(canvas, (bar(at, (-0.12, x), (0.12, x), 0.012), BONE + 600))
    return add_noise(canvas, 3, 8)


def brain_slice(level: float, seed: int, size: int = 96) -> Picture:
    """Give a T2-weighted slice of a head with its skull; level runs from 0 to 1."""
    at = grid(size, size)
    width = 0.62 + 0.14 * (1 - abs(2 * level - 1))
    canvas = paint(
        np.zeros((size, size), dtype=np.int64),
        (ellipse(at, (0, 0), (width + 0.18, width + 0.02)), 900),
        (ellipse(at, (0, 0), (width + 0.12, width - 0.04)), 120),
        (ellipse(at, (0, 0), (width + 0.06, width - 0.1)), 2600),
        (ellipse(at, (0, 0), (width + 0.02, width - 0.14)), 1500),
        (ellipse(at, (0, -0.22), (width * 0.72, width * 0.3)), 1000),
        (ellipse(at, (0, 0.22), (width * 0.72, width * 0.3)), 1000),
        (bar(at, (-width, 0), (width * 0.9, 0), 0.015), 2400),
    )
    horn = 0.05 + 0.2 * (1 - abs(2 * level - 1))
    paint(
        canvas,
        (ellipse(at, (-0.05, -0.1), (horn, 0.07)), 3000),
        (ellipse(at, (-0.05, 0.1), (horn, 0.07)), 3000),
        (ellipse(at, (0.24, 0.3), (0.09 * level + 0.02, 0.07)), 2200),
    )
    return add_noise(canvas, seed, 90)


def chest_radiograph(*, lateral: bool, size: int = 160) -> Picture:
    """Give a chest radiograph; bright is dense."""
    at = grid(size, size)
    y, x = at
    canvas = 2300 - 500 * np.abs(x) + 250 * y
    if lateral:
        lungs = ellipse(at, (-0.05, 0), (0.72, 0.52))
        canvas = np.where(lungs, canvas * 0.45, canvas)
        canvas = np.where(bar(at, (-0.9, 0.45), (0.95, 0.4), 0.08), canvas + 900, canvas)
        canvas = np.where(ellipse(at, (0.3, -0.2), (0.32, 0.3)), canvas + 700, canvas)
    else:
        for side in (-1, 1):
            lung = ellipse(at, (-0.05, side * 0.42), (0.68, 0.33))
            canvas = np.where(lung, canvas * 0.45, canvas)
            for rib in range(7):
                bend = -0.62 + 0.17 * rib + 0.5 * (x - side * 0.3) ** 2
                on_rib = (np.abs(y - bend) < 0.025) & (side * x > 0.1) & (side * x < 0.78)
                canvas = np.where(on_rib, canvas + 350, canvas)
        canvas = np.where(bar(at, (-0.95, 0), (0.95, 0), 0.1), canvas + 500, canvas)
        canvas = np.where(ellipse(at, (0.28, 0.14), (0.3, 0.32)), canvas + 700, canvas)
        canvas = np.where(bar(at, (-0.68, -0.1), (-0.76, -0.7), 0.035), canvas + 400, canvas)
        canvas = np.where(bar(at, (-0.68, 0.1), (-0.76, 0.7), 0.035), canvas + 400, canvas)
    canvas = np.where(y > 0.72 + 0.4 * x * x - 0.1, canvas + 500, canvas)
    return add_noise(np.floor(canvas), 5, 40)


def hand_radiograph(*, right: bool, size: int = 128) -> Picture:
    """Give a hand with its bones; bright is dense."""
    at = grid(size, size)
    if right:
        at = (at[0], -at[1])
    tips = ((-0.15, -0.75), (-0.75, -0.4), (-0.9, -0.08), (-0.8, 0.24), (-0.5, 0.55))
    bases = ((0.4, -0.3), (0.2, -0.22), (0.15, -0.05), (0.2, 0.12), (0.28, 0.27))
    canvas = np.full((size, size), 250)
    paint(
        canvas,
        (ellipse(at, (0.35, 0), (0.42, 0.42)), 1100),
        (bar(at, (0.5, 0), (1, 0), 0.26), 1100),
    )
    for tip, base in zip(tips, bases, strict=True):
        paint(canvas, (bar(at, base, tip, 0.12), 1100))
    for tip, base in zip(tips, bases, strict=True):
        for start, end in ((0.02, 0.36), (0.42, 0.64), (0.7, 0.84), (0.89, 0.99)):
            ends = [
                (base[0] + t * (tip[0] - base[0]), base[1] + t * (tip[1] - base[1]))
                for t in (start, end)
            ]
            paint(canvas, (bar(at, ends[0], ends[1], 0.045), 3000))
    for column in range(3):
        paint(canvas, (ellipse(at, (0.5, -0.2 + 0.2 * column), (0.09, 0.09)), 2900))
    paint(
        canvas,
        (bar(at, (0.7, -0.13), (1, -0.13), 0.09), 3100),
        (bar(at, (0.7, 0.13), (1, 0.13), 0.07), 3100),
    )
    return add_noise(canvas, 9 + right, 40)


def breast(*, left: bool, oblique: bool, rows: int = 160, columns: int = 112) -> Picture:
    """Give a mammogram with the chest wall at the left edge for a left breast."""
    y, x = grid(rows, columns)
    x = x + columns / rows if left else columns / rows - x
    at = (y, x)
    outline = ellipse(at, (0.08 if oblique else 0, 0), (0.82, 1.05))
    canvas = paint(np.full((rows, columns), 30), (outline, 1300))
    for lobe in range(6):
        place = (-0.3 + 0.12 * lobe, 0.35 + 0.1 * (lobe % 3))
        paint(canvas, (ellipse(at, place, (0.16, 0.26)) & outline, 1900 + 90 * lobe))
    if oblique:
        paint(canvas, ((x + 0.55 * (y + 1)) < 0.7, 2700))
    for spot in range(5):
        paint(
            canvas,
            (ellipse(at, (0.05 * spot - 0.2, 0.6 + 0.03 * (spot % 2)), (0.014, 0.014)), 3900),
        )
    return add_noise(canvas, 2 * left + oblique, 45)


def heart_echo(phase: float, size: int = 96) -> Picture:
    """Give one frame of a four-chamber view; phase runs from 0 to 1 through the beat."""
    at = grid(size, size)
    y, x = at
    sector = (np.abs(x) <= 0.75 * (y + 0.95)) & (x * x + (y + 0.95) ** 2 <= 3.2)
    beat = 1 - 0.6 * min(phase, 1 - phase)
    tissue = 95 - 30 * y
    canvas = np.where(ellipse(at, (0.1, 0), (0.72, 0.58)), tissue + 60, tissue)
    for centre, radii in (
        ((-0.15, 0.2), (0.34 * beat, 0.17 * beat)),
        ((-0.15, -0.2), (0.3 * beat, 0.14 * beat)),
        ((0.5, 0.2), (0.2, 0.18)),
        ((0.5, -0.2), (0.2, 0.16)),
    ):
        canvas = np.where(ellipse(at, centre, radii), 18, canvas)
    speckle = noise(canvas.shape, int(phase * 64), 22)
    return np.where(sector, np.clip(np.floor(canvas) + speckle, 4, 255), 0).astype(np.int64)


def flow_echo(rows: int = 120, columns: int = 160) -> Picture:
    """Give a vessel in grey with its flow in colour, and the colour scale beside it."""
    at = grid(rows, columns)
    y, x = at
    grey = np.clip(np.floor(90 - 40 * y) + noise((rows, columns), 21, 30), 0, 255)
    vessel = np.abs(y - 0.12 * x) < 0.16
    grey = np.where(np.abs(y - 0.12 * x) < 0.2, 210, grey)
    grey = np.where(vessel, 12, grey)
    picture = np.stack([grey, grey, grey], axis=-1)
    speed = np.floor(235 * np.clip(1 - ((y - 0.12 * x) / 0.16) ** 2, 0, 1))
    box = vessel & (np.abs(x) < 0.55)
    picture[..., 0] = np.where(box & (x < 0.1), speed, picture[..., 0])
    picture[..., 2] = np.where(box & (x >= 0.1), speed, picture[..., 2])
    scale = (x > 0.9) & (np.abs(y) < 0.5)
    picture[..., 0] = np.where(scale, np.clip(np.floor(-510 * y), 0, 255), picture[..., 0])
    picture[..., 1] = np.where(scale, 0, picture[..., 1])
    picture[..., 2] = np.where(scale, np.clip(np.floor(510 * y), 0, 255), picture[..., 2])
    return picture.astype(np.int64)


def slide(rows: int = 96, columns: int = 160) -> Picture:
    """Give the overview of a stained slide: pink tissue with dark nuclei on white glass."""
    at = grid(rows, columns)
    picture = np.full((rows, columns, 3), (244, 242, 245))
    for centre, radii in (
        ((-0.05, -0.35), (0.36, 0.3)),
        ((0.08, 0.1), (0.3, 0.34)),
        ((-0.1, 0.62), (0.2, 0.14)),
    ):
        picture[ellipse(at, centre, radii)] = (226, 148, 186)
        picture[ellipse(at, centre, (radii[0] * 0.6, radii[1] * 0.5))] = (206, 112, 168)
    nuclei = (noise((rows, columns), 77, 100) > 80) & (picture[..., 1] < 200)
    picture[nuclei] = (92, 48, 128)
    return picture


def dog_radiograph(*, lateral: bool, rows: int = 112, columns: int = 160) -> Picture:
    """Give a dog's trunk; bright is dense."""
    at = grid(rows, columns)
    canvas = np.full((rows, columns), 200)
    paint(
        canvas,
        (ellipse(at, (0, 0), (0.55, 0.9)), 1500),
        (ellipse(at, (0.02, -0.3), (0.42, 0.42)), 700),
    )
    paint(
        canvas,
        (ellipse(at, (0.05, -0.22), (0.2, 0.18)), 1900),
        (ellipse(at, (0.05, 0.45), (0.3, 0.3)), 1750),
    )
    spine = -0.4 if lateral else 0.0
    for vertebra in range(16):
        place = (spine, -0.85 + 0.11 * vertebra)
        paint(canvas, (ellipse(at, place, (0.07, 0.045)), 2900))
    for rib in range(7):
        x = -0.6 + 0.1 * rib
        paint(canvas, (bar(at, (spine, x), (0.4, x + 0.12), 0.012), 2300))
        if not lateral:
            paint(canvas, (bar(at, (spine, x), (-0.4, x + 0.12), 0.012), 2300))
    return add_noise(canvas, 30 + lateral, 40)
