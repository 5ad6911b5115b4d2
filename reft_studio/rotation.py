"""R with orthonormal rows: the one of torch.nn.utils.parametrizations.orthogonal, at a fraction of the cost.

R is the first rows of a product of Householder reflections I - 2 v vᵀ / vᵀv, one for each row. torch takes
one after the other, and for its derivative makes width x width numbers for each of them. The UT transform
(Joffrain et al., "Accumulating Householder transformations, revisited", 2006) takes all at once, and nothing
is larger than R: it is I - Vᵀ S⁻¹ V, where S is the upper triangle of V Vᵀ with half of its diagonal.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class Reflections(nn.Module):
    """From numbers [rank, width] to orthonormal rows, and back.

    V has what is above their diagonal, and 1 on its own. Their diagonal has the signs of R's rows.
    """

    def forward(self, X: Tensor) -> Tensor:
        """R, orthonormal for any X; signs are not learned."""
        rank = len(X)
        start = torch.eye(*X.shape, dtype=X.dtype, device=X.device)
        V = X.triu(1) + start
        gram = V @ V.mT
        S = gram.triu(1) + gram.diagonal().diag() / 2
        turned = torch.linalg.solve_triangular(S, V[:, :rank], upper=True)
        signs = X.detach().diagonal().sign()
        R: Tensor = signs[:, None] * (start - turned.mT @ V)
        return R

    @torch.no_grad()
    def right_inverse(self, R: Tensor) -> Tensor:
        """The numbers that R follows from; rows that are not orthonormal are made so, one after the other."""
        # On the processor: not every device knows this decomposition.
        X, scales = torch.geqrf(R.mT.cpu())
        signs = X.diagonal().sign_()
        # Where a row needs no reflection, LAPACK makes none, and `forward` one that turns its sign.
        signs[scales == 0] *= -1
        return X.mT.to(R.device)


def orthonormal(linear: nn.Linear) -> nn.Linear:
    """The same layer, whose weight has orthonormal rows from now on."""
    parametrize.register_parametrization(linear, "weight", Reflections())
    return linear
