"""Write a committed fixture: tensors in double precision beside a JSON that names their roles and tolerances."""
import json
import os

import torch
from safetensors.torch import save_file

PACKAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packages")


def save_fixture(package, name, config, inputs, expected, meanings=None):
    """inputs and expected map names to tensors. Floats are stored as F64 and must be met to 1e-10 of their largest value."""
    folder = os.path.join(PACKAGES, package, "fixtures")
    os.makedirs(folder, exist_ok=True)
    tensors, described, tolerance = {}, {}, {}
    for role, group in (("input", inputs), ("expected", expected)):
        for key, value in group.items():
            value = value.detach().contiguous()
            exact = not value.is_floating_point()
            tensors[key] = value.to(torch.int32) if exact else value.to(torch.float64)
            described[key] = {
                "role": "expected_exact" if exact and role == "expected" else role,
                "dtype": "I32" if exact else "F64",
                "shape": list(value.shape),
                **({"meaning": meanings[key]} if meanings and key in meanings else {}),
            }
            if role == "expected" and not exact:
                largest = float(value.abs().max())
                tolerance[key] = {"max_abs_value": largest, "atol": 2e-6 * largest}
    meta = {"name": name, "topic": package, "config": config, "tensors": described, "tolerance": tolerance}
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(meta, file, indent=1)
        file.write("\n")
    path = os.path.join(folder, name + ".safetensors")
    save_file(tensors, path)
    os.chmod(path, 0o644)


def gradients(scalar, tensors):
    """Names to gradients of `scalar` for every tensor of a dict."""
    found = torch.autograd.grad(scalar, list(tensors.values()))
    return dict(zip(tensors, found))
