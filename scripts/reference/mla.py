"""Fixtures of one multi-head latent attention layer, from the equations in float64, checked against transformers' module.

Run: python scripts/reference/mla.py   (needs torch, transformers, safetensors)
"""
import math

import torch
from fixture import gradients, save_fixture
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as hf
from transformers.models.deepseek_v3.configuration_deepseek_v3 import DeepseekV3Config

torch.manual_seed(2024)
F64 = torch.float64


def mscale(factor, amount):
    return 0.1 * amount * math.log(factor) + 1 if factor > 1 else 1.0


def inverse_frequencies(c):
    dim, theta, scaling = c["qk_rope_head_dim"], c["rope_theta"], c["rope_scaling"]
    plain = theta ** (-torch.arange(0, dim, 2, dtype=F64) / dim)
    if scaling is None:
        return plain
    length = scaling["original_max_position_embeddings"]

    def pair(turns):
        return dim * math.log(length / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(pair(scaling["beta_fast"])), 0)
    high = min(math.ceil(pair(scaling["beta_slow"])), dim - 1)
    ramp = ((torch.arange(dim // 2, dtype=F64) - low) / max(high - low, 0.001)).clamp(0, 1)
    return plain * (1 - ramp) + plain / scaling["factor"] * ramp


def rms_norm(x, weight, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, angles):
    """x [B, T, heads, R], angles [B, T, R/2]; adjacent pairs."""
    z = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    turned = z * torch.polar(torch.ones_like(angles), angles)[:, :, None]
    return torch.view_as_real(turned).flatten(-2)


def layer(c, w, x, positions, documents):
    B, T, _ = x.shape
    N, nope, rope, v_dim = c["num_attention_heads"], c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"]
    angles = positions[..., None] * inverse_frequencies(c)
    if c["q_lora_rank"] is None:
        q = x @ w["q_proj.weight"].T
    else:
        q = rms_norm(x @ w["q_a_proj.weight"].T, w["q_a_layernorm.weight"]) @ w["q_b_proj.weight"].T
    q_nope, q_rope = q.view(B, T, N, nope + rope).split([nope, rope], -1)
    latent, k_rope = (x @ w["kv_a_proj_with_mqa.weight"].T).split([c["kv_lora_rank"], rope], -1)
    latent = rms_norm(latent, w["kv_a_layernorm.weight"])
    k_rope = rotate(k_rope[:, :, None], angles)
    k_nope, v = (latent @ w["kv_b_proj.weight"].T).view(B, T, N, nope + v_dim).split([nope, v_dim], -1)
    q = torch.cat([q_nope, rotate(q_rope, angles)], -1)
    k = torch.cat([k_nope, k_rope.expand(B, T, N, rope)], -1)
    scale = (nope + rope) ** -0.5
    if c["rope_scaling"] is not None:
        scale *= mscale(c["rope_scaling"]["factor"], c["rope_scaling"]["mscale_all_dim"]) ** 2
    visible = torch.ones(T, T, dtype=torch.bool).tril() & (documents[:, :, None] == documents[:, None])
    logits = torch.einsum("btnd,bsnd->bnts", q, k) * scale
    p = logits.masked_fill(~visible[:, None], -math.inf).softmax(-1)
    out = torch.einsum("bnts,bsnd->btnd", p, v).reshape(B, T, N * v_dim) @ w["o_proj.weight"].T
    return out, latent, k_rope[:, :, 0], visible


def check_against_transformers(c, w, x, positions, visible, out):
    config = DeepseekV3Config(**{**c, "attn_implementation": "eager"})
    config._attn_implementation = "eager"
    module = hf.DeepseekV3Attention(config, 0)
    module.load_state_dict({k: v.float() for k, v in w.items()})
    cos_sin = hf.DeepseekV3RotaryEmbedding(config)(x.float(), positions)
    mask = torch.zeros(visible.shape).masked_fill(~visible, torch.finfo(torch.float32).min)[:, None]
    got = module(x.float(), cos_sin, mask, position_ids=positions)[0]
    worst = (got - out).abs().max().item()
    assert worst < 1e-4 * out.abs().max().item(), worst


def make(name, c, batch, length, first, documents):
    D, N, C = c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"]
    qk = c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
    shapes = {
        "kv_a_proj_with_mqa.weight": (C + c["qk_rope_head_dim"], D),
        "kv_a_layernorm.weight": (C,),
        "kv_b_proj.weight": (N * (c["qk_nope_head_dim"] + c["v_head_dim"]), C),
        "o_proj.weight": (D, N * c["v_head_dim"]),
    }
    Q = c["q_lora_rank"]
    if Q is None:
        shapes["q_proj.weight"] = (N * qk, D)
    else:
        shapes |= {"q_a_proj.weight": (Q, D), "q_a_layernorm.weight": (Q,), "q_b_proj.weight": (N * qk, Q)}
    w = {k: (torch.randn(s, dtype=F64) / math.sqrt(s[-1]) if len(s) == 2 else 1 + 0.2 * torch.randn(s, dtype=F64)).requires_grad_() for k, s in shapes.items()}
    x = torch.randn(batch, length, D, dtype=F64, requires_grad=True)
    grad_out = torch.randn(batch, length, D, dtype=F64)
    documents = torch.tensor(documents, dtype=torch.int32).expand(batch, length)
    positions = (first + torch.arange(length)).expand(batch, length)
    out, latent, rope_key, visible = layer(c, w, x, positions, documents)
    check_against_transformers(c, w, x, positions, visible, out)
    grads = gradients((out * grad_out).sum(), {"x": x, **w})
    save_fixture(
        "mla",
        name,
        {**c, "batch": batch, "length": length, "first_position": first},
        {"x": x, "grad_out": grad_out, "documents": documents, **{"weight." + k: v for k, v in w.items()}},
        {"out": out, "latent_cache": latent, "rope_key_cache": rope_key, "grad_x": grads.pop("x"), **{"grad." + k: v for k, v in grads.items()}},
    )


sizes = {"hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 2, "kv_lora_rank": 12, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 6, "rope_theta": 10000.0, "max_position_embeddings": 4096}
yarn = {"type": "yarn", "factor": 40.0, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096}
make("layer_latent_queries_yarn", {**sizes, "q_lora_rank": 10, "rope_scaling": yarn}, 2, 9, 100, [0] * 9)
make("layer_plain_documents", {**sizes, "q_lora_rank": None, "rope_scaling": None}, 1, 11, 0, [0] * 4 + [3] * 6 + [5])
