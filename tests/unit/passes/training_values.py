"""Writes TrainingValues.inc: what PyTorch computes in f64 for TrainingTest.cpp.

The model is y = tanh(x w^T + b), and for class losses y itself is the logits.
Run with a Python that has torch:  python training_values.py > TrainingValues.inc
"""
import math
import torch

torch.set_default_dtype(torch.float64)
ROWS, INS, OUTS, STEPS, LR = 4, 3, 2, 3, 0.1


def numbers(shape, seed):
    count = math.prod(shape)
    return torch.tensor([math.sin(1.7 * i + seed) for i in range(count)]).reshape(shape)


def model(w, b):
    return torch.tanh(numbers((ROWS, INS), 0.3) @ w.T + b)


F = torch.nn.functional
LOSSES = {
    "mse": lambda y, t: F.mse_loss(y, t),
    "l1": lambda y, t: F.l1_loss(y, t),
    "huber": lambda y, t: F.huber_loss(y, t),
    "bce": lambda y, t: F.binary_cross_entropy(torch.sigmoid(y), torch.sigmoid(t)),
    "bce-logits": lambda y, t: F.binary_cross_entropy_with_logits(y, torch.sigmoid(t)),
    "cross-entropy": lambda y, t: F.cross_entropy(y, torch.tensor([1, -100, 0, 1])),
}
SGD, ADAM, ADAMW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
RUNS = [  # loss, our optimizer, PyTorch's, clip norm
    ("mse", "sgd", lambda p: SGD(p, LR), 0),
    ("l1", "sgd", lambda p: SGD(p, LR), 0),
    ("huber", "sgd", lambda p: SGD(p, LR), 0),
    ("bce", "sgd", lambda p: SGD(p, LR), 0),
    ("bce-logits", "sgd", lambda p: SGD(p, LR), 0),
    ("cross-entropy", "sgd", lambda p: SGD(p, LR), 0),
    ("mse", "sgd:weight-decay=0.1", lambda p: SGD(p, LR, weight_decay=0.1), 0),
    ("mse", "momentum", lambda p: SGD(p, LR, momentum=0.9), 0),
    ("mse", "momentum:momentum=0.8,nesterov=1", lambda p: SGD(p, LR, momentum=0.8, nesterov=True), 0),
    ("mse", "momentum:dampening=0.3,weight-decay=0.01", lambda p: SGD(p, LR, momentum=0.9, dampening=0.3, weight_decay=0.01), 0),
    ("mse", "adam", lambda p: ADAM(p, LR), 0),
    ("mse", "adam:beta1=0.4,beta2=0.95,eps=1e-3,weight-decay=0.02",
     lambda p: ADAM(p, LR, betas=(0.4, 0.95), eps=1e-3, weight_decay=0.02), 0),
    ("mse", "adamw", lambda p: ADAMW(p, LR), 0),
    ("mse", "adamw:weight-decay=0.3", lambda p: ADAMW(p, LR, weight_decay=0.3), 0),
    ("mse", "adafactor:weight-decay=0.1", lambda p: torch.optim.Adafactor(p, LR, weight_decay=0.1), 0),
    ("mse", "sgd", lambda p: SGD(p, LR), 0.05),
    ("mse", "adamw", lambda p: ADAMW(p, LR), 100.0),
]


def run(loss, make, clip):
    w = numbers((OUTS, INS), 1.1).requires_grad_()
    b = numbers((OUTS,), 2.2).requires_grad_()
    target = numbers((ROWS, OUTS), 3.3)
    optimizer = make([w, b])
    values = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = LOSSES[loss](model(w, b), target)
        value.backward()
        values.append(value.item())
        if clip:
            torch.nn.utils.clip_grad_norm_([w, b], clip)
        optimizer.step()
    return values + w.detach().flatten().tolist() + b.detach().tolist()


print(f"// Written by training_values.py with PyTorch {torch.__version__.split('+')[0]}: losses of three steps, then w and b.")
for loss, name, make, clip in RUNS:
    text = ", ".join(repr(v) for v in run(loss, make, clip))
    print(f'{{"{loss}", "{name}", {clip},\n {{{text}}}}},')
