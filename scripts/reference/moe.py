"""Fixtures of one mixture-of-experts layer, from the equations in float64, checked against transformers' module.

Run: python scripts/reference/moe.py   (needs torch, transformers, safetensors)
"""
import math

import torch
from fixture import gradients, save_fixture
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf
from transformers.models.deepseek_v3.configuration_deepseek_v3 import DeepseekV3Config

torch.manual_seed(2025)
F64 = torch.float64


def mlp(x, gate, up, down):
    return (torch.nn.functional.silu(x @ gate.T) * (x @ up.T)) @ down.T


def route(c, logits, bias):
    scores = logits.sigmoid()
    choice = (scores + bias).detach()
    grouped = choice.view(len(choice), c["n_group"], -1)
    group_scores = grouped.topk(2, -1).values.sum(-1)
    kept = torch.zeros_like(group_scores, dtype=torch.bool).scatter_(1, group_scores.topk(c["topk_group"], -1).indices, True)
    limited = grouped.masked_fill(~kept[..., None], -math.inf).flatten(1)
    ranked = limited.sort(-1, descending=True)
    margin = (ranked.values[:, c["num_experts_per_tok"] - 1] - ranked.values[:, c["num_experts_per_tok"]]).min()
    indices = ranked.indices[:, : c["num_experts_per_tok"]]
    weights = scores.gather(1, indices)
    if c["norm_topk_prob"]:
        weights = weights / (weights.sum(-1, keepdim=True) + 1e-20)
    return scores, group_scores, indices, weights * c["routed_scaling_factor"], margin


def balance(c, scores, counted, batch, alpha):
    experts, k = c["n_routed_experts"], c["num_experts_per_tok"]
    f = torch.nn.functional.one_hot(counted, experts).sum(1).view(batch, -1, experts).to(F64).mean(1) * experts / k
    p = (scores / scores.sum(-1, keepdim=True)).view(batch, -1, experts).mean(1)
    return alpha * (f * p).sum(-1).mean()


def check_against_transformers(c, w, x, out):
    module = hf.DeepseekV3MoE(DeepseekV3Config(**c))
    state = {
        "gate.weight": w["gate_weight"],
        "gate.e_score_correction_bias": w["bias"],
        "experts.gate_up_proj": torch.cat([w["experts.gate_proj"], w["experts.up_proj"]], 1),
        "experts.down_proj": w["experts.down_proj"],
        **{f"shared_experts.{p}.weight": w["shared_experts." + p] for p in ("gate_proj", "up_proj", "down_proj")},
    }
    module.load_state_dict({k: v.detach().float() for k, v in state.items()})
    worst = (module(x.float()).view_as(out) - out).abs().max().item()
    assert worst < 1e-5 * out.abs().max().item(), worst


def make(name, c, batch, length):
    D, F, E = c["hidden_size"], c["moe_intermediate_size"], c["n_routed_experts"]
    Fs = F * c["n_shared_experts"]
    shapes = {"gate_weight": (E, D), "experts.gate_proj": (E, F, D), "experts.up_proj": (E, F, D), "experts.down_proj": (E, D, F)}
    shapes |= {"shared_experts.gate_proj": (Fs, D), "shared_experts.up_proj": (Fs, D), "shared_experts.down_proj": (D, Fs)}
    w = {k: (torch.randn(s, dtype=F64) * 1.5 / math.sqrt(s[-1])).requires_grad_() for k, s in shapes.items()}
    bias = 0.1 * torch.randn(E, dtype=F64)
    x = torch.randn(batch, length, D, dtype=F64, requires_grad=True)
    grad_out = torch.randn_like(x)
    flat = x.view(-1, D)
    logits = flat @ w["gate_weight"].T
    scores, group_scores, indices, weights, margin = route(c, logits, bias)
    assert margin > 1e-4, margin
    out = mlp(flat, *(w["shared_experts." + p] for p in ("gate_proj", "up_proj", "down_proj")))
    for slot in range(c["num_experts_per_tok"]):
        per_token = torch.vmap(lambda u, e: mlp(u[None], w["experts.gate_proj"][e], w["experts.up_proj"][e], w["experts.down_proj"][e])[0])
        out = out + weights[:, slot, None] * per_token(flat, indices[:, slot])
    check_against_transformers(c, {**w, "bias": bias}, x, out)
    grads = gradients((out.view_as(x) * grad_out).sum(), {"x": x, **w})
    load = torch.bincount(indices.flatten(), minlength=E)
    expected = {
        "topk_indices": indices, "load": load, "scores": scores, "group_scores": group_scores, "topk_weights": weights,
        "out": out.view_as(x), "grad_x": grads.pop("x"), "grad.gate": grads.pop("gate_weight"),
        **{"grad." + k: v for k, v in grads.items()},
        "bias_updated": bias + 0.001 * torch.sign(load.to(F64).mean() - load),
    }
    for variant, counted in (("literal", scores.topk(c["num_experts_per_tok"], -1).indices), ("selected", indices)):
        leaf = logits.detach().requires_grad_()
        loss = balance(c, leaf.sigmoid(), counted, batch, 0.01)
        expected[f"balance_loss_{variant}"] = loss[None]
        expected[f"balance_grad_logits_{variant}"] = torch.autograd.grad(loss, leaf)[0]
    config = {**c, "batch": batch, "length": length, "bias_update_gamma": 0.001, "balance_alpha": 0.01}
    save_fixture("moe", name, config, {"x": x, "grad_out": grad_out, "bias": bias, **w}, expected)


make("layer_groups", {"hidden_size": 16, "moe_intermediate_size": 8, "n_routed_experts": 8, "n_group": 4, "topk_group": 2, "num_experts_per_tok": 3, "n_shared_experts": 1, "routed_scaling_factor": 2.5, "norm_topk_prob": True}, 2, 6)
make("layer_plain_weights", {"hidden_size": 12, "moe_intermediate_size": 6, "n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "n_shared_experts": 2, "routed_scaling_factor": 1.0, "norm_topk_prob": False}, 1, 7)
