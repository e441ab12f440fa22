"""Fixtures of multi-token prediction modules around a small causal block, from the equations in float64.

The block is x_i + mean over j <= i of W x_j: what matters here is everything around it.
Run: python scripts/reference/mtp.py   (needs torch, safetensors)
"""
import math

import torch
from fixture import gradients, save_fixture

torch.manual_seed(2026)
F64 = torch.float64
EPS = 1e-6


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight


def block(x, weight):
    length = x.shape[1]
    mean = torch.ones(length, length, dtype=F64).tril() / torch.arange(1, length + 1)[:, None]
    return x + torch.einsum("ij,bjd->bid", mean, x @ weight.T)


def make(name, hidden_variant, denominator, depth, B=2, T=8, D=12, V=17, weight=0.3):
    shapes = {"hidden": (B, T, D), "embedding": (V, D), "head": (V, D)}
    for k in range(1, depth + 1):
        shapes |= {f"{k}.enorm": (D,), f"{k}.hnorm": (D,), f"{k}.ehProj": (D, 2 * D), f"{k}.sharedHeadNorm": (D,), f"{k}.block": (D, D)}
    p = {k: (torch.randn(s, dtype=F64) if len(s) > 1 else 1 + 0.2 * torch.randn(s, dtype=F64)) for k, s in shapes.items()}
    p = {k: (v / math.sqrt(v.shape[-1]) if v.dim() == 2 else v).requires_grad_() for k, v in p.items()}
    tokens = torch.randint(V, (B, T + 1))
    labels = tokens[:, 1:].clone()
    labels[0, 3] = -100
    expected, previous, losses = {}, p["hidden"], []
    for k in range(1, depth + 1):
        embedding = p["embedding"][tokens[:, k:T]]
        joined = torch.cat([rms_norm(embedding, p[f"{k}.enorm"]), rms_norm(previous[:, : T - k], p[f"{k}.hnorm"])], -1)
        hidden = block(joined @ p[f"{k}.ehProj"].T, p[f"{k}.block"])
        normed = rms_norm(hidden, p[f"{k}.sharedHeadNorm"])
        logits = normed @ p["head"].T
        sums = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, k:].flatten(), reduction="sum")
        counted = labels if denominator == "T" else labels[:, k:]
        losses.append(sums / (counted != -100).sum())
        previous = normed if hidden_variant == "normed" else hidden
        expected |= {f"hidden.{k}": hidden, f"logits.{k}": logits, f"loss.{k}": losses[-1][None]}
    total = weight / depth * sum(losses)
    expected["mtp_loss"] = total[None]
    expected |= {"grad." + k: v for k, v in gradients(total, p).items()}
    config = {"hidden_size": D, "vocab_size": V, "rms_norm_eps": EPS, "depth": depth, "batch": B, "length": T, "mtp_lambda": weight, "mtp_hidden": hidden_variant, "mtp_loss_denominator": denominator}
    save_fixture("mtp", name, config, {"input_ids": tokens[:, :T], "labels": labels, **p}, expected)


make("two_depths_normed", "normed", "T", 2)
make("two_depths_raw", "raw", "T-k", 2)
