/* dlc runtime: load a compiled artifact (`.dlc`) and train or run it.
 *
 * C99, no dependency beyond the standard headers.
 *
 *   dlc_program *program;  dlc_session *session;
 *   if (dlc_program_load("model.dlc", &program)) die(dlc_last_error());
 *   dlc_session_create(program, NULL, &session);
 *   dlc_tensor in[] = {{"x", DLC_F32, 2, x_dims, x, sizeof x}, ...};
 *   dlc_tensor out[] = {{"loss", DLC_F32, 0, NULL, &loss, sizeof loss}};
 *   dlc_session_run(session, "step", in, 3, out, 1);
 *
 * Errors. Every call that can fail returns a dlc_status: 0 is success, anything
 * else says what kind of failure. The full text, its stable id ("DLC5203") and
 * the place that raised it are those of the calling thread's last failed call:
 * dlc_last_error() and its companions. No call ends the process or throws.
 *
 * Ownership. A handle that a call hands out is released by the matching
 * ..._release. Strings and arrays handed out belong to the handle they came
 * from and live as long as it does. Tensor data always belongs to the caller.
 *
 * Threads. A program is immutable and may be used by any threads at once; many
 * sessions may share it. A session may be used by any thread; its calls run one
 * after another. A tensor set is for one thread at a time.
 *
 * Versions. A library serves every program built against an older minor version
 * of this header; see dlc_runtime_version.
 */
#ifndef DLC_RUNTIME_H
#define DLC_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DLC_API __attribute__((visibility("default")))
#else
#define DLC_API
#endif

#define DLC_RUNTIME_VERSION_MAJOR 1
#define DLC_RUNTIME_VERSION_MINOR 1

/* Version of the library, as major * 1000 + minor. */
DLC_API int dlc_runtime_version(void);

/* ---- errors ------------------------------------------------------------- */

typedef enum dlc_status {
  DLC_OK = 0,
  DLC_INVALID_ARGUMENT = 1, /* the call was wrong: a shape, a null pointer */
  DLC_NOT_FOUND = 2,        /* no such file, entry, tensor or state */
  DLC_CORRUPT = 3,          /* a file is damaged or not what it claims */
  DLC_UNSUPPORTED = 4,      /* valid, but not on this machine or build */
  DLC_OUT_OF_MEMORY = 5,
  DLC_IO = 6,      /* the system refused to read or write */
  DLC_INTERNAL = 7 /* a bug of dlc */
} dlc_status;

/* About the calling thread's last failed call; valid until its next one.
 * Empty strings and 0 when none has failed. */
DLC_API const char *dlc_last_error(void);      /* the message */
DLC_API const char *dlc_last_error_id(void);   /* "DLC5203" */
DLC_API const char *dlc_last_error_file(void); /* source file */
DLC_API int dlc_last_error_line(void);

/* ---- tensors ------------------------------------------------------------ */

typedef enum dlc_dtype {
  DLC_F64 = 0,
  DLC_F32 = 1,
  DLC_F16 = 2,
  DLC_BF16 = 3,
  DLC_F8E4M3FN = 4,
  DLC_F8E5M2 = 5,
  DLC_I1 = 6, /* one byte per element, 0 or 1 */
  DLC_I8 = 7,
  DLC_UI8 = 8,
  DLC_I16 = 9,
  DLC_I32 = 10,
  DLC_I64 = 11
} dlc_dtype;

/* Bytes per element; 0 for a value that is no dlc_dtype. */
DLC_API size_t dlc_dtype_bytes(dlc_dtype dtype);
/* "f32", "i64" ...; "" for a value that is no dlc_dtype. */
DLC_API const char *dlc_dtype_name(dlc_dtype dtype);

/* A dense row-major tensor in memory of the caller. `bytes` is the size of
 * `data` and must be that of the tensor. */
typedef struct dlc_tensor {
  const char *name;
  dlc_dtype dtype;
  int32_t rank;
  const int64_t *dims;
  void *data;
  size_t bytes;
} dlc_tensor;

/* ---- programs ----------------------------------------------------------- */

/* A loaded artifact: its plan and its machine code. Only load artifacts from a
 * source you trust: they contain code. */
typedef struct dlc_program dlc_program;

/* Loads a file for the device that DLC_DEVICE names (default: cpu). The file
 * must not be truncated while the program lives. */
DLC_API dlc_status dlc_program_load(const char *path, dlc_program **program);
/* The same from memory, which is copied. */
DLC_API dlc_status dlc_program_load_memory(const void *data, size_t bytes,
                                           dlc_program **program);
/* Sessions keep what they need of it. NULL is allowed. */
DLC_API void dlc_program_release(dlc_program *program);

/* Entries: "forward", "infer", "step", "grad", "eval". */
DLC_API size_t dlc_program_entry_count(const dlc_program *program);
/* NULL when `index` is out of range; so are the names below. */
DLC_API const char *dlc_program_entry_name(const dlc_program *program,
                                           size_t index);

/* Describes input or output `index` of an entry: name, dtype, rank, dims and
 * bytes are set, data is NULL. DLC_NOT_FOUND past the last one. */
DLC_API dlc_status dlc_program_input(const dlc_program *program,
                                     const char *entry, size_t index,
                                     dlc_tensor *tensor);
DLC_API dlc_status dlc_program_output(const dlc_program *program,
                                      const char *entry, size_t index,
                                      dlc_tensor *tensor);

typedef enum dlc_state_role {
  DLC_PARAMETER = 0,
  DLC_STATISTIC = 1, /* running mean or variance of a normalization */
  DLC_OPTIMIZER = 2,
  DLC_RANDOM = 3,
  DLC_STEP = 4
} dlc_state_role;

/* What a session keeps between calls, under the name of the model's
 * initializer or one such as "adamw.m/fc1.weight". */
typedef struct dlc_state_info {
  dlc_tensor tensor; /* data is NULL */
  dlc_state_role role;
  int is_trained;   /* "step" updates it */
  const char *note; /* why a parameter is not trained, or "" */
} dlc_state_info;

DLC_API size_t dlc_program_state_count(const dlc_program *program);
DLC_API dlc_status dlc_program_state(const dlc_program *program, size_t index,
                                     dlc_state_info *info);

/* Bytes of one session's arena: everything its programs ever need. */
DLC_API uint64_t dlc_program_arena_bytes(const dlc_program *program);

/* ---- sessions ----------------------------------------------------------- */

/* One training state with its working memory. */
typedef struct dlc_session dlc_session;

typedef struct dlc_session_options {
  size_t size; /* sizeof(dlc_session_options); later versions append fields */
  int64_t seed;
  int32_t threads; /* 0: DLC_NUM_THREADS, or the CPUs this process may use */
} dlc_session_options;

/* Allocates the arena and sets every state to its start. NULL options: seed 0,
 * default threads. Results do not depend on the number of threads. */
DLC_API dlc_status dlc_session_create(const dlc_program *program,
                                      const dlc_session_options *options,
                                      dlc_session **session);
DLC_API void dlc_session_release(dlc_session *session);

/* Makes an entry ready now, which its first run would do: later runs neither
 * allocate memory nor create library objects. */
DLC_API dlc_status dlc_session_prepare(dlc_session *session,
                                       const char *entry);

/* Runs an entry and waits for it. All inputs of the entry, in any order;
 * outputs are those one wants. Names, dtypes and dims must match. A failed
 * check leaves the session as it was. */
DLC_API dlc_status dlc_session_run(dlc_session *session, const char *entry,
                                   const dlc_tensor *inputs,
                                   size_t input_count,
                                   const dlc_tensor *outputs,
                                   size_t output_count);

/* As dlc_session_run, but returns before the work is done where the device
 * works beside the host: inputs may change then; outputs must stay where they
 * are, and are written by dlc_session_wait. Inputs are copied while the calls
 * before still run. Since 1.1. */
DLC_API dlc_status dlc_session_submit(dlc_session *session, const char *entry,
                                      const dlc_tensor *inputs,
                                      size_t input_count,
                                      const dlc_tensor *outputs,
                                      size_t output_count);
/* Waits until at most `unfinished` of the submitted calls, the last ones, are
 * not done; 0 waits for all. Says what went wrong in them. Since 1.1. */
DLC_API dlc_status dlc_session_wait(dlc_session *session, size_t unfinished);

/* Copies a state out or in; `bytes` must be its size. */
DLC_API dlc_status dlc_session_read_state(dlc_session *session,
                                          const char *name, void *data,
                                          size_t bytes);
DLC_API dlc_status dlc_session_write_state(dlc_session *session,
                                           const char *name, const void *data,
                                           size_t bytes);
/* Every state as at creation with that seed. */
DLC_API dlc_status dlc_session_reset(dlc_session *session, int64_t seed);

DLC_API uint64_t dlc_session_arena_bytes(const dlc_session *session);
/* Highest byte of the arena that the runs so far have used. */
DLC_API uint64_t dlc_session_peak_bytes(const dlc_session *session);

/* ---- files of tensors --------------------------------------------------- */

/* Named tensors read from `.npz`, `.npy` (one tensor, called "data") or
 * `.safetensors`, by the file's ending. */
typedef struct dlc_tensors dlc_tensors;

DLC_API dlc_status dlc_tensors_load(const char *path, dlc_tensors **tensors);
DLC_API void dlc_tensors_release(dlc_tensors *tensors);
DLC_API size_t dlc_tensors_count(const dlc_tensors *tensors);
/* In order of name; DLC_NOT_FOUND past the last one. The data belongs to the
 * set and may be written. */
DLC_API dlc_status dlc_tensors_at(dlc_tensors *tensors, size_t index,
                                  dlc_tensor *tensor);
DLC_API dlc_status dlc_tensors_find(dlc_tensors *tensors, const char *name,
                                    dlc_tensor *tensor);
/* Writes tensors of the caller, whole or not at all, in the format of the
 * file's ending. */
DLC_API dlc_status dlc_tensors_save(const char *path,
                                    const dlc_tensor *tensors, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* DLC_RUNTIME_H */
