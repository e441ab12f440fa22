"""Fixtures of the FP8 codecs and of tile and block quantisation, from ml_dtypes, torch and numpy's float16.

Run: python scripts/reference/fp8.py   (needs torch, numpy, ml_dtypes, safetensors)
"""
import json
import os

import ml_dtypes
import numpy as np
import torch
from fixture import PACKAGES
from safetensors.numpy import save_file

FOLDER = os.path.join(PACKAGES, "fp8-codec", "fixtures")
RANDOM = np.random.default_rng(2025)
TORCH = {"e4m3fn": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
ML = {"e4m3fn": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
MAX = {"e4m3fn": 448.0, "e5m2": 57344.0, "e5m6": 65024.0}
NAN = {"e4m3fn": 0x7F, "e5m2": 0x7F, "e5m6": 0x7FF}
SIGN = {"e4m3fn": 0x80, "e5m2": 0x80, "e5m6": 0x800}


def save(name, config, tensors):
    os.makedirs(FOLDER, exist_ok=True)
    dtypes = {"uint8": "U8", "uint16": "U16", "int32": "I32", "float32": "F32"}
    described = {
        key: {"role": "input" if key.startswith("x") else "expected_exact", "dtype": dtypes[str(value.dtype)], "shape": list(value.shape)}
        for key, value in tensors.items()
    }
    meta = {"name": name, "topic": "fp8-codec", "config": config, "tensors": described, "tolerance": {}}
    with open(os.path.join(FOLDER, name + ".json"), "w") as file:
        json.dump(meta, file, indent=1)
        file.write("\n")
    path = os.path.join(FOLDER, name + ".safetensors")
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, path)
    os.chmod(path, 0o644)


def values_of(fmt):
    """The value of every code, as float64. e5m6 is float16 without the last 4 bits of its significand."""
    if fmt == "e5m6":
        return (np.arange(4096, dtype=np.uint16) << 4).view(np.float16).astype(np.float64)
    return np.arange(256, dtype=np.uint8).view(ML[fmt]).astype(np.float64)


def nearest_e5m6(x):
    """Codes without sign of finite |x| among the values, to nearest, ties to the even code; 0x7c0 from half above the largest on."""
    values = values_of("e5m6")[:0x7C0]
    x = np.abs(x.astype(np.float64))
    above = np.clip(np.searchsorted(values, x), 1, 0x7BF)
    low, high = x - values[above - 1], values[above] - x
    code = np.where((low < high) | ((low == high) & (above % 2 == 1)), above - 1, above)
    return np.where(x >= 65024 + 256, 0x7C0, code)


def encode(fmt, x, policy):
    """Codes of f32 values; NaN as in the package: all ones behind the sign."""
    signs = np.where(np.signbit(x), SIGN[fmt], 0)
    if fmt == "e5m6":
        codes = nearest_e5m6(np.where(np.isfinite(x), x, 0)) | signs
        codes = np.where(np.isinf(x), 0x7C0 | signs, codes)
        if policy == "saturate":
            codes = np.where(codes & 0x7FF == 0x7C0, 0x7BF | signs, codes)
    elif policy == "torch":
        codes = torch.from_numpy(x.copy()).to(TORCH[fmt]).view(torch.uint8).numpy().astype(np.int64)
    elif policy == "nonsaturating":
        with np.errstate(all="ignore"):
            codes = x.astype(ML[fmt]).view(np.uint8).astype(np.int64)
        codes = np.where(np.isnan(values_of(fmt)[codes]), NAN[fmt] | signs, codes)
    else:
        codes = encode(fmt, np.where(np.isnan(x), x, np.clip(x, -MAX[fmt], MAX[fmt])), "nonsaturating")
    codes = np.where(np.isnan(x), NAN[fmt] | signs, codes)
    return codes.astype(np.uint16 if fmt == "e5m6" else np.uint8)


def inputs(fmt):
    """Every value, every middle of two and its neighbours in f32, what overflows, and numbers of all sizes."""
    values = values_of(fmt)[: SIGN[fmt]]
    values = values[np.isfinite(values)]
    ends = np.append(values, 2 * values[-1] - values[-2])
    middles = ((ends[1:] + ends[:-1]) / 2).astype(np.float32)
    assert np.array_equal(middles.astype(np.float64), (ends[1:] + ends[:-1]) / 2)
    if fmt == "e5m6":  # every exponent, a third of its significands
        middles, values = middles[::3], values[::3]
    x = np.concatenate([
        values.astype(np.float32), middles, np.nextafter(middles, np.float32(0)), np.nextafter(middles, np.float32(np.inf)),
        np.exp2(RANDOM.uniform(-150, 128, 100)).astype(np.float32),
        np.array([0, 1e-45, 1.1754942e-38, 1.17549435e-38, 3.4028235e38, np.inf, np.nan], np.float32),
    ])
    largest = np.nextafter(np.array([ends[-2], ends[-1]], np.float32), np.float32(np.inf))
    x = np.concatenate([x, largest])
    return np.concatenate([x, -x])


for fmt in MAX:
    x = inputs(fmt)
    codes = {f"codes_{policy}": encode(fmt, x, policy) for policy in ("saturate", "nonsaturating")}
    if fmt in TORCH:
        codes["codes_torch"] = encode(fmt, x, "torch")
    with np.errstate(invalid="ignore"):
        decoded = values_of(fmt).astype(np.float32)
    decoded[np.isnan(decoded)] = np.nan
    save(f"codec_{fmt}", {"format": fmt, "max": MAX[fmt]}, {"x_bits": x.view(np.int32), **codes, "decoded_bits": decoded.view(np.int32)})


def round_up(scales):
    """The smallest power of two that is not less, in float64, where log2 of what is not a power of two cannot come out whole."""
    mantissas, exponents = np.frexp(scales.astype(np.float64))
    return np.ldexp(1.0, np.where(mantissas == 0.5, exponents - 1, exponents)).astype(np.float32)


def quantize(x, fmt, high, wide, powers, reciprocal, floor=1e-4):
    """From the definition, tile by tile, in numpy's float32."""
    rows, columns = x.shape
    scales = np.zeros((-(-rows // high), -(-columns // wide)), np.float32)
    codes = np.zeros(x.shape, np.uint16 if fmt == "e5m6" else np.uint8)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            at = (slice(i * high, (i + 1) * high), slice(j * wide, (j + 1) * wide))
            amax = np.maximum(np.abs(x[at]).max(), np.float32(floor))
            scale = amax / np.float32(MAX[fmt])
            scale = round_up(scale) if powers else scale
            quotient = x[at] * (np.float32(1) / scale) if reciprocal else x[at] / scale
            assert quotient.dtype == np.float32
            scales[i, j], codes[at] = scale, encode(fmt, quotient, "saturate")
    return scales, codes


def tiles(name, shape, tiling, formats):
    high, wide = {"row": (1, 128), "column": (128, 1), "block": (128, 128)}[tiling]
    x = (RANDOM.standard_normal(shape) * np.exp2(RANDOM.integers(-8, 8, (shape[0], 1)))).astype(np.float32)
    x.flat[::17] = 0
    x.flat[::34] = -0.0
    if tiling != "block":
        x[x.shape[0] // 2] = 0
        x[:, x.shape[1] // 2] = -0.0
    tensors = {"x": x}
    for fmt in formats:
        for label, powers, reciprocal in (("f32", False, False), ("powerOfTwo", True, False), ("reciprocal", False, True)):
            scales, codes = quantize(x, fmt, high, wide, powers, reciprocal)
            tensors[f"{fmt}.{label}.codes"] = codes
            if not reciprocal:
                tensors[f"{fmt}.{label}.scales"] = scales
    save(name, {"tiling": tiling}, tensors)


tiles("tiles_row", (5, 259), "row", MAX)
tiles("tiles_column", (259, 5), "column", MAX)
tiles("tiles_block", (130, 17), "block", MAX)
tiles("tiles_block_wide", (3, 300), "block", MAX)
