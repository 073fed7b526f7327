import numpy as np
import pytest
import pywt
import torch
from adabench_plugins.depmap.wavelet import haar_dwt, haar_idwt

SIZES = [(8, 8), (6, 10), (7, 9), (1, 1), (1, 4), (5, 2)]


def maps(rows: int, columns: int) -> torch.Tensor:
    return torch.randn(2, rows, columns, 3, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_transform_equals_pywavelets(rows, columns):
    x = maps(rows, columns)
    low, details = haar_dwt(x)
    ours = [band.permute(0, 3, 1, 2).numpy() for band in (low, *details.chunk(3, dim=-1))]
    planes = x.permute(0, 3, 1, 2).numpy()
    approximation, bands = pywt.dwt2(planes, "haar", mode="symmetric", axes=(-2, -1))
    for got, wanted in zip(ours, (approximation, *bands), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (3, 5), (1, 1)])
def test_inverse_equals_pywavelets(rows, columns):
    low, details = maps(rows, columns), torch.cat([maps(rows, columns) * k for k in (2, 3, 4)], -1)
    planes = [b.permute(0, 3, 1, 2).numpy() for b in (low, *details.chunk(3, dim=-1))]
    wanted = pywt.idwt2((planes[0], tuple(planes[1:])), "haar", axes=(-2, -1))
    got = haar_idwt(low, details).permute(0, 3, 1, 2).numpy()
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_inverse_undoes_the_transform(rows, columns):
    x = maps(rows, columns)
    torch.testing.assert_close(haar_idwt(*haar_dwt(x), (rows, columns)), x)


@pytest.mark.parametrize(("rows", "columns"), [(4, 6), (3, 5)])
def test_gradients_equal_finite_differences(rows, columns):
    x = maps(rows, columns).requires_grad_()
    assert torch.autograd.gradcheck(haar_dwt, x)
    bands = [band.detach().requires_grad_() for band in haar_dwt(x)]
    assert torch.autograd.gradcheck(haar_idwt, bands)
    assert torch.autograd.gradgradcheck(haar_idwt, bands)
