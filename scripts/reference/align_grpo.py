"""Fixtures of GRPO's loss over ragged completions and of the Bradley-Terry loss, from the equations in float64.

Gradients are torch's. Log-ratios keep clear of the clipping borders, so that f32 decides as f64 does.
Run: python scripts/reference/align_grpo.py   (needs torch, safetensors)
"""
import torch
from fixture import gradients, save_fixture

torch.manual_seed(2402)
F64 = torch.float64
LENGTHS = [5, 1, 0, 17, 9, 3, 8, 2]
GROUP = 4


def advantages(rewards):
    groups = rewards.view(-1, GROUP)
    centred = groups - groups.mean(1, keepdim=True)
    return {
        "std": (centred / (groups.std(1, keepdim=True) + 1e-4)).flatten(),
        "populationStd": (centred / (groups.std(1, unbiased=False, keepdim=True) + 1e-4)).flatten(),
        "none": centred.flatten(),
    }


def loss_of(policy, old, reference, advantage, kind, level, low, high, beta, longest):
    """policy, old, reference: one tensor a completion."""
    sums, surrogates = [], []
    for p, o, ref, a in zip(policy, old, reference, advantage):
        log_ratio = p - o
        if level == "sequence" and len(p) > 0:
            log_ratio = log_ratio.mean().expand(len(p))
        ratio = log_ratio.exp()
        surrogate = torch.minimum(ratio * a, ratio.clamp(1 - low, 1 + high) * a)
        k3 = (ref - p).exp() - (ref - p) - 1
        sums.append((beta * k3 - surrogate).sum())
        surrogates.append((ratio, k3, surrogate))
    counts = torch.tensor([len(p) for p in policy], dtype=F64)
    sums = torch.stack(sums)
    if kind == "grpo":
        return (sums / counts.clamp(min=1)).mean(), surrogates
    if kind == "dr_grpo":
        return sums.sum() / (len(policy) * longest), surrogates
    return sums.sum() / counts.sum(), surrogates


def make_grpo(name, low, high, beta, longest=20):
    rewards = torch.randn(len(LENGTHS), dtype=F64).float().double()
    total = sum(LENGTHS)
    border = torch.tensor([1 - low, 1 + high], dtype=F64).log()

    def clear(old, policy):
        """Whether every ratio is at least 1e-3 away from where clipping begins."""
        pieces = [(p - o).mean()[None] for p, o in zip(policy.split(LENGTHS), old.split(LENGTHS)) if len(p) > 0]
        return all(((r[:, None] - border).abs() > 1e-3).all() for r in [policy - old, torch.cat(pieces)])

    while True:
        old = -torch.rand(total, dtype=F64) * 3
        policy = old + 0.3 * torch.randn(total, dtype=F64)
        reference = policy + 0.4 * torch.randn(total, dtype=F64)
        old, policy, reference = (x.float().double() for x in (old, policy, reference))
        if clear(old, policy):
            break
    policy.requires_grad_()
    adv = advantages(rewards)
    expected = {f"advantages.{key}": value for key, value in adv.items()}
    for level in ("token", "sequence"):
        for kind in ("grpo", "dapo", "bnpo", "dr_grpo"):
            parts = (x.split(LENGTHS) for x in (policy, old, reference))
            loss, pieces = loss_of(*parts, adv["std"], kind, level, low, high, beta, longest)
            expected[f"loss.{kind}.{level}"] = loss[None]
            expected[f"grad.{kind}.{level}"] = gradients(loss, {"policy": policy})["policy"]
        for i, key in enumerate(("ratio", "kl", "surrogate")):
            expected[f"{key}.{level}"] = torch.cat([piece[i] for piece in pieces])
    starts = torch.tensor([0] + LENGTHS).cumsum(0)
    inputs = {"rewards": rewards, "starts": starts, "policy": policy, "old": old, "reference": reference}
    config = {"groupSize": GROUP, "epsilonLow": low, "epsilonHigh": high, "beta": beta, "maxTokens": longest}
    save_fixture("align-grpo", name, config, inputs, expected)


def make_bradley_terry():
    scores = (2 * torch.randn(14, dtype=F64)).float().double().requires_grad_()
    pairs = torch.randperm(14).view(7, 2)
    margin = scores[pairs[:, 0]] - scores[pairs[:, 1]]
    loss = -torch.nn.functional.logsigmoid(margin).mean()
    expected = {"loss": loss[None], "accuracy": (margin > 0).to(F64).mean()[None], "margin": margin.mean()[None]}
    expected["grad"] = gradients(loss, {"scores": scores})["scores"]
    save_fixture("align-grpo", "bradley_terry", {}, {"scores": scores, "pairs": pairs}, expected)


make_grpo("grpo_ragged", 0.2, 0.28, 0.04)
make_grpo("grpo_ragged_strong_kl", 0.1, 0.1, 0.5)
make_bradley_terry()
