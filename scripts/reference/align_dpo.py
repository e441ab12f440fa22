"""Fixtures of preference losses of ragged completions with their gradients, from the equations in float64.

Rows are sequences, all chosen ones first; a mask over tokens + 1 says which belong to the completion.
Run: python scripts/reference/align_dpo.py   (needs torch, safetensors)
"""
import math

import torch
from fixture import save_fixture
from torch.nn.functional import logsigmoid, relu

torch.manual_seed(2026)
F64 = torch.float64


def smoothed(logits, eps):
    return -(1 - eps) * logsigmoid(logits) - eps * logsigmoid(-logits)


def losses(policy, reference, lengths, beta, eps):
    """Names to values per pair (or rank); policy and reference [2P] are sums over completions."""
    (pc, pr), (rc, rr), (n, m) = policy.chunk(2), reference.chunk(2), lengths.chunk(2)
    a, b = pc - rc, pr - rr
    x = beta * (a - b)
    s = torch.sigmoid
    per_token = a / n - b / m
    return {
        "sigmoid": smoothed(x, 0),
        "conservative": smoothed(x, eps),
        "sigmoid_norm": smoothed(beta * per_token, 0),
        "hinge": relu(1 - x),
        "ipo": (per_token - 1 / (2 * beta)) ** 2,
        "robust": (-(1 - eps) * logsigmoid(x) + eps * logsigmoid(-x)) / (1 - 2 * eps),
        "exo_pair": s(x) * (logsigmoid(x) - math.log(1 - eps)) + s(-x) * (logsigmoid(-x) - math.log(eps)),
        "nca_pair": -logsigmoid(beta * a) - 0.5 * (logsigmoid(-beta * a) + logsigmoid(-beta * b)),
        "bco_pair": -logsigmoid(beta * a) - logsigmoid(-beta * b),
        "sppo_hard": (a - 1 / (2 * beta)) ** 2 + (b + 1 / (2 * beta)) ** 2,
        "apo_zero": 1 - s(beta * a) + s(beta * b),
        "apo_down": s(beta * a) + 1 - s(x),
        "aot": smoothed(beta * ((pc - pr).sort().values - (rc - rr).sort().values), eps),
        "aot_unpaired": smoothed(beta * (a.sort().values - b.sort().values), eps),
    }


def make(name, pairs, tokens, beta, eps, nll_weight):
    policy = (-torch.rand(2 * pairs, tokens, dtype=F64) * 3).float().to(F64).requires_grad_()
    reference = (policy.detach() + 0.7 * torch.randn(2 * pairs, tokens, dtype=F64)).float().to(F64)
    mask = torch.zeros(2 * pairs, tokens + 1, dtype=torch.int32)
    for row in mask:
        first = int(torch.randint(1, tokens // 2, ()))
        row[first : int(torch.randint(first + 1, tokens + 2, ()))] = 1
    lengths = mask.sum(1).to(F64)
    sums = [(logps * mask[:, 1:]).sum(1) for logps in (policy, reference)]
    expected = {}
    means = {loss: values.mean() for loss, values in losses(*sums, lengths, beta, eps).items()}
    nll = -sums[0][:pairs].sum() / lengths[:pairs].sum()
    means["sigmoid_nll"] = means["sigmoid"] + nll_weight * nll
    for loss, mean in means.items():
        expected[f"loss.{loss}"] = mean[None]
        (expected[f"grad.{loss}"],) = torch.autograd.grad(mean, policy, retain_graph=True)
    expected |= {"sequence_policy": sums[0], "sequence_reference": sums[1], "rewards": beta * (sums[0] - sums[1])}
    config = {"beta": beta, "label_smoothing": eps, "nll_weight": nll_weight, "pairs": pairs, "tokens": tokens}
    inputs = {"policy_logps": policy, "reference_logps": reference, "completion_mask": mask}
    save_fixture("align-dpo", name, config, inputs, expected)


make("dpo_five_pairs", 5, 12, 0.2, 0.15, 0.7)
make("dpo_one_pair", 1, 7, 1.0, 0.05, 1.5)
