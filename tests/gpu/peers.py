"""One timing of one peer on a GPU (or, to try it, on the CPU), in a process of its own.

usage: peers.py eager|compile|graphs|jax PRESET BATCH PRECISION STEPS [cuda|cpu]      prints one JSON object

A step is forward, mean cross-entropy, backward and AdamW on data that are new for each step, as `dlc bench` has them. In bf16
PyTorch runs under autocast with f32 weights, images channels-last; `graphs` is torch.compile(mode="reduce-overhead"), which runs CUDA
graphs. JAX's models compute in f32 with products in the asked precision. {"skipped": why} where a package is not there.
"""
import importlib.util
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# In a prepared folder all stand beside this file.
sys.path[:0] = [str(HERE), str(HERE.parent / "fixtures"), str(HERE.parent / "bench")]
WARM_UP, KEPT = 5, 4  # steps before timing; batches that take turns


def skip(why):
    print(json.dumps({"skipped": why}))
    sys.exit(0)


def torch_step(peer, preset, batch, precision, device):
    import torch

    import models

    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    case = models.make(preset)
    images = preset.startswith("resnet")
    module = case.module.to(device).train()
    if images:
        module = module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)

    def loss_of(inputs, target):
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            return case.loss_of(module(*inputs), target)

    if peer != "eager":
        loss_of = torch.compile(loss_of, mode="reduce-overhead" if peer == "graphs" else "default")

    def fresh():
        inputs = [x.to(device) for x in case.inputs(batch).values()]
        return [x.contiguous(memory_format=torch.channels_last) if images else x for x in inputs], case.target(batch).to(device)

    batches = [fresh() for _ in range(KEPT)]

    def step(i):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(*batches[i % KEPT])
        loss.backward()
        optimizer.step()
        return loss.detach()

    def wait(loss):
        if device == "cuda":
            torch.cuda.synchronize()
        return float(loss)

    peak = lambda: torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None
    return step, wait, peak, f"torch {torch.__version__}"


def jax_step(preset, batch, precision, device):
    import jax
    import optax

    import jax_models

    jax.config.update("jax_default_matmul_precision", "bfloat16" if precision == "bf16" else "highest")
    if device == "cuda" and not any(d.platform == "gpu" for d in jax.devices()):
        skip("JAX has no GPU")
    try:
        params, statistics, loss_of, x, y = jax_models.build(preset, batch)
    except KeyError:
        skip(f"there is no JAX model '{preset}'")
    optimizer = optax.adamw(1e-4, weight_decay=0.01)

    def update(params, statistics, moments, x, y):
        (loss, statistics), grads = jax.value_and_grad(loss_of, has_aux=True)(params, statistics, x, y)
        changes, moments = optimizer.update(grads, moments, params)
        return optax.apply_updates(params, changes), statistics, moments, loss

    update = jax.jit(update, donate_argnums=(0, 1, 2))
    state = [params, statistics, jax.jit(optimizer.init)(params)]

    def step(i):
        *state[:], loss = update(*state, x, y)
        return loss

    def wait(loss):
        jax.block_until_ready(state)
        return float(loss)

    return step, wait, lambda: None, f"jax {jax.__version__}"


def main():
    peer, preset, batch, precision, steps = sys.argv[1:6]
    device = sys.argv[6] if len(sys.argv) > 6 else "cuda"
    batch, steps = int(batch), int(steps)
    absent = [m for m in (["jax", "optax"] if peer == "jax" else ["torch"]) if importlib.util.find_spec(m) is None]
    if absent:
        skip(f"Python package {absent[0]} is not installed")
    if peer == "graphs" and device != "cuda":
        skip("CUDA graphs need a GPU")
    if peer == "jax":
        step, wait, peak, version = jax_step(preset, batch, precision, device)
    else:
        import torch

        if device == "cuda" and not torch.cuda.is_available():
            skip("torch has no GPU")
        step, wait, peak, version = torch_step(peer, preset, batch, precision, device)
    start = time.perf_counter()
    wait(step(0))
    first = time.perf_counter() - start
    for i in range(WARM_UP):
        loss = step(i)
    wait(loss)
    # Each step alone shows the spread; all of them without waiting is what training takes.
    times = []
    for i in range(steps):
        start = time.perf_counter()
        wait(step(i))
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    for i in range(steps):
        loss = step(i)
    last = wait(loss)
    together = (time.perf_counter() - start) / steps
    print(json.dumps({"step_ms": 1e3 * min(together, sorted(times)[steps // 2]), "min_ms": 1e3 * min(times), "compile_s": max(0.0, first - together),
                      "loss": last, "peak_mb": peak(), "version": version}))


if __name__ == "__main__":
    main()
