"""Self-attention against its definition, and that its projections are called."""

import math

import torch

from fad.encoders.attention import SelfAttention


def by_definition(attention: SelfAttention, x: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
    """softmax(Q K^T / sqrt(d)) V for each head in turn, in float64."""
    attention, x = attention.double(), x.double()
    dim = x.shape[2] // attention.num_heads
    heads = []
    for head in range(attention.num_heads):
        part = slice(head * dim, (head + 1) * dim)
        q, k, v = (getattr(attention, f"{name}_proj")(x)[..., part] for name in ("q", "k", "v"))
        scores = q @ k.transpose(1, 2) / math.sqrt(dim)
        scores = scores.masked_fill(padding[:, None], -torch.inf)
        heads.append(scores.softmax(-1) @ v)
    return attention.out_proj(torch.cat(heads, dim=-1))


def test_attention_is_its_definition_with_a_mask_over_keys():
    torch.manual_seed(0)
    attention, x = SelfAttention(12, 3), torch.randn(2, 5, 12)
    padding = torch.arange(5) >= torch.tensor([[5], [3]])
    with torch.no_grad():
        ours = attention(x, padding)
        theirs = by_definition(attention, x, padding)
    assert torch.allclose(ours.double(), theirs, atol=1e-6)


def test_no_mask_is_a_mask_without_padding():
    torch.manual_seed(0)
    attention, x = SelfAttention(8, 2), torch.randn(2, 4, 8)
    with torch.no_grad():
        assert torch.allclose(attention(x), attention(x, torch.zeros(2, 4, dtype=bool)), atol=1e-7)


def test_every_projection_is_called_as_a_module():
    attention, called = SelfAttention(8, 2), []
    for name, module in attention.named_children():
        module.register_forward_hook(lambda *_, name=name: called.append(name))
    attention(torch.randn(1, 3, 8))
    assert sorted(called) == ["k_proj", "out_proj", "q_proj", "v_proj"]
