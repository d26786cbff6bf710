// The C API on top of the executor: checks pointers, turns a Status into a
// dlc_status and the thread's last error, and lets no exception out.

#include "dlc/runtime.h"

#include "runtime/data/TensorMap.h"
#include "runtime/executor/Executor.h"

#include <new>

using namespace dlc::rt;

struct dlc_program {
  std::shared_ptr<const LoadedProgram> loaded;
};
struct dlc_session {
  std::unique_ptr<Session> session;
};
struct dlc_tensors {
  TensorMap map;
  std::vector<TensorMap::iterator> order;
};

// The enums of the C API are those of the runtime.
static_assert(int(DLC_I64) == int(DType::I64) && DLC_I64 + 1 == dtypeCount);
static_assert(int(DLC_INTERNAL) == int(StatusCode::Internal));
static_assert(int(DLC_STEP) == int(dlc::fb::StateRole::Step));

static thread_local Status lastError;

static dlc_status report(Status status) {
  if (status.isOk())
    return DLC_OK;
  lastError = std::move(status);
  return static_cast<dlc_status>(lastError.code());
}

/// Runs `body`, which returns a Status; memory that runs out becomes one.
template <typename Body> static dlc_status guarded(Body &&body) {
  try {
    return report(body());
  } catch (const std::bad_alloc &) {
    return report(DLC_ERROR(OutOfMemory, "DLC6002",
                            "call needs memory, but got none from the "
                            "system"));
  } catch (const std::exception &error) {
    return report(DLC_ERROR(Internal, "DLC6005",
                            "call must not fail inside "
                            "a library, but got '",
                            error.what(), "'"));
  }
}

static Status nullPointer(const char *what) {
  return DLC_ERROR(InvalidArgument, "DLC5207", "argument '", what,
                   "' must be given, but got null");
}

#define DLC_REQUIRE(POINTER)                                                   \
  if (!(POINTER))                                                              \
  return nullPointer(#POINTER)

static bool isDType(dlc_dtype dtype) {
  return int(dtype) >= 0 && int(dtype) < dtypeCount;
}

int dlc_runtime_version(void) {
  return DLC_RUNTIME_VERSION_MAJOR * 1000 + DLC_RUNTIME_VERSION_MINOR;
}

const char *dlc_last_error(void) { return lastError.message().c_str(); }
const char *dlc_last_error_id(void) { return lastError.id().c_str(); }
const char *dlc_last_error_file(void) { return lastError.file().c_str(); }
int dlc_last_error_line(void) { return lastError.line(); }

size_t dlc_dtype_bytes(dlc_dtype dtype) {
  return isDType(dtype) ? dtypeBytes(static_cast<DType>(dtype)) : 0;
}

const char *dlc_dtype_name(dlc_dtype dtype) {
  // The names are literals, so they end in a zero.
  return isDType(dtype) ? dtypeName(static_cast<DType>(dtype)).data() : "";
}

// ---- programs

static Status finishLoad(Result<std::shared_ptr<const Artifact>> artifact,
                         dlc_program **program) {
  if (!artifact.isOk())
    return std::move(artifact.status());
  DLC_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedProgram> loaded,
                       LoadedProgram::load(std::move(artifact.value())));
  *program = new dlc_program{std::move(loaded)};
  return Status::ok();
}

dlc_status dlc_program_load(const char *path, dlc_program **program) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(path);
    DLC_REQUIRE(program);
    *program = nullptr;
    return finishLoad(Artifact::open(path), program);
  });
}

dlc_status dlc_program_load_memory(const void *data, size_t bytes,
                                   dlc_program **program) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(data);
    DLC_REQUIRE(program);
    *program = nullptr;
    return finishLoad(Artifact::fromMemory(data, bytes), program);
  });
}

void dlc_program_release(dlc_program *program) { delete program; }

size_t dlc_program_entry_count(const dlc_program *program) {
  return program ? program->loaded->entries().size() : 0;
}

const char *dlc_program_entry_name(const dlc_program *program, size_t index) {
  if (index >= dlc_program_entry_count(program))
    return nullptr;
  return program->loaded->entries()[index].name.c_str();
}

template <typename Slot>
static void describe(const Slot &slot, dlc_tensor *tensor) {
  tensor->name = slot.name.c_str();
  tensor->dtype = static_cast<dlc_dtype>(slot.dtype);
  tensor->rank = static_cast<int32_t>(slot.dims.size());
  tensor->dims = slot.dims.data();
  tensor->data = nullptr;
  tensor->bytes = slot.bytes;
}

static Status pastTheLast(const char *what, size_t index, size_t count) {
  return DLC_ERROR(NotFound, "DLC5202", what, " index must be below ", count,
                   ", but got ", index);
}

static Status describeSlot(const dlc_program *program, const char *entry,
                           bool isInput, size_t index, dlc_tensor *tensor) {
  DLC_REQUIRE(program);
  DLC_REQUIRE(entry);
  DLC_REQUIRE(tensor);
  DLC_ASSIGN_OR_RETURN(const EntryInfo *info,
                       program->loaded->findEntry(entry));
  const std::vector<TensorSlot> &slots = isInput ? info->inputs : info->outputs;
  if (index >= slots.size())
    return pastTheLast(isInput ? "input" : "output", index, slots.size());
  describe(slots[index], tensor);
  return Status::ok();
}

dlc_status dlc_program_input(const dlc_program *program, const char *entry,
                             size_t index, dlc_tensor *tensor) {
  return guarded(
      [&] { return describeSlot(program, entry, true, index, tensor); });
}

dlc_status dlc_program_output(const dlc_program *program, const char *entry,
                              size_t index, dlc_tensor *tensor) {
  return guarded(
      [&] { return describeSlot(program, entry, false, index, tensor); });
}

size_t dlc_program_state_count(const dlc_program *program) {
  return program ? program->loaded->states().size() : 0;
}

dlc_status dlc_program_state(const dlc_program *program, size_t index,
                             dlc_state_info *info) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(program);
    DLC_REQUIRE(info);
    size_t count = program->loaded->states().size();
    if (index >= count)
      return pastTheLast("state", index, count);
    const StateSlot &slot = program->loaded->states()[index];
    describe(slot, &info->tensor);
    info->role = static_cast<dlc_state_role>(slot.role);
    info->is_trained = slot.isTrained;
    info->note = slot.note.c_str();
    return Status::ok();
  });
}

uint64_t dlc_program_arena_bytes(const dlc_program *program) {
  return program ? program->loaded->artifact().header().arena_bytes() : 0;
}

// ---- sessions

dlc_status dlc_session_create(const dlc_program *program,
                              const dlc_session_options *options,
                              dlc_session **session) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(program);
    DLC_REQUIRE(session);
    *session = nullptr;
    SessionOptions own;
    if (options) {
      // A caller built against an older header has a smaller struct.
      if (options->size < sizeof(dlc_session_options))
        return DLC_ERROR(InvalidArgument, "DLC5207",
                         "options must have their "
                         "size set to at least ",
                         sizeof(dlc_session_options), ", but got ",
                         options->size);
      own.seed = options->seed;
      own.threads = options->threads;
    }
    DLC_ASSIGN_OR_RETURN(std::unique_ptr<Session> created,
                         Session::create(program->loaded, own));
    *session = new dlc_session{std::move(created)};
    return Status::ok();
  });
}

void dlc_session_release(dlc_session *session) { delete session; }

dlc_status dlc_session_prepare(dlc_session *session, const char *entry) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(session);
    DLC_REQUIRE(entry);
    return session->session->prepare(entry);
  });
}

/// Views of the caller's tensors, in storage that a thread keeps, so that a
/// call in a training loop does not allocate.
static Status viewTensors(const char *role, const dlc_tensor *tensors,
                          size_t count, std::vector<TensorView> &views) {
  views.clear();
  if (count != 0 && !tensors)
    return nullPointer(role);
  for (size_t i = 0; i < count; ++i) {
    const dlc_tensor &tensor = tensors[i];
    if (!tensor.name || (!tensor.data && tensor.bytes != 0) ||
        (!tensor.dims && tensor.rank != 0) || tensor.rank < 0 ||
        !isDType(tensor.dtype))
      return DLC_ERROR(InvalidArgument, "DLC5207", role, " ", i,
                       " must have a name, a dtype, dims and data, but got ",
                       "dtype ", int(tensor.dtype), " and rank ", tensor.rank);
    TensorView view;
    view.name = tensor.name;
    view.dtype = static_cast<DType>(tensor.dtype);
    view.dims = {tensor.dims, static_cast<size_t>(tensor.rank)};
    view.data = static_cast<std::byte *>(tensor.data);
    std::optional<uint64_t> bytes = tensorBytes(view.dtype, view.dims);
    if (!bytes || *bytes != tensor.bytes)
      return DLC_ERROR(InvalidArgument, "DLC5207", role, " '", tensor.name,
                       "' must have the bytes of its dims, ",
                       bytes ? *bytes : 0, ", but got ", tensor.bytes);
    views.push_back(view);
  }
  return Status::ok();
}

/// `call` gets the tensors as views.
template <typename F>
static dlc_status withTensors(dlc_session *session, const char *entry,
                              const dlc_tensor *inputs, size_t input_count,
                              const dlc_tensor *outputs, size_t output_count,
                              F call) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(session);
    DLC_REQUIRE(entry);
    static thread_local std::vector<TensorView> in, out;
    DLC_RETURN_IF_ERROR(viewTensors("input", inputs, input_count, in));
    DLC_RETURN_IF_ERROR(viewTensors("output", outputs, output_count, out));
    return call(in, out);
  });
}

dlc_status dlc_session_run(dlc_session *session, const char *entry,
                           const dlc_tensor *inputs, size_t input_count,
                           const dlc_tensor *outputs, size_t output_count) {
  return withTensors(session, entry, inputs, input_count, outputs, output_count,
                     [&](auto &in, auto &out) {
                       return session->session->run(entry, in, out);
                     });
}

dlc_status dlc_session_submit(dlc_session *session, const char *entry,
                              const dlc_tensor *inputs, size_t input_count,
                              const dlc_tensor *outputs, size_t output_count) {
  return withTensors(session, entry, inputs, input_count, outputs, output_count,
                     [&](auto &in, auto &out) {
                       return session->session->submit(entry, in, out);
                     });
}

dlc_status dlc_session_wait(dlc_session *session, size_t unfinished) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(session);
    return session->session->wait(unfinished);
  });
}

dlc_status dlc_session_read_state(dlc_session *session, const char *name,
                                  void *data, size_t bytes) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(session);
    DLC_REQUIRE(name);
    DLC_REQUIRE(data);
    return session->session->readState(name, data, bytes);
  });
}

dlc_status dlc_session_write_state(dlc_session *session, const char *name,
                                   const void *data, size_t bytes) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(session);
    DLC_REQUIRE(name);
    DLC_REQUIRE(data);
    return session->session->writeState(name, data, bytes);
  });
}

dlc_status dlc_session_reset(dlc_session *session, int64_t seed) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(session);
    return session->session->reset(seed);
  });
}

uint64_t dlc_session_arena_bytes(const dlc_session *session) {
  return session ? session->session->arenaBytes() : 0;
}

uint64_t dlc_session_peak_bytes(const dlc_session *session) {
  return session ? session->session->peakBytes() : 0;
}

// ---- files of tensors

dlc_status dlc_tensors_load(const char *path, dlc_tensors **tensors) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(path);
    DLC_REQUIRE(tensors);
    *tensors = nullptr;
    DLC_ASSIGN_OR_RETURN(TensorMap map, loadTensors(path));
    auto set = std::make_unique<dlc_tensors>();
    set->map = std::move(map);
    for (auto it = set->map.begin(); it != set->map.end(); ++it)
      set->order.push_back(it);
    *tensors = set.release();
    return Status::ok();
  });
}

void dlc_tensors_release(dlc_tensors *tensors) { delete tensors; }

size_t dlc_tensors_count(const dlc_tensors *tensors) {
  return tensors ? tensors->order.size() : 0;
}

static void describeOwned(TensorMap::iterator it, dlc_tensor *out) {
  Tensor &tensor = it->second;
  out->name = it->first.c_str();
  out->dtype = static_cast<dlc_dtype>(tensor.dtype);
  out->rank = static_cast<int32_t>(tensor.dims.size());
  out->dims = tensor.dims.data();
  out->data = tensor.data.data();
  out->bytes = tensor.data.size();
}

dlc_status dlc_tensors_at(dlc_tensors *tensors, size_t index,
                          dlc_tensor *tensor) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(tensors);
    DLC_REQUIRE(tensor);
    if (index >= tensors->order.size())
      return pastTheLast("tensor", index, tensors->order.size());
    describeOwned(tensors->order[index], tensor);
    return Status::ok();
  });
}

dlc_status dlc_tensors_find(dlc_tensors *tensors, const char *name,
                            dlc_tensor *tensor) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(tensors);
    DLC_REQUIRE(name);
    DLC_REQUIRE(tensor);
    auto it = tensors->map.find(std::string_view(name));
    if (it == tensors->map.end())
      return DLC_ERROR(NotFound, "DLC5202",
                       "tensor must be one of the file's "
                       "tensors, but got '",
                       name, "'");
    describeOwned(it, tensor);
    return Status::ok();
  });
}

dlc_status dlc_tensors_save(const char *path, const dlc_tensor *tensors,
                            size_t count) {
  return guarded([&]() -> Status {
    DLC_REQUIRE(path);
    std::vector<TensorView> views;
    DLC_RETURN_IF_ERROR(viewTensors("tensor", tensors, count, views));
    TensorMap map;
    for (const TensorView &view : views) {
      Tensor tensor;
      tensor.dtype = view.dtype;
      tensor.dims.assign(view.dims.begin(), view.dims.end());
      uint64_t bytes = *tensorBytes(view.dtype, view.dims);
      tensor.data.assign(view.data, view.data + bytes);
      if (!map.emplace(std::string(view.name), std::move(tensor)).second)
        return DLC_ERROR(InvalidArgument, "DLC5207", "tensor '", view.name,
                         "' must be given once, but got it twice");
    }
    return saveTensors(path, map);
  });
}
