"""Small nets for variants.py: one operator, shape or spelling each that users of the main families choose otherwise.

NETS: name -> (module maker, inputs(n) -> {name: tensor}, target(n) -> tensor, loss, batch). Models of one output.
"""
import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

import models

floats, classes = models._floats, models._classes


def numbers(*shape):
    return lambda n: torch.randn(n, *shape)


def tokens(vocab, time, dtype=torch.int64):
    return lambda n: {"tokens": torch.randint(0, vocab, (n, time), dtype=dtype)}


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class With(nn.Module):
    """Modules by name and a forward that uses them: With(lambda m, x: m.a(x), a=nn.Linear(2, 3)); tensors become parameters."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, nn.Parameter(part) if isinstance(part, torch.Tensor) else part)

    def forward(self, x):
        return self.function(self, x)


class WithTwo(With):
    """The same with two inputs."""

    def forward(self, x, y):
        return self.function(self, x, y)


def sequence(*layers):
    return nn.Sequential(*(x if isinstance(x, nn.Module) else Apply(x) for x in layers))


# Activations --------------------------------------------------------------------------------------------------------

class Snake(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x):
        return x + torch.sin(self.a * x) ** 2 / self.a


ACTIVATIONS = {
    "gelu_tanh": nn.GELU("tanh"), "silu": nn.SiLU(), "mish": nn.Mish(), "hardswish": nn.Hardswish(),
    "leaky": nn.LeakyReLU(0.3), "prelu": lambda: nn.PReLU(19), "elu": nn.ELU(0.7), "selu": nn.SELU(), "celu": nn.CELU(1.3),
    "softplus": nn.Softplus(2.0, 5.0), "softsign": nn.Softsign(), "hardsigmoid": nn.Hardsigmoid(), "relu6": nn.ReLU6(),
    "glu": lambda x: F.glu(torch.cat([x, x.flip(-1)], -1)), "relu2": lambda x: F.relu(x) ** 2,
    "relu_square": lambda x: torch.square(torch.clamp(x, min=0)), "tanhshrink": nn.Tanhshrink(),
    "softshrink": nn.Softshrink(0.2), "hardshrink": nn.Hardshrink(0.2), "logsigmoid": nn.LogSigmoid(),
    "threshold": nn.Threshold(0.1, -0.3), "softmin": nn.Softmin(-1), "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "snake": lambda: Snake(19), "stable_swish": lambda x: x / (1 + torch.exp(-x)), "hardtanh": nn.Hardtanh(-0.5, 0.7),
    "gelu_spelled": lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2.0))),
    "new_gelu": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0)))),
    "abs": torch.abs, "sin": torch.sin, "gauss": lambda x: torch.exp(-x.pow(2)), "bent": lambda x: (torch.sqrt(x * x + 1) - 1) / 2 + x,
    "arctan": torch.atan, "maxout": lambda x: torch.maximum(x, x.roll(1, -1)), "crelu": lambda x: torch.cat([F.relu(x), F.relu(-x)], -1)[:, :19],
    "logit": lambda x: torch.logit(torch.sigmoid(x) * 0.9 + 0.05), "softmax": nn.Softmax(-1), "sqrtabs": lambda x: torch.sqrt(torch.abs(x) + 1e-3),
    "expm1": torch.expm1, "rsqrt": lambda x: torch.rsqrt(1 + x * x), "log2": lambda x: torch.log2(1 + x * x), "exp2": torch.exp2,
    "cosh": lambda x: torch.cosh(x) - torch.sinh(x / 2), "hypot": lambda x: torch.sqrt(x ** 2 + 0.5) ** 1.5, "pow3": lambda x: x ** 3,
    "acos": lambda x: torch.acos(torch.tanh(x) * 0.9), "rrelu": nn.LeakyReLU(0.0), "clamp": lambda x: x.clamp(-0.4), "sign": lambda x: x * torch.sign(x),
    "round": lambda x: x + torch.round(x) + torch.floor(x) * 0.5, "fmod": lambda x: torch.remainder(x, 0.7) + torch.fmod(x, 0.4),
    "lerp": lambda x: torch.lerp(x, x * x, 0.3), "addcmul": lambda x: torch.addcmul(x, x, x, value=0.5),
    "where": lambda x: torch.where(x > 0.1, x, torch.expm1(x)), "masked": lambda x: x.masked_fill(x < -0.5, 0.25),
    "erfc": torch.erfc, "xlogy": lambda x: torch.xlogy(x.abs() + 0.1, x.abs() + 0.2), "logaddexp": lambda x: torch.logaddexp(x, -x),
    "floordiv": lambda x: x + torch.div(x, 0.3, rounding_mode="floor"), "sinc": torch.sinc, "dropout0": nn.Dropout(0.0),
}


def activation_row(act):
    """Two linear layers around an activation, on odd sizes."""
    def make():
        if isinstance(act, nn.Module):
            made = copy.deepcopy(act)
        elif getattr(act, "__code__", None) is not None and act.__code__.co_argcount == 0:
            made = act()
        else:
            made = Apply(act)
        return sequence(nn.Linear(7, 19), made, nn.Linear(19, 3))
    return make, floats(7), classes(3), "cross-entropy", 3


# Images -------------------------------------------------------------------------------------------------------------

def image(*layers, batch=3, shape=(3, 13, 11), out=5):
    """Layers between a convolution and a linear head."""
    def make():
        net = sequence(*[x() if isinstance(x, type(lambda: 0)) and x.__code__.co_argcount == 0 else x for x in layers], nn.Flatten())
        with torch.no_grad():
            width = net.eval()(torch.zeros(2, *shape)).shape[1]
        return sequence(net, nn.Linear(width, out))
    return make, floats(*shape), classes(out), "cross-entropy", batch


def conv(*a, **k):
    return lambda: nn.Conv2d(*a, **k)


IMAGES = {
    "max_ceil": image(conv(3, 5, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), conv(5, 7, 2), nn.MaxPool2d(2, 2, ceil_mode=True)),
    "max_dilated": image(conv(3, 5, 3), nn.MaxPool2d(3, 1, 1, dilation=2), nn.Tanh()),
    "avg_ceil": image(conv(3, 5, 3), nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.Tanh(), nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)),
    "avg_divisor": image(conv(3, 5, 3, 2), nn.AvgPool2d((2, 3), 1, (1, 1), count_include_pad=True), nn.Tanh()),
    "adaptive": image(conv(3, 5, 2, padding=0), nn.AdaptiveAvgPool2d((6, 5)), nn.Tanh(), nn.AdaptiveMaxPool2d(1)),
    "adaptive_none": image(conv(3, 5, 2), nn.AdaptiveAvgPool2d((None, 5)), nn.Tanh(), nn.AdaptiveMaxPool2d((4, 5))),
    "lp_pool": image(conv(3, 5, 3), nn.LPPool2d(2, 3, 2), nn.Tanh()),
    "same": image(conv(3, 5, 4, padding="same"), nn.ReLU(), conv(5, 7, (2, 3), padding="same", dilation=2)),
    "reflect": image(conv(3, 5, 3, padding=1, padding_mode="reflect"), nn.ReLU(), conv(5, 4, 3, padding=2, padding_mode="replicate")),
    "circular": image(conv(3, 5, 3, padding=(2, 1), padding_mode="circular"), nn.ReLU(), nn.ReflectionPad2d((1, 2, 0, 1)), conv(5, 4, 3)),
    "zero_pad": image(nn.ZeroPad2d((0, 1, 2, 1)), conv(3, 5, 3, 2), nn.ReLU(), nn.ConstantPad2d(1, 0.5), conv(5, 4, 3)),
    "cropped": image(nn.ZeroPad2d((-1, 0, -1, 1)), conv(3, 5, 3, 2), nn.ReLU()),
    "depth_multiplier": image(conv(3, 6, 3, groups=3, padding=1), nn.ReLU(), conv(6, 17, 1), nn.ReLU6(), conv(17, 17, 3, 2, 1, groups=17)),
    "grouped_bottleneck": image(conv(3, 8, 1), nn.ReLU(), conv(8, 8, 3, 2, 1, groups=4, dilation=(1, 2)), nn.ReLU(), conv(8, 6, (1, 5), padding=(0, 2))),
    "wide_stride": image(conv(3, 5, 2, 3), nn.ReLU(), conv(5, 5, 1, 2, bias=False)),
    "big_kernel": image(conv(3, 5, (13, 11)), nn.ReLU()),
    "transposed": image(conv(3, 6, 3, 2), nn.ReLU(), lambda: nn.ConvTranspose2d(6, 4, 3, 2, 1, 1, groups=2, dilation=1), nn.ReLU(), lambda: nn.ConvTranspose2d(4, 3, (2, 4), (1, 3), (1, 0), (0, 2))),
    "transposed_dilated": image(conv(3, 5, 3, 2), lambda: nn.ConvTranspose2d(5, 4, 3, 2, 2, 1, dilation=2, bias=False), nn.Tanh()),
    "group_norm": image(conv(3, 6, 3), lambda: nn.GroupNorm(2, 6, eps=1e-3), nn.SiLU(), nn.GroupNorm(6, 6, affine=False)),
    "instance_plain": image(conv(3, 5, 3), nn.InstanceNorm2d(5), nn.ReLU(), lambda: nn.InstanceNorm2d(5, affine=True, eps=1e-3)),
    "layer_norm_chw": image(conv(3, 5, 3), lambda: nn.LayerNorm((5, 11, 9)), nn.ReLU()),
    "layer_norm_last": image(conv(3, 5, 3), lambda: nn.LayerNorm(9, bias=False), nn.ReLU(), lambda: nn.LayerNorm((11, 9), elementwise_affine=False)),
    "batch_norm": image(conv(3, 5, 3, bias=False), lambda: nn.BatchNorm2d(5, eps=1e-3, momentum=0.3), nn.ReLU(), lambda: nn.BatchNorm2d(5, affine=False)),
    "batch_norm_first": image(lambda: nn.BatchNorm2d(3), conv(3, 5, 3), nn.ReLU(), batch=7),
    "pre_act": image(conv(3, 5, 3), lambda: With(lambda m, x: x + m.c(F.relu(m.b(x))), b=nn.BatchNorm2d(5), c=nn.Conv2d(5, 5, 3, padding=1)), lambda: nn.BatchNorm2d(5), nn.ReLU()),
    "pixel_shuffle": image(conv(3, 8, 3), nn.PixelShuffle(2), nn.ReLU(), nn.PixelUnshuffle(2), conv(8, 3, 1)),
    "channel_shuffle": image(conv(3, 6, 3), lambda x: x.view(x.shape[0], 2, 3, *x.shape[2:]).transpose(1, 2).flatten(1, 2), conv(6, 6, 3, groups=2), nn.ReLU()),
    "bilinear": image(conv(3, 4, 3, 2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Tanh(), conv(4, 3, 3, 2)),
    "bilinear_corners": image(conv(3, 4, 3, 2), nn.Upsample(size=(11, 7), mode="bilinear", align_corners=True), nn.Tanh(), conv(4, 3, 3, 2)),
    "bicubic": image(conv(3, 4, 3, 2), nn.Upsample(scale_factor=(2, 3), mode="bicubic"), nn.Tanh(), conv(4, 3, 3, 2)),
    "nearest_size": image(conv(3, 4, 3, 2), nn.Upsample(size=(9, 8)), nn.Tanh(), conv(4, 3, 3, 2)),
    "lrn": image(conv(3, 7, 3), nn.LocalResponseNorm(5, 0.1, 0.6, 1.5), nn.ReLU()),
    "prelu": image(conv(3, 7, 3), lambda: nn.PReLU(7), conv(7, 5, 3), lambda: nn.PReLU()),
    "squeeze_excite": image(conv(3, 7, 3), lambda: With(lambda m, x: x * torch.sigmoid(m.b(F.silu(m.a(F.adaptive_avg_pool2d(x, 1).flatten(1)))))[:, :, None, None], a=nn.Linear(7, 3), b=nn.Linear(3, 7))),
    "dropout2d": image(conv(3, 7, 3), nn.Dropout2d(0.0), nn.ReLU()),
    "global_max": image(conv(3, 7, 3), nn.ReLU(), lambda x: x.amax((2, 3)) + x.flatten(2).max(-1).values),
    "mean_std": image(conv(3, 7, 3), lambda x: torch.cat([x.mean((2, 3)), x.std((2, 3)), x.var(-1, unbiased=False).mean(-1)], 1)),
    "inception": image(lambda: With(lambda m, x: torch.cat([m.a(x), m.b(x), m.c(F.max_pool2d(x, 3, 1, 1)), F.avg_pool2d(x, 3, 1, 1)], 1), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 5, 5, padding=2), c=nn.Conv2d(3, 3, 1)), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
    "dense_skip": image(conv(3, 4, 3, padding=1), nn.ReLU(), lambda: With(lambda m, x: F.relu(torch.cat((x, m.c(x)), dim=1)), c=nn.Conv2d(4, 3, 3, padding=1)), conv(7, 5, 3, 2)),
    "weight_norm": image(lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 5, 3)), nn.ReLU()),
    "one_channel": image(conv(1, 17, 5, 2, 2), nn.ReLU(), conv(17, 3, 3), shape=(1, 9, 9), batch=1),
    "one_pixel": image(conv(3, 5, 1), nn.ReLU(), conv(5, 17, 1), shape=(3, 1, 1), batch=7),
    "unfold": image(lambda x: F.unfold(x, 3, stride=2), lambda: With(lambda m, x: m.l(x.transpose(1, 2)), l=nn.Linear(27, 4)), nn.ReLU()),
    "patchify": image(lambda x: x.unfold(2, 4, 4).unfold(3, 4, 4).reshape(x.shape[0], 3 * 6, 16), lambda: nn.Linear(16, 4), nn.ReLU()),
    "spectral_mix": image(conv(3, 5, 3), lambda x: x.permute(0, 2, 3, 1), lambda: nn.Linear(5, 7), nn.GELU(), lambda: nn.LayerNorm(7), lambda x: x.permute(0, 3, 1, 2), conv(7, 3, 3)),
    "channels_last_norm": image(conv(3, 5, 3), lambda: With(lambda m, x: m.w[:, None, None] * ((x - x.mean(1, keepdim=True)) / torch.sqrt((x - x.mean(1, keepdim=True)).pow(2).mean(1, keepdim=True) + 1e-6)) + m.b[:, None, None], w=torch.ones(5), b=torch.zeros(5))),
}


def other(layers, shape, batch=3, out=5):
    return image(*layers, batch=batch, shape=shape, out=out)


LINES = {
    "conv1d": other([lambda: nn.Conv1d(5, 17, 5, 2, 2, dilation=2), nn.ReLU(), nn.MaxPool1d(3, 2, 1, ceil_mode=True), lambda: nn.Conv1d(17, 3, 1)], (5, 33)),
    "conv1d_depthwise": other([lambda: nn.Conv1d(5, 5, 3, padding=2, groups=5), lambda x: x[..., :-2], nn.SiLU(), nn.AvgPool1d(2, ceil_mode=True)], (5, 17)),
    "conv1d_transposed": other([lambda: nn.Conv1d(3, 5, 4, 2), lambda: nn.ConvTranspose1d(5, 4, 4, 2, 1), nn.Tanh()], (3, 17)),
    "causal_tcn": other([lambda: With(lambda m, x: x + F.relu(m.c(F.pad(x, (4, 0)))), c=nn.Conv1d(5, 5, 3, dilation=2)), nn.AdaptiveAvgPool1d(1)], (5, 12)),
    "batch_norm_1d": other([lambda: nn.Conv1d(3, 5, 3), lambda: nn.BatchNorm1d(5), nn.ReLU()], (3, 11), batch=1),
    "conv3d": other([lambda: nn.Conv3d(3, 5, (2, 3, 1), (1, 2, 1), (1, 0, 0), groups=1), nn.ReLU(), nn.AvgPool3d(2, ceil_mode=True), lambda: nn.Conv3d(5, 4, 1)], (3, 5, 7, 6)),
    "conv3d_depthwise": other([lambda: nn.Conv3d(4, 4, 3, padding=1, groups=4), nn.ReLU(), nn.MaxPool3d((1, 2, 2)), lambda: nn.InstanceNorm3d(4, affine=True), nn.AdaptiveAvgPool3d(1)], (4, 3, 5, 6)),
    "conv3d_transposed": other([lambda: nn.Conv3d(2, 3, 2, 2), lambda: nn.ConvTranspose3d(3, 2, 2, 2), nn.Tanh()], (2, 4, 6, 4)),
    "group_norm_1d": other([lambda: nn.Conv1d(3, 6, 3), lambda: nn.GroupNorm(3, 6), nn.ReLU(), nn.Upsample(scale_factor=2, mode="linear")], (3, 9)),
}

# Sequences ----------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A transformer block with everything to choose: `attend(q, k, v)` on [batch, heads, time, width], norm, order, activation."""

    def __init__(self, width, heads, attend, norm=nn.LayerNorm, order="pre", act=F.gelu, bias=True, groups=None, qk_norm=False, rotary=0):
        super().__init__()
        self.heads, self.groups, self.attend, self.order, self.act, self.rotary = heads, groups or heads, attend, order, act, rotary
        each = width // heads
        self.q, self.k, self.v = (nn.Linear(width, each * n, bias=bias) for n in (heads, self.groups, self.groups))
        self.out, self.up, self.down = nn.Linear(width, width, bias=bias), nn.Linear(width, 3 * width, bias=bias), nn.Linear(3 * width, width, bias=bias)
        self.n1, self.n2 = norm(width), nn.Identity() if order == "parallel" else norm(width)
        self.qn, self.kn = (norm(each), norm(each)) if qk_norm else (None, None)
        if rotary:
            angle = torch.arange(rotary)[:, None] / 100 ** (torch.arange(0, each, 2) / each)
            angle = torch.cat([angle, angle], -1)
            self.register_buffer("cos", angle.cos(), persistent=False)
            self.register_buffer("sin", angle.sin(), persistent=False)

    def turn(self, x):
        a, b = x.chunk(2, -1)
        return x * self.cos[:x.shape[2]] + torch.cat([-b, a], -1) * self.sin[:x.shape[2]]

    def attention(self, x, *mask):
        n, t, w = x.shape
        q, k, v = (l(x).view(n, t, h, -1).transpose(1, 2) for l, h in ((self.q, self.heads), (self.k, self.groups), (self.v, self.groups)))
        if self.qn is not None:
            q, k = self.qn(q), self.kn(k)
        if self.rotary:
            q, k = self.turn(q), self.turn(k)
        if self.groups != self.heads:
            k, v = (y.repeat_interleave(self.heads // self.groups, 1) for y in (k, v))
        return self.out(self.attend(q, k, v, *mask).transpose(1, 2).flatten(2))

    def mlp(self, x):
        return self.down(self.act(self.up(x)))

    def forward(self, x, *mask):
        if self.order == "post":
            x = self.n1(x + self.attention(x, *mask))
            return self.n2(x + self.mlp(x))
        if self.order == "parallel":
            y = self.n1(x)
            return x + self.attention(y, *mask) + self.mlp(y)
        if self.order == "scaled":
            return x + 0.5 * self.n1(self.attention(x, *mask)) + 0.7 * self.n2(self.mlp(x))
        x = x + self.attention(self.n1(x), *mask)
        return x + self.mlp(self.n2(x))


def fused(**options):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options)


def spelled(q, k, v, scale=None, mask=None, cap=None, causal=True, slope=None, window=None):
    s = q @ k.transpose(-2, -1) * (scale or q.shape[-1] ** -0.5)
    t = q.shape[-2]
    if cap:
        s = cap * torch.tanh(s / cap)
    at = torch.arange(t, device=q.device)
    if slope is not None:
        s = s + slope * (at[None] - at[:, None])
    if causal:
        s = s.masked_fill(torch.triu(torch.ones(t, t, device=q.device), 1).bool(), torch.finfo(s.dtype).min)
    if window:
        s = torch.where((at[:, None] - at[None] < window)[None, None], s, -1e9)
    if mask is not None:
        s = s + mask
    return F.softmax(s, dim=-1) @ v


def einsummed(q, k, v):
    s = torch.einsum("bhtd,bhsd->bhts", q, k) / math.sqrt(q.shape[-1])
    s = s + torch.full((q.shape[2], q.shape[2]), float("-inf"), device=q.device).triu(1)
    return torch.einsum("bhts,bhsd->bhtd", s.softmax(-1), v)


class Language(nn.Module):
    """Embedding, blocks, norm, head. tie: how the output head shares the embedding."""

    def __init__(self, vocab, width, time, blocks, tie="none", position="learned", norm=nn.LayerNorm, cap=0, scale=False, head_bias=False):
        super().__init__()
        self.embed, self.blocks, self.norm = nn.Embedding(vocab, width), nn.ModuleList(blocks), norm(width)
        self.tie, self.position, self.cap, self.scale = tie, position, cap, scale
        self.head = nn.Linear(width, vocab, bias=head_bias) if tie in ("none", "module") else None
        if tie == "module":
            self.head.weight = self.embed.weight
        if position == "learned":
            self.where = nn.Embedding(time, width)
        if position == "parameter":
            self.where = nn.Parameter(0.1 * torch.randn(1, time, width))
        if position == "buffer":
            self.where = nn.Embedding(time, width)
            self.register_buffer("ids", torch.arange(2 * time)[None])
        if position == "sines":
            angle = torch.arange(2 * time)[:, None] * torch.exp(-math.log(100.0) * torch.arange(0, width, 2) / width)
            self.register_buffer("where", torch.stack([angle.sin(), angle.cos()], -1).flatten(1))

    def forward(self, tokens):
        t = tokens.shape[1]
        x = self.embed(tokens)
        if self.scale:
            x = x * math.sqrt(x.shape[-1])
        if self.position == "learned":
            x = x + self.where(torch.arange(t, device=tokens.device))[None]
        if self.position in ("parameter", "sines"):
            x = x + (self.where[:, :t] if self.where.dim() == 3 else self.where[:t])
        if self.position == "buffer":
            x = x + self.where(self.ids[:, :t])
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        if self.tie == "matmul":
            x = x @ self.embed.weight.T
        elif self.tie == "einsum":
            x = torch.einsum("btw,vw->btv", x, self.embed.weight)
        elif self.tie == "linear":
            x = F.linear(x, self.embed.weight)
        else:
            x = self.head(x)
        return self.cap * torch.tanh(x / self.cap) if self.cap else x


def language(attend, time=9, width=12, heads=3, vocab=29, batch=3, layers=2, block={}, dtype=torch.int64, **options):
    def make():
        net = Language(vocab, width, time, [Block(width, heads, attend, **block) for _ in range(layers)], **options)
        for p in net.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.2)
        return net
    return make, tokens(vocab, time, dtype), classes(vocab, time), "cross-entropy", batch


CAUSAL = fused(is_causal=True)
LANGUAGE = {
    "time1": language(CAUSAL, time=1), "time5": language(spelled, time=5, batch=1), "time33": language(CAUSAL, time=33, batch=7, layers=1),
    "one_head": language(spelled, heads=1, width=17, block={}), "head_per_unit": language(CAUSAL, heads=6, width=6),
    "no_bias": language(CAUSAL, block=dict(bias=False), tie="module"), "tie_matmul": language(spelled, tie="matmul", scale=True),
    "tie_einsum": language(einsummed, tie="einsum", position="parameter"), "tie_linear": language(CAUSAL, tie="linear", position="sines", vocab=131),
    "tie_big": language(CAUSAL, tie="module", position="buffer", vocab=131, head_bias=True), "tie_big_matmul": language(spelled, tie="matmul", vocab=131),
    "post_norm": language(spelled, block=dict(order="post", act=F.relu)), "parallel": language(CAUSAL, block=dict(order="parallel", act=F.silu)),
    "scaled": language(CAUSAL, block=dict(order="scaled", act=lambda x: F.gelu(x, approximate="tanh"))),
    "rms": language(CAUSAL, norm=nn.RMSNorm, block=dict(norm=nn.RMSNorm, act=lambda x: F.relu(x) ** 2, bias=False), position="none"),
    "rms_eps": language(CAUSAL, norm=lambda w: nn.RMSNorm(w, eps=1e-3), block=dict(norm=lambda w: nn.RMSNorm(w, elementwise_affine=False))),
    "rotary": language(CAUSAL, position="none", heads=3, width=12, block=dict(rotary=16)), "rotary_gqa": language(CAUSAL, position="none", heads=4, width=16, block=dict(rotary=9, groups=2)),
    "mqa": language(spelled, heads=3, block=dict(groups=1)), "gqa_fused": language(fused(is_causal=True), heads=4, width=8, block=dict(groups=2)),
    "qk_norm": language(CAUSAL, block=dict(qk_norm=True, norm=nn.LayerNorm)), "not_causal": language(fused(), heads=3), "own_scale": language(fused(is_causal=True, scale=0.3)),
    "softcap": language(lambda q, k, v: spelled(q, k, v, cap=5.0), cap=7.0), "alibi": language(lambda q, k, v: spelled(q, k, v, slope=torch.tensor([0.5, 0.25, 0.125])[:, None, None].to(q))),
    "window": language(lambda q, k, v: spelled(q, k, v, window=3)), "einsum": language(einsummed),
    "additive": language(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.full((9, 9), -1e4, device=q.device, dtype=q.dtype).triu(1))),
    "bool_mask": language(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(9, 9, dtype=torch.bool, device=q.device).tril())),
    "int32": language(CAUSAL, dtype=torch.int32), "no_affine": language(CAUSAL, norm=lambda w: nn.LayerNorm(w, elementwise_affine=False), block=dict(norm=lambda w: nn.LayerNorm(w, bias=False, eps=1e-6))),
    "linear_attention": language(lambda q, k, v: (lambda a, b: torch.einsum("bhtd,bhtde->bhte", a, (b[..., None] * v[..., None, :]).cumsum(2)) / (torch.einsum("bhtd,bhtd->bht", a, b.cumsum(2))[..., None]))(F.elu(q) + 1, F.elu(k) + 1)),
}


class Padded(nn.Module):
    """Encoder with a mask computed from a padding token, nn.MultiheadAttention inside."""

    def __init__(self, form):
        super().__init__()
        self.form, self.embed = form, nn.Embedding(23, 12)
        self.attend, self.norm, self.head = nn.MultiheadAttention(12, 3, batch_first=True), nn.LayerNorm(12), nn.Linear(12, 23)

    def forward(self, tokens):
        x, pad = self.embed(tokens), tokens == 0
        if self.form == "float":
            pad = pad.to(x.dtype) * -1e4
        y, _ = self.attend(x, x, x, key_padding_mask=pad, need_weights=False)
        return self.head(self.norm(x + y))


def padded(form):
    inputs = lambda n: {"tokens": torch.randint(0, 23, (n, 8)).scatter(1, torch.zeros(n, 1, dtype=torch.int64), 5)}
    return lambda: Padded(form), inputs, classes(23, 8), "cross-entropy", 3


class Masked(nn.Module):
    """Attention mask as a second input, [batch, time] of ones and zeros, as BERT-like models take it."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.embed, self.head = kind, nn.Embedding(23, 12), nn.Linear(12, 4)
        self.kinds = nn.Embedding(2, 12)
        attend = lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m) if kind == "bool" else spelled(q, k, v, mask=m, causal=False)
        self.block = Block(12, 3, attend)

    def forward(self, tokens, mask, kind):
        m = mask[:, None, None, :]
        m = m.bool() if self.kind == "bool" else (1.0 - m.to(self.embed.weight.dtype)) * -10000.0
        x = self.block(self.embed(tokens) + self.kinds(kind), m)
        if self.kind == "pooled":
            w = mask.to(x.dtype)[..., None]
            return self.head((x * w).sum(1) / w.sum(1).clamp(min=1e-9))
        return self.head(torch.tanh(x[:, 0]))


def masked(kind, dtype=torch.int64):
    def inputs(n):
        mask = (torch.rand(n, 7) < 0.7).to(dtype)
        mask[:, 0] = 1
        return {"tokens": torch.randint(0, 23, (n, 7)), "mask": mask, "kind": torch.randint(0, 2, (n, 7))}
    return lambda: Masked(kind), inputs, classes(4), "cross-entropy", 3


def encoder(**options):
    return lambda: sequence(nn.Linear(5, 12), nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 3, 17, 0.0, batch_first=True, **options), 2, enable_nested_tensor=False), lambda x: x.mean(1), nn.Linear(12, 3))


SEQUENCES = {
    "pad_bool": padded("bool"), "pad_float": padded("float"), "mask_bool": masked("bool"), "mask_float": masked("float"), "mask_pooled": masked("pooled", torch.int32),
    "encoder_post": (encoder(), floats(6, 5), classes(3), "cross-entropy", 3),
    "encoder_pre": (encoder(norm_first=True, activation="gelu", bias=False), floats(6, 5), classes(3), "cross-entropy", 1),
    "decoder": (lambda: With(lambda m, x: m.h(m.d(m.a(x[:, :5]), m.a(x[:, 5:]), tgt_mask=torch.full((5, 5), float("-inf"), dtype=x.dtype).triu(1))).mean(1), a=nn.Linear(4, 8), d=nn.TransformerDecoderLayer(8, 2, 13, 0.0, batch_first=True), h=nn.Linear(8, 3)), floats(9, 4), classes(3), "cross-entropy", 3),
    "mha_kdim": (lambda: With(lambda m, x: m.h(m.a(x[..., :6], x[..., 6:9], x[..., 9:], need_weights=False)[0].mean(1)), a=nn.MultiheadAttention(6, 2, kdim=3, vdim=4, batch_first=True), h=nn.Linear(6, 3)), floats(5, 13), classes(3), "cross-entropy", 3),
    "mha_bias_kv": (lambda: With(lambda m, x: m.h(m.a(x, x, x)[0].mean(1)), a=nn.MultiheadAttention(6, 2, add_bias_kv=True, batch_first=True), h=nn.Linear(6, 3)), floats(5, 6), classes(3), "cross-entropy", 3),
    "mha_time_first": (lambda: With(lambda m, x: m.h(m.a(*[x.transpose(0, 1)] * 3, need_weights=True)[0].mean(0)), a=nn.MultiheadAttention(8, 2, bias=False), h=nn.Linear(8, 3)), floats(5, 8), classes(3), "cross-entropy", 3),
    "perceiver": (lambda: With(lambda m, x: m.h(m.a(m.q.expand(x.shape[0], -1, -1), x, x)[0].flatten(1)), q=torch.randn(1, 4, 6), a=nn.MultiheadAttention(6, 2, batch_first=True), h=nn.Linear(24, 3)), floats(5, 6), classes(3), "cross-entropy", 3),
    "padding_idx": (lambda: With(lambda m, t: m.h(m.e(t).mean(1)), e=nn.Embedding(19, 7), h=nn.Linear(7, 3)), tokens(19, 5), classes(3), "cross-entropy", 3),
    "embedding_bag": (lambda: With(lambda m, t: m.h(m.e(t)), e=nn.EmbeddingBag(19, 7, mode="mean"), h=nn.Linear(7, 3)), tokens(19, 5), classes(3), "cross-entropy", 3),
    "one_hot": (lambda: With(lambda m, t: m.h(F.one_hot(t, 11).to(m.h.weight.dtype).flatten(1)), h=nn.Linear(55, 3)), tokens(11, 5), classes(3), "cross-entropy", 3),
    "last_token": (lambda: With(lambda m, t: m.h(m.e(t)[:, -1]), e=nn.Embedding(19, 7), h=nn.Linear(7, 3)), tokens(19, 5), classes(3), "cross-entropy", 3),
    "shifted": (lambda: With(lambda m, t: m.h(m.e(t) + F.pad(m.e(t)[:, :-1], (0, 0, 1, 0))), e=nn.Embedding(19, 7), h=nn.Linear(7, 19)), tokens(19, 5), classes(19, 5), "cross-entropy", 3),
    "mixer": (lambda: With(lambda m, x: m.h((x + m.t(m.n(x).transpose(1, 2)).transpose(1, 2)).mean(1)), t=nn.Sequential(nn.Linear(5, 9), nn.GELU(), nn.Linear(9, 5)), n=nn.LayerNorm(6), h=nn.Linear(6, 3)), floats(5, 6), classes(3), "cross-entropy", 3),
    "moe": (lambda: With(lambda m, x: m.h((m.g(x).softmax(-1)[..., None] * torch.stack([e(x) for e in m.e], -2)).sum(-2)), g=nn.Linear(6, 3), e=nn.ModuleList(nn.Linear(6, 8) for _ in range(3)), h=nn.Linear(8, 3)), floats(6), classes(3), "cross-entropy", 5),
    "moe_top": (lambda: With(lambda m, x: (lambda w, i: m.h((torch.zeros_like(m.g(x)).scatter(1, i, w.softmax(-1))[..., None] * torch.stack([e(x) for e in m.e], -2)).sum(-2)))(*m.g(x).topk(2)), g=nn.Linear(6, 4), e=nn.ModuleList(nn.Linear(6, 8) for _ in range(4)), h=nn.Linear(8, 3)), floats(6), classes(3), "cross-entropy", 5),
    "geglu": (lambda: With(lambda m, x: m.h((lambda a, b: a * F.gelu(b))(*m.u(x).chunk(2, -1))), u=nn.Linear(6, 22), h=nn.Linear(11, 3)), floats(4, 6), classes(3, 4), "cross-entropy", 3),
    "rezero": (lambda: With(lambda m, x: m.h(x + m.s * m.a(x)), a=nn.Linear(6, 6), s=torch.zeros(1), h=nn.Linear(6, 3)), floats(6), classes(3), "cross-entropy", 3),
    "layer_scale": (lambda: With(lambda m, x: m.h(x + m.s * m.a(x)), a=nn.Linear(6, 6), s=torch.full((6,), 1e-1), h=nn.Linear(6, 3)), floats(6), classes(3), "cross-entropy", 3),
    "scalar_temperature": (lambda: With(lambda m, x: m.h(x) * m.t.exp(), h=nn.Linear(6, 3), t=torch.tensor(0.3)), floats(6), classes(3), "cross-entropy", 3),
    "zero_norm": (lambda: With(lambda m, x: m.h(F.normalize(m.a(x) * (x[:, :1] > 0))), a=nn.Linear(6, 7), h=nn.Linear(7, 3)), floats(6), classes(3), "cross-entropy", 5),
    "cosine_head": (lambda: With(lambda m, x: 5 * F.linear(F.normalize(m.a(x)), F.normalize(m.w)), a=nn.Linear(6, 7), w=torch.randn(3, 7)), floats(6), classes(3), "cross-entropy", 3),
    "bilinear_layer": (lambda: With(lambda m, x: m.b(x[:, :4], x[:, 4:]), b=nn.Bilinear(4, 3, 5)), floats(7), classes(5), "cross-entropy", 3),
    "distances": (lambda: With(lambda m, x: -torch.cdist(m.a(x), m.c), a=nn.Linear(6, 7), c=torch.randn(3, 7)), floats(6), classes(3), "cross-entropy", 3),
    "prototypes": (lambda: With(lambda m, x: -(m.a(x)[:, None] - m.c[None]).pow(2).sum(-1), a=nn.Linear(6, 7), c=torch.randn(3, 7)), floats(6), classes(3), "cross-entropy", 3),
    "gathered": (lambda: With(lambda m, x: m.h(torch.gather(m.a(x), 1, torch.argsort(x, 1))), a=nn.Linear(6, 6), h=nn.Linear(6, 3)), floats(6), classes(3), "cross-entropy", 3),
    "sorted": (lambda: With(lambda m, x: m.h(torch.sort(m.a(x), 1, descending=True).values[:, :4]), a=nn.Linear(6, 6), h=nn.Linear(4, 3)), floats(6), classes(3), "cross-entropy", 3),
    "index_select": (lambda: With(lambda m, x: m.h(m.a(x)[:, [0, 2, 2, 5]] + m.a(x).index_select(1, torch.tensor([1, 0, 3, 4]))), a=nn.Linear(6, 6), h=nn.Linear(4, 3)), floats(6), classes(3), "cross-entropy", 3),
    "repeat": (lambda: With(lambda m, x: m.h((m.a(x).repeat(1, 2) + m.a(x).repeat_interleave(2, 1)).view(-1, 3, 4).sum(1)), a=nn.Linear(6, 6), h=nn.Linear(4, 3)), floats(6), classes(3), "cross-entropy", 3),
    "low_rank": (lambda: With(lambda m, x: m.h(x) + x @ m.a @ m.b * 0.25, h=nn.Linear(6, 3), a=torch.randn(6, 2), b=torch.zeros(2, 3)), floats(6), classes(3), "cross-entropy", 3),
    "shared_layer": (lambda: With(lambda m, x: m.h(m.a(torch.tanh(m.a(torch.tanh(m.a(x)))))), a=nn.Linear(6, 6), h=nn.Linear(6, 3)), floats(6), classes(3), "cross-entropy", 3),
    "autoencoder_tied": (lambda: With(lambda m, x: torch.sigmoid(m.a(x)) @ m.a.weight, a=nn.Linear(6, 4)), floats(6), numbers(6), "mse", 3),
    "transposed_weight": (lambda: With(lambda m, x: torch.addmm(m.b, x, m.w.t()) @ m.w[:, :3], w=torch.randn(5, 6), b=torch.randn(5)), floats(6), classes(3), "cross-entropy", 3),
    "concat_weight": (lambda: With(lambda m, x: F.linear(x, torch.cat([m.a, m.b]), torch.cat([m.c, m.c])), a=torch.randn(2, 6), b=torch.randn(2, 6), c=torch.randn(2)), floats(6), classes(4), "cross-entropy", 3),
    "batch_norm_no_track": (lambda: sequence(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.0), nn.Linear(8, 3)), floats(6), classes(3), "cross-entropy", 7),
    "layer_norm_first": (lambda: sequence(nn.LayerNorm(6), nn.Linear(6, 8), nn.Softplus(), nn.Linear(8, 3)), floats(6), classes(3), "cross-entropy", 1),
    "standardized": (lambda: With(lambda m, x: m.h(m.a((x - x.mean(0)) / (x.std(0) + 1e-5))), a=nn.Linear(6, 6), h=nn.Linear(6, 3)), floats(6), classes(3), "cross-entropy", 5),
    "log_softmax": (lambda: sequence(nn.Linear(6, 3), nn.LogSoftmax(1)), floats(6), classes(3), "cross-entropy", 5),
    "image_flat": (lambda: sequence(nn.Flatten(), nn.Linear(48, 9), nn.ReLU(), nn.Linear(9, 3)), floats(3, 4, 4), classes(3), "cross-entropy", 5),
    "segmentation": (lambda: sequence(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 4, 1)), floats(3, 5, 7), classes(4, 5, 7), "cross-entropy", 2),
    "mse": (lambda: sequence(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 1)), floats(6), numbers(1), "mse", 5),
    "mse_flat": (lambda: sequence(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 1), lambda x: x.squeeze(-1)), floats(6), numbers(), "mse", 5),
    "l1": (lambda: sequence(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), floats(6), numbers(2), "l1", 5),
    "huber": (lambda: sequence(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2, bias=False)), floats(6), numbers(2), "huber", 5),
    "bce_flat": (lambda: sequence(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 1), lambda x: x[:, 0]), floats(6), lambda n: (torch.rand(n) < 0.5).float(), "bce", 5),
    "bce_many": (lambda: sequence(nn.Linear(6, 5), nn.SiLU(), nn.Linear(5, 7)), floats(6), lambda n: (torch.rand(n, 7) < 0.5).float(), "bce", 1),
    "two_inputs": (lambda: WithTwo(lambda m, x, y: m.h(torch.cat([m.a(x), m.b(y)], -1)), a=nn.Linear(6, 5), b=nn.Linear(2, 3), h=nn.Linear(8, 3)), lambda n: {"x": torch.randn(n, 6), "y": torch.randn(n, 2)}, classes(3), "cross-entropy", 5),
    "two_towers": (lambda: WithTwo(lambda m, u, i: (m.u(u) * m.i(i)).sum(-1) + m.ub(u)[:, 0] + m.ib(i)[:, 0], u=nn.Embedding(13, 6), i=nn.Embedding(17, 6), ub=nn.Embedding(13, 1), ib=nn.Embedding(17, 1)), lambda n: {"u": torch.randint(0, 13, (n,)), "i": torch.randint(0, 17, (n,), dtype=torch.int32)}, numbers(), "mse", 5),
    "tabular": (lambda: WithTwo(lambda m, x, c: m.h(torch.cat([m.n(x), *[e(c[:, i]) for i, e in enumerate(m.e)]], 1)), n=nn.BatchNorm1d(4), e=nn.ModuleList([nn.Embedding(5, 3), nn.Embedding(7, 2)]), h=nn.Sequential(nn.Linear(9, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 3))), lambda n: {"x": torch.randn(n, 4), "c": torch.stack([torch.randint(0, 5, (n,)), torch.randint(0, 7, (n,))], 1)}, classes(3), "cross-entropy", 7),
    "one_dim": (lambda: With(lambda m, x: torch.sin(x * m.w + m.b), w=torch.tensor([0.7]), b=torch.tensor([0.1])), floats(), numbers(), "mse", 5),
    "polynomial": (lambda: With(lambda m, x: sum(c * x ** i for i, c in enumerate(m.c)), c=torch.randn(4)), floats(), numbers(), "mse", 5),
    "int_features": (lambda: With(lambda m, x: m.h(torch.relu(m.a(x.to(m.a.weight.dtype) / 10))), a=nn.Linear(6, 5), h=nn.Linear(5, 3)), lambda n: {"x": torch.randint(-9, 9, (n, 6), dtype=torch.int32)}, classes(3), "cross-entropy", 5),
    "bytes": (lambda: With(lambda m, x: m.h(m.a(x.to(m.h.weight.dtype) / 255).flatten(1)), a=nn.Conv2d(1, 3, 3), h=nn.Linear(48, 3)), lambda n: {"x": torch.randint(0, 255, (n, 1, 6, 6), dtype=torch.uint8)}, classes(3), "cross-entropy", 5),
    "hyper": (lambda: With(lambda m, x: torch.bmm(m.g(x).view(-1, 3, 6), x[..., None])[..., 0], g=nn.Linear(6, 18)), floats(6), classes(3), "cross-entropy", 5),
    "lstm": (lambda: With(lambda m, x: m.h(m.r(x)[0][:, -1]), r=nn.LSTM(5, 8, batch_first=True), h=nn.Linear(8, 3)), floats(7, 5), classes(3), "cross-entropy", 3),
    "lstm_deep": (lambda: With(lambda m, x: m.h(m.r(x)[1][0].transpose(0, 1).flatten(1)), r=nn.LSTM(5, 4, 2, batch_first=True, bidirectional=True), h=nn.Linear(16, 3)), floats(7, 5), classes(3), "cross-entropy", 3),
    "gru": (lambda: With(lambda m, x: m.h(m.r(x)[0].mean(1)), r=nn.GRU(5, 8, batch_first=True), h=nn.Linear(8, 3)), floats(7, 5), classes(3), "cross-entropy", 3),
    "rnn": (lambda: With(lambda m, x: m.h(m.r(x.transpose(0, 1))[0][-1]), r=nn.RNN(5, 8, bidirectional=True), h=nn.Linear(16, 3)), floats(7, 5), classes(3), "cross-entropy", 3),
    "lstm_cell": (lambda: With(cell_loop, c=nn.LSTMCell(5, 6), h=nn.Linear(6, 3)), floats(4, 5), classes(3), "cross-entropy", 3),
}


def cell_loop(m, x):
    h = c = x.new_zeros(x.shape[0], 6)
    for t in range(x.shape[1]):
        h, c = m.c(x[:, t], (h, c))
    return m.h(h)


NETS = {**{f"act_{n}": activation_row(a) for n, a in ACTIVATIONS.items()}, **{f"image_{n}": r for n, r in IMAGES.items()},
        **{f"line_{n}": r for n, r in LINES.items()}, **{f"gpt_{n}": r for n, r in LANGUAGE.items()}, **SEQUENCES}
