"""One timing of one peer, in a process of its own: `peers.py PEER VARIANT MODEL STEPS THREADS [PRECISION]` prints one JSON object.

A step is forward, mean cross-entropy, backward and AdamW (lr 1e-4, weight decay 0.01), on fixed random data, in f32, or
in bf16 as the peer does it: PyTorch's autocast. Weights are f32 in both.
PEER VARIANT: eager or compile with `plain` or `channels_last` (images only); jax with `plain`.
step_ms is the median, cpu_ms that of the processor time of all threads, compile_s the first step less a median one, peak_mb the process' peak resident size, base_mb what
it had before the model was made (interpreter and libraries).
"""
import json
import pathlib
import resource
import sys
import time

WARM_UP_CALLS, WARM_UP_SECONDS = 3, 0.2  # at least, as `dlc bench` does


def resident_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def torch_step(peer, variant, name, threads, precision):
    """(base_mb, function that runs one step and returns the loss)"""
    import torch

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fixtures"))
    import models

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    base = resident_mb()
    case = models.make(name)
    inputs, target = list(case.inputs(case.batch).values()), case.target(case.batch)
    module = case.module
    if variant == "channels_last":
        module = module.to(memory_format=torch.channels_last)
        inputs = [x.contiguous(memory_format=torch.channels_last) for x in inputs]
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True)

    def loss_of(*xs):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return case.loss_of(module(*xs), target)

    loss_of = torch.compile(loss_of) if peer == "compile" else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(*inputs)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return base, step


def jax_step(name):
    import jax
    import optax

    import jax_models

    base = resident_mb()
    params, statistics, loss_of, inputs, target = jax_models.build(name)
    optimizer = optax.adamw(1e-4, weight_decay=0.01)

    def update(params, statistics, moments, x, y):
        (loss, statistics), grads = jax.value_and_grad(loss_of, has_aux=True)(params, statistics, x, y)
        changes, moments = optimizer.update(grads, moments, params)
        return optax.apply_updates(params, changes), statistics, moments, loss

    update = jax.jit(update, donate_argnums=(0, 1, 2))
    state = [params, statistics, jax.jit(optimizer.init)(params)]

    def step():
        *state[:], loss = update(*state, inputs, target)
        jax.block_until_ready(state)
        return float(loss)

    return base, step


def main():
    peer, variant, name, steps, threads = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
    precision = sys.argv[6] if len(sys.argv) > 6 else "f32"
    start = time.perf_counter()
    base, step = jax_step(name) if peer == "jax" else torch_step(peer, variant, name, threads, precision)
    built = time.perf_counter()
    step()
    first = time.perf_counter() - built
    warm, calls = time.perf_counter() + WARM_UP_SECONDS, 0
    while calls < WARM_UP_CALLS or time.perf_counter() < warm:
        step()
        calls += 1
    times, processor = [], []
    for _ in range(steps):
        begin, busy = time.perf_counter(), time.process_time()
        loss = step()
        times.append(time.perf_counter() - begin)
        processor.append(time.process_time() - busy)
    times.sort()
    median = times[len(times) // 2]
    print(json.dumps({"step_ms": 1e3 * median, "cpu_ms": 1e3 * sorted(processor)[len(processor) // 2], "min_ms": 1e3 * times[0], "compile_s": max(0.0, first - median),
                      "setup_s": built - start, "peak_mb": resident_mb(), "base_mb": base, "loss": loss}))


if __name__ == "__main__":
    main()
