/* What generated code and the engine of the emulated device share.
 *
 * The compiler rewrites a GPU kernel into an ordinary x86-64 function
 *   void NAME(struct dlc_emulated_thread *, void *const *parameters)
 * that does the work of one thread of a block; parameters[i] is the value of
 * the kernel's parameter i. Beside it stands NAME DLC_EMULATED_KERNEL_SUFFIX, a
 * struct dlc_emulated_kernel that describes it. Where the kernel asks the
 * machine for something (memory, a barrier, another lane), the function calls
 * the engine through the table of its thread.
 *
 * Both sides are built from this file, but an artifact may be older than the
 * runtime: structs and tables are only ever appended to, and the version says
 * up to where the code expects them. */
#ifndef DLC_RUNTIME_EMULATED_EMULATORABI_H
#define DLC_RUNTIME_EMULATED_EMULATORABI_H

#include <stdint.h>

#define DLC_EMULATED_VERSION 1u
#define DLC_EMULATED_KERNEL_SUFFIX ".emulated"
/* The CPU that the code is generated for, and what of it a machine may lack. */
#define DLC_EMULATED_CPU "x86-64-v3"
#define DLC_EMULATED_FEATURES "avx2", "bmi2", "f16c", "fma"

/* Of `flags` of an access. */
enum {
  DLC_ACCESS_STORE = 1,
  DLC_ACCESS_ATOMIC = 2,
  /* Bits 4 to 7: log2 of the alignment that the instruction relies on. */
  DLC_ACCESS_ALIGN_SHIFT = 4,
  /* Bits 8 and 9: what the address was derived from. */
  DLC_ACCESS_ORIGIN_SHIFT = 8,
  DLC_ORIGIN_UNKNOWN = 0,   /* the address alone tells */
  DLC_ORIGIN_PARAMETER = 1, /* the buffer of parameter `index` */
  DLC_ORIGIN_SHARED = 2,    /* workgroup variable `index` */
  /* Bits 16 to 31: the index. */
  DLC_ACCESS_INDEX_SHIFT = 16
};

enum { DLC_SHUFFLE_UP, DLC_SHUFFLE_DOWN, DLC_SHUFFLE_BFLY, DLC_SHUFFLE_IDX };
enum { DLC_VOTE_ALL, DLC_VOTE_ANY, DLC_VOTE_UNI, DLC_VOTE_BALLOT };

/* Products of a warp, by shape and type of A and B: D = A B + C in f32. */
enum {
  DLC_MULTIPLY_K16_BF16,
  DLC_MULTIPLY_K16_F16,
  DLC_MULTIPLY_K8_BF16,
  DLC_MULTIPLY_K8_F16,
  DLC_MULTIPLY_K8_TF32
};

struct dlc_emulated_thread;

/* `site` numbers the instructions of a kernel that call the engine. A callback
 * that finds an error does not return. */
struct dlc_emulated_calls {
  uint32_t version;
  /* Before the access; `bytes` may be 0. */
  void (*access)(struct dlc_emulated_thread *, const void *address,
                 uint64_t bytes, uint32_t flags, uint32_t site);
  void (*barrier)(struct dlc_emulated_thread *, uint32_t id, uint32_t site);
  /* As PTX's shfl.sync: the value in the low half, the predicate in bit 32. */
  uint64_t (*shuffle)(struct dlc_emulated_thread *, uint32_t mode,
                      uint32_t mask, uint32_t value, uint32_t lane,
                      uint32_t clamp, uint32_t site);
  uint32_t (*vote)(struct dlc_emulated_thread *, uint32_t mode, uint32_t mask,
                   uint32_t predicate, uint32_t site);
  void (*sync_warp)(struct dlc_emulated_thread *, uint32_t mask, uint32_t site);
  uint32_t (*active_mask)(struct dlc_emulated_thread *);
  void (*trap)(struct dlc_emulated_thread *, uint32_t site);
  /* As PTX's mma.sync.m16n8kN.row.col: the registers of this lane. */
  void (*multiply)(struct dlc_emulated_thread *, uint32_t kind,
                   const uint32_t *a, const uint32_t *b, const uint32_t *c,
                   uint32_t *d, uint32_t site);
  /* As PTX's ldmatrix.m8n8.b16, of 1, 2 or 4 matrices. */
  void (*load_matrix)(struct dlc_emulated_thread *, const void *address,
                      uint32_t count, uint32_t is_transposed, uint32_t *result,
                      uint32_t site);
  /* As PTX's cp.async: `source_bytes` bytes, then zeros. */
  void (*copy_async)(struct dlc_emulated_thread *, void *to, const void *from,
                     uint32_t bytes, uint32_t source_bytes, uint32_t site);
  void (*commit_copies)(struct dlc_emulated_thread *);
  /* Until at most `pending` groups of this thread are under way; ~0u: until
   * every copy is done, also one of no group. */
  void (*wait_copies)(struct dlc_emulated_thread *, uint32_t pending);
};

/* The engine's own fields lie behind these. */
struct dlc_emulated_thread {
  uint32_t tid[3], ntid[3], ctaid[3], nctaid[3];
  uint32_t lane, warp;
  unsigned char *shared; /* workgroup memory of the block */
  const struct dlc_emulated_calls *calls;
};

/* A variable in workgroup memory. */
struct dlc_emulated_shared {
  const char *name;
  uint32_t offset, bytes;
};

/* What the kernel may do with the buffer of a parameter. */
enum {
  DLC_PARAMETER_STORED = 1, /* a store may reach it */
  DLC_PARAMETER_INPUT = 2   /* the kernel promises not to store to it */
};

/* Of `flags` of a kernel. */
enum {
  DLC_KERNEL_WAITS = 1, /* for other threads: it needs a stack per thread */
  DLC_KERNEL_STORES_ANYWHERE = 2 /* a store of unknown origin */
};

struct dlc_emulated_kernel {
  uint32_t version;
  uint32_t flags;
  uint32_t parameters, sites, variables;
  uint32_t shared_bytes;
  uint64_t stack_bytes;            /* of the kernel's own local memory */
  const uint32_t *parameter_flags; /* [parameters] */
  const char *const *site_names;   /* [sites]: "store float" */
  const struct dlc_emulated_shared *shared; /* [variables] */
};

#endif /* DLC_RUNTIME_EMULATED_EMULATORABI_H */
