/* Kernels of the handmade artifact in LinearModel.h, built as a shared object
 * of their own with the signature that generated code has. */
#include <stdint.h>

/* buffers: prediction, target -> difference; dims: elements per group */
void subtract(void *const *buffers, const int64_t *dims, int64_t first,
              int64_t end) {
  const float *a = buffers[0], *b = buffers[1];
  float *c = buffers[2];
  for (int64_t i = first * dims[0]; i < end * dims[0]; ++i)
    c[i] = a[i] - b[i];
}

/* buffers: difference -> loss; dims: elements. One group: a fixed order. */
void mean_square(void *const *buffers, const int64_t *dims, int64_t first,
                 int64_t end) {
  const float *a = buffers[0];
  float sum = 0;
  if (first == end)
    return;
  for (int64_t i = 0; i < dims[0]; ++i)
    sum += a[i] * a[i];
  *(float *)buffers[1] = sum / (float)dims[0];
}

/* buffers: gradient, rate, weight, step; dims: elements. */
void descend(void *const *buffers, const int64_t *dims, int64_t first,
             int64_t end) {
  const float *gradient = buffers[0], *rate = buffers[1];
  float *weight = buffers[2];
  int64_t *step = buffers[3];
  if (first == end)
    return;
  for (int64_t i = 0; i < dims[0]; ++i)
    weight[i] -= *rate * gradient[i];
  ++*step;
}
