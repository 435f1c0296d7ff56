"""A torch module as a network: the same numbers as torch's own autograd."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from chainrule_client import from_torch, local  # noqa: E402

BATCH, WIDTH, CLASSES = 7, 5, 3

ACTIVATIONS = [
    nn.Identity(),
    nn.ReLU(),
    nn.ReLU6(),
    nn.Hardtanh(),
    nn.Hardtanh(-0.3, 0.4),
    nn.LeakyReLU(),
    nn.LeakyReLU(0.2),
    nn.PReLU(),
    nn.PReLU(WIDTH),
    nn.ELU(),
    nn.ELU(0.7),
    nn.CELU(2.0),  # torch rounds 1/α to single precision in the derivative
    nn.SELU(),
    nn.Sigmoid(),
    nn.Tanh(),
    nn.Softplus(),
    nn.Softplus(beta=2.0),
    nn.GELU(),
    nn.GELU(approximate="tanh"),
    nn.SiLU(),
    nn.Softsign(),
    nn.Mish(),
    nn.Softmax(dim=-1),
    nn.Softmax(dim=1),
    nn.LogSoftmax(dim=-1),
    nn.Flatten(),
    nn.Dropout(0.5).eval(),
    nn.Dropout(0.0),
]


def grad(tensor):
    return tensor.grad.numpy()


def agree(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations_have_torchs_values_and_gradients(activation):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, WIDTH), activation, nn.Linear(WIDTH, CLASSES, bias=False)).double()
    x, y = torch.randn(BATCH, 4).double(), torch.randn(BATCH, CLASSES).double()
    loss = nn.MSELoss()(model(x), y)
    model.zero_grad()
    loss.backward()
    reply = local.gradients(**from_torch(model, nn.MSELoss()), inputs=x, targets=y)
    agree(reply.outputs, model(x).detach().numpy())
    agree(reply.loss, float(loss.detach()))
    agree(reply.gradients["W1"], grad(model[0].weight))
    agree(reply.gradients["b1"], grad(model[0].bias))
    agree(reply.gradients["W2"], grad(model[2].weight))
    if isinstance(activation, nn.PReLU):
        agree(reply.gradients["a1.slope"], grad(activation.weight).squeeze())


def probabilities(*shape):
    return torch.softmax(torch.randn(*shape), dim=-1).double()


WEIGHTS = torch.tensor([0.5, 2.0, 1.5]).double()
INDICES = torch.tensor([0, 2, 1, 1, 0, 2, 2])
IGNORING = torch.tensor([0, -100, 1, 1, -100, 2, 2])
LOSSES = [
    (nn.MSELoss, {}, None, torch.randn(BATCH, CLASSES)),
    (nn.L1Loss, {}, None, torch.randn(BATCH, CLASSES)),
    (nn.HuberLoss, {"delta": 0.3}, None, torch.randn(BATCH, CLASSES)),
    (nn.SmoothL1Loss, {"beta": 0.4}, None, torch.randn(BATCH, CLASSES)),
    (nn.BCELoss, {}, nn.Sigmoid(), torch.rand(BATCH, CLASSES)),
    (nn.BCEWithLogitsLoss, {}, None, torch.rand(BATCH, CLASSES)),
    (nn.CrossEntropyLoss, {}, None, INDICES),
    (nn.CrossEntropyLoss, {"weight": WEIGHTS, "label_smoothing": 0.1}, None, INDICES),
    (nn.CrossEntropyLoss, {"weight": WEIGHTS}, None, IGNORING),
    (nn.CrossEntropyLoss, {"weight": WEIGHTS, "label_smoothing": 0.2}, None, probabilities(BATCH, CLASSES)),
    (nn.CrossEntropyLoss, {"ignore_index": 2}, None, INDICES),
    (nn.NLLLoss, {}, nn.LogSoftmax(dim=-1), INDICES),
    (nn.NLLLoss, {"weight": WEIGHTS}, nn.LogSoftmax(dim=-1), IGNORING),
    (nn.KLDivLoss, {}, nn.LogSoftmax(dim=-1), probabilities(BATCH, CLASSES)),
]


CASES = [(*case, reduction) for case in LOSSES for reduction in ("mean", "sum")]
CASES.append((*LOSSES[-1], "batchmean"))


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize(("kind", "options", "head", "targets", "reduction"), CASES)
def test_losses_have_torchs_values_and_gradients(kind, options, head, targets, reduction):
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, CLASSES), *([head] if head else [])).double()
    x = torch.randn(BATCH, 4).double()
    targets = targets if targets.dtype == torch.int64 else targets.double()
    criterion = kind(**options, reduction=reduction)
    loss = criterion(model(x), targets)
    loss.backward()
    reply = local.gradients(**from_torch(model, criterion), inputs=x, targets=targets)
    agree(reply.loss, float(loss.detach()))
    agree(reply.gradients["W1"], grad(model[0].weight))
    agree(reply.gradients["b1"], grad(model[0].bias))


def test_nested_sequentials_are_one_chain():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Sequential(nn.Sequential(nn.Linear(3, 1))))
    assert [layer["op"] for layer in from_torch(model)["network"].spec["layers"]] == ["linear", "relu", "linear"]


def test_a_single_layer_is_a_network():
    assert [layer["op"] for layer in from_torch(nn.Tanh())["network"].spec["layers"]] == ["tanh"]


def test_a_layer_used_twice_is_a_shared_weight():
    torch.manual_seed(5)
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.Tanh(), layer).double()
    x, y = torch.randn(BATCH, 3).double(), torch.randn(BATCH, 3).double()
    nn.MSELoss()(model(x), y).backward()
    gradients = local.gradients(**from_torch(model, nn.MSELoss()), inputs=x, targets=y).gradients
    agree(gradients["0.weight"], grad(layer.weight))
    agree(gradients["0.bias"], grad(layer.bias))


def test_a_slope_used_twice_is_shared_too():
    slope = nn.PReLU()
    model = nn.Sequential(slope, nn.Linear(3, 3), slope).double()
    x, y = torch.randn(BATCH, 3).double(), torch.randn(BATCH, 3).double()
    nn.MSELoss()(model(x), y).backward()
    gradients = local.gradients(**from_torch(model, nn.MSELoss()), inputs=x, targets=y).gradients
    agree(gradients["0.weight"], grad(slope.weight).squeeze())


def test_single_precision_modules_are_computed_in_single_precision():
    model = nn.Sequential(nn.Linear(2, 3))
    problem = from_torch(model)
    assert problem["dtype"] == "float32"
    assert local.forward(**problem, inputs=[[1.0, 2.0]]).meta["dtype"] == "float32"
    assert from_torch(model.double())["dtype"] == "float64"


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Backwards(nn.Sequential):
    def forward(self, x):
        for layer in reversed(self):
            x = layer(x)
        return x


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (nn.Sequential(nn.Linear(2, 2), Doubled()), "module '1' \\(Doubled\\) is not supported.*Linear.*ReLU"),
        (nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1))), "module '0.0' \\(Conv2d\\)"),
        (Backwards(nn.ReLU()), "Backwards is not supported"),
        (nn.Sequential(nn.Dropout(0.5)), "training mode.*eval"),
        (nn.Sequential(nn.Softmax(dim=0)), "dim=0.*dim=-1"),
        (nn.Sequential(nn.Flatten(0)), "Flatten\\(1, -1\\)"),
        (nn.Sequential(nn.Softplus(threshold=5)), "threshold=5"),
        (nn.Linear(2, 2).half(), "parameters are of float16.*float\\(\\)"),
        (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()), "float32, float64"),
        (nn.ReLU, "ReLU is a class: write ReLU\\(…\\)"),
        ([nn.Linear(2, 2)], "a torch module is wanted, .* not a list"),
    ],
)
def test_what_has_no_equal_is_refused_by_name(module, says):
    with pytest.raises(TypeError, match=says):
        from_torch(module)


def test_hooks_are_refused():
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="module '0' \\(Linear\\) has forward hooks"):
        from_torch(model)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (nn.MSELoss, "MSELoss is a class: write MSELoss\\(…\\)"),
        (nn.CTCLoss(), "CTCLoss is not a supported loss.*MSELoss"),
        (nn.KLDivLoss(log_target=True), "KLDivLoss: log_target"),
        (nn.BCELoss(weight=WEIGHTS), "BCELoss: weight is not supported"),
        (nn.BCEWithLogitsLoss(pos_weight=WEIGHTS), "pos_weight is not supported"),
    ],
)
def test_a_loss_that_has_no_equal_is_refused_by_name(loss, says):
    with pytest.raises(TypeError, match=says):
        from_torch(nn.ReLU(), loss)


def test_torch_is_not_imported_before_it_is_asked_for():
    program = "import sys, chainrule_client.torch_modules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
