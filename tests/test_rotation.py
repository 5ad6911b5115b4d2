"""R is the one of torch's own parametrization, and costs no more than what it is made of."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

from reft_studio.rotation import orthonormal
from tests.test_cache import Operations

SIZES = [(1, 7), (4, 64), (8, 9)]


def linear(rank, width):
    torch.manual_seed(0)
    return nn.Linear(width, rank, bias=False)


@pytest.mark.parametrize(("rank", "width"), SIZES)
def test_it_learns_what_torchs_own_does(rank, width):
    ours = orthonormal(linear(rank, width))
    torchs = orthogonal(linear(rank, width), orthogonal_map="householder", use_trivialization=False)
    goal = torch.randn(rank, width)
    for _ in range(5):
        losses = []
        for layer in (ours, torchs):
            layer.zero_grad()
            losses.append((layer.weight - goal).square().sum())
            losses[-1].backward()
            torch.optim.SGD(layer.parameters(), lr=0.1).step()
        assert torch.allclose(*losses, rtol=1e-5)
    found, wanted = (next(layer.parameters()).grad for layer in (ours, torchs))
    assert torch.allclose(found, wanted, atol=1e-4 * (1 + wanted.abs().max().item()))
    assert torch.allclose(ours.weight, torchs.weight, atol=1e-5)


@pytest.mark.parametrize(("rank", "width"), [*SIZES, (16, 16)])
def test_rows_are_orthonormal_whatever_the_numbers_and_can_be_set(rank, width):
    layer = orthonormal(linear(rank, width))
    with torch.no_grad():
        (numbers,) = layer.parameters()
        numbers += 30 * torch.randn(rank, width).triu(1)
    assert torch.allclose(layer.weight @ layer.weight.T, torch.eye(rank), atol=1e-5)
    wanted = torch.linalg.qr(torch.randn(width, rank)).Q.T
    layer.weight = wanted
    assert torch.allclose(layer.weight, wanted, atol=1e-5)
    layer.weight = torch.eye(rank, width)
    assert torch.equal(layer.weight, torch.eye(rank, width))


def test_nothing_is_computed_that_is_larger_than_the_rows():
    layer = orthonormal(linear(4, 500))
    with Operations() as computed:
        layer.weight.sum().backward()
    assert computed.largest == 4 * 500
