/* Trains a compiled model from C: no Python, no compiler in the process.
 *
 *   train_c MODEL.dlc DATA.npz [epochs] [learning rate] [WEIGHTS.safetensors]
 *
 * DATA holds one array per input of the artifact's "step" entry, under its
 * name, samples along the first dimension ("x" and "target" for a classifier).
 * Scalar inputs are settings of the step: "lr" is the learning rate. Each
 * epoch visits the samples in file order, batch by batch; the trained
 * parameters are written at the end. Uses dlc/runtime.h alone.
 */
#include <dlc/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INPUTS = 16 };

static void check(dlc_status status) {
  if (status == DLC_OK)
    return;
  fprintf(stderr, "error %s: %s\n", dlc_last_error_id(), dlc_last_error());
  exit(1);
}

static void fail(const char *what, const char *name) {
  fprintf(stderr, "error: %s '%s'\n", what, name);
  exit(1);
}

/* Where the next value of each input of "step" comes from. */
typedef struct feed {
  dlc_tensor inputs[MAX_INPUTS];   /* what the step is given */
  const char *samples[MAX_INPUTS]; /* first byte of the data, NULL: a scalar */
  size_t count;
  int64_t batch;   /* samples per step */
  int64_t batches; /* whole batches in the data */
} feed;

/* A scalar input holds the learning rate in its own type. */
static void bind_rate(dlc_tensor *input, double rate) {
  static float narrow;
  static double wide;
  narrow = (float)rate;
  wide = rate;
  if (input->dtype == DLC_F32)
    input->data = &narrow;
  else if (input->dtype == DLC_F64)
    input->data = &wide;
  else
    fail("the learning rate must be f32 or f64 for", input->name);
}

/* An array of the data: everything but the first dimension must agree. */
static void bind_samples(feed *f, size_t i, const dlc_tensor *data) {
  const dlc_tensor *input = &f->inputs[i];
  if (data->rank != input->rank || data->dtype != input->dtype ||
      memcmp(data->dims + 1, input->dims + 1,
             (size_t)(data->rank - 1) * sizeof(int64_t)) != 0)
    fail("the data has another shape or type than input", input->name);
  f->batch = input->dims[0];
  f->batches = data->dims[0] / f->batch;
  f->samples[i] = data->data;
}

static feed make_feed(const dlc_program *program, dlc_tensors *data,
                      double rate) {
  feed f;
  memset(&f, 0, sizeof f);
  while (f.count < MAX_INPUTS &&
         dlc_program_input(program, "step", f.count, &f.inputs[f.count]) ==
             DLC_OK) {
    dlc_tensor *input = &f.inputs[f.count];
    dlc_tensor array;
    if (input->rank == 0) {
      if (strcmp(input->name, "lr") != 0)
        fail("this example has no value for input", input->name);
      bind_rate(input, rate);
    } else {
      check(dlc_tensors_find(data, input->name, &array));
      bind_samples(&f, f.count, &array);
    }
    ++f.count;
  }
  if (f.batches == 0)
    fail("there is less than one batch of data for", "step");
  return f;
}

/* The loss has the type that the model was compiled for. */
typedef union number {
  float f32;
  double f64;
} number;

static double train_epoch(dlc_session *session, feed *f, const dlc_tensor *loss,
                          const number *value) {
  double sum = 0;
  for (int64_t batch = 0; batch < f->batches; ++batch) {
    for (size_t i = 0; i < f->count; ++i)
      if (f->samples[i])
        f->inputs[i].data =
            (char *)f->samples[i] + (size_t)batch * f->inputs[i].bytes;
    check(dlc_session_run(session, "step", f->inputs, f->count, loss, 1));
    sum += loss->dtype == DLC_F64 ? value->f64 : value->f32;
  }
  return sum / (double)f->batches;
}

/* Writes every parameter under its name in the model. */
static void save_parameters(const dlc_program *program, dlc_session *session,
                            const char *path) {
  size_t count = dlc_program_state_count(program), kept = 0;
  dlc_tensor *tensors = calloc(count, sizeof *tensors);
  for (size_t i = 0; tensors && i < count; ++i) {
    dlc_state_info info;
    check(dlc_program_state(program, i, &info));
    if (info.role != DLC_PARAMETER && info.role != DLC_STATISTIC)
      continue;
    tensors[kept] = info.tensor;
    tensors[kept].data = malloc(info.tensor.bytes);
    check(dlc_session_read_state(session, info.tensor.name, tensors[kept].data,
                                 info.tensor.bytes));
    ++kept;
  }
  check(dlc_tensors_save(path, tensors, kept));
  for (size_t i = 0; i < kept; ++i)
    free(tensors[i].data);
  free(tensors);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr,
            "usage: %s MODEL.dlc DATA.npz [epochs] [learning rate] "
            "[WEIGHTS.safetensors]\n",
            argv[0]);
    return 2;
  }
  int epochs = argc > 3 ? atoi(argv[3]) : 3;
  double rate = argc > 4 ? atof(argv[4]) : 1e-3;

  dlc_program *program;
  dlc_tensors *data;
  dlc_session *session;
  check(dlc_program_load(argv[1], &program));
  check(dlc_tensors_load(argv[2], &data));
  check(dlc_session_create(program, NULL, &session));

  feed f = make_feed(program, data, rate);
  dlc_tensor loss;
  number value;
  check(dlc_program_output(program, "step", 0, &loss));
  loss.data = &value;
  for (int epoch = 1; epoch <= epochs; ++epoch)
    printf("epoch %d: loss %.6f\n", epoch,
           train_epoch(session, &f, &loss, &value));
  printf("memory: %.1f MB planned, %.1f MB used\n",
         (double)dlc_session_arena_bytes(session) / 1048576.0,
         (double)dlc_session_peak_bytes(session) / 1048576.0);
  if (argc > 5)
    save_parameters(program, session, argv[5]);

  dlc_session_release(session);
  dlc_tensors_release(data);
  dlc_program_release(program);
  return 0;
}
