// C++20 over dlc/runtime.h: handles release themselves, errors are exceptions
// of type dlc::Error, tensors are spans. Header only; link dlc::runtime.
//
//   dlc::Program program("model.dlc");
//   dlc::Session session(program, {.seed = 1});
//   float loss;
//   session.run("step",
//               {dlc::tensor("x", x, {64, 784}), dlc::tensor("target", t, {64}),
//                dlc::scalar("lr", lr)},
//               {dlc::scalar("loss", loss)});
//
// Ownership and thread rules are those of the C header.
#ifndef DLC_RUNTIME_HPP
#define DLC_RUNTIME_HPP

#include "dlc/runtime.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dlc {

/// A failed call: what() has the message with its id.
class Error : public std::runtime_error {
public:
  Error(dlc_status status, const char *id, const char *message)
      : std::runtime_error(std::string(id) + ": " + message), code(status),
        name(id) {}
  dlc_status status() const { return code; }
  const std::string &id() const { return name; }

private:
  dlc_status code;
  std::string name;
};

/// Throws Error unless `status` is DLC_OK.
inline void check(dlc_status status) {
  if (status != DLC_OK)
    throw Error(status, dlc_last_error_id(), dlc_last_error());
}

template <typename T> constexpr dlc_dtype dtypeOf() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, double>)
    return DLC_F64;
  else if constexpr (std::is_same_v<U, float>)
    return DLC_F32;
  else if constexpr (std::is_same_v<U, bool>)
    return DLC_I1;
  else if constexpr (std::is_same_v<U, std::int8_t>)
    return DLC_I8;
  else if constexpr (std::is_same_v<U, std::uint8_t>)
    return DLC_UI8;
  else if constexpr (std::is_same_v<U, std::int16_t>)
    return DLC_I16;
  else if constexpr (std::is_same_v<U, std::int32_t>)
    return DLC_I32;
  else {
    static_assert(std::is_same_v<U, std::int64_t>, "no dlc dtype for T");
    return DLC_I64;
  }
}

/// A named tensor in the caller's memory, which must outlive it.
struct Tensor {
  std::string name;
  dlc_dtype dtype = DLC_F32;
  std::vector<std::int64_t> dims;
  void *data = nullptr;
  std::size_t bytes = 0;
};

/// Over a contiguous range of elements.
template <std::ranges::contiguous_range Range>
Tensor tensor(std::string name, Range &&values,
              std::vector<std::int64_t> dims) {
  using T = std::ranges::range_value_t<Range>;
  auto *data = const_cast<T *>(std::ranges::data(values));
  return {std::move(name), dtypeOf<T>(), std::move(dims), data,
          std::ranges::size(values) * sizeof(T)};
}

template <typename T> Tensor scalar(std::string name, T &value) {
  return {std::move(name), dtypeOf<T>(), {},
          const_cast<std::remove_cv_t<T> *>(&value), sizeof(T)};
}

/// What an entry or session calls a tensor.
struct TensorInfo {
  std::string name;
  dlc_dtype dtype;
  std::vector<std::int64_t> dims;
  std::size_t bytes;

  static TensorInfo of(const dlc_tensor &t) {
    return {t.name, t.dtype, {t.dims, t.dims + t.rank}, t.bytes};
  }
};

struct StateInfo : TensorInfo {
  dlc_state_role role;
  bool isTrained;
  std::string note;
};

/// A loaded artifact; copies share it.
class Program {
public:
  explicit Program(const std::string &path) {
    dlc_program *raw = nullptr;
    check(dlc_program_load(path.c_str(), &raw));
    handle.reset(raw, dlc_program_release);
  }
  explicit Program(std::span<const std::byte> bytes) {
    dlc_program *raw = nullptr;
    check(dlc_program_load_memory(bytes.data(), bytes.size(), &raw));
    handle.reset(raw, dlc_program_release);
  }

  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < dlc_program_entry_count(get()); ++i)
      names.push_back(dlc_program_entry_name(get(), i));
    return names;
  }
  std::vector<TensorInfo> inputs(const std::string &entry) const {
    return describe(dlc_program_input, entry);
  }
  std::vector<TensorInfo> outputs(const std::string &entry) const {
    return describe(dlc_program_output, entry);
  }
  std::vector<StateInfo> states() const {
    std::vector<StateInfo> result;
    for (std::size_t i = 0; i < dlc_program_state_count(get()); ++i) {
      dlc_state_info info;
      check(dlc_program_state(get(), i, &info));
      result.push_back({TensorInfo::of(info.tensor), info.role,
                        info.is_trained != 0, info.note});
    }
    return result;
  }
  std::uint64_t arenaBytes() const { return dlc_program_arena_bytes(get()); }
  const dlc_program *get() const { return handle.get(); }

private:
  template <typename Describe>
  std::vector<TensorInfo> describe(Describe call,
                                   const std::string &entry) const {
    std::vector<TensorInfo> result;
    dlc_tensor tensor;
    dlc_status status;
    while (!(status = call(get(), entry.c_str(), result.size(), &tensor)))
      result.push_back(TensorInfo::of(tensor));
    // Past the last one is the way out; an unknown entry is not.
    if (result.empty() && std::string(dlc_last_error_id()) == "DLC5201")
      check(status);
    return result;
  }
  std::shared_ptr<dlc_program> handle;
};

struct SessionOptions {
  std::int64_t seed = 0;
  int threads = 0; // 0: the default
};

class Session {
public:
  explicit Session(const Program &program, SessionOptions options = {}) {
    dlc_session_options raw{sizeof(raw), options.seed, options.threads};
    dlc_session *session = nullptr;
    check(dlc_session_create(program.get(), &raw, &session));
    handle.reset(session);
  }

  void prepare(const std::string &entry) {
    check(dlc_session_prepare(handle.get(), entry.c_str()));
  }
  void run(const std::string &entry, std::span<const Tensor> inputs,
           std::span<const Tensor> outputs) {
    std::vector<dlc_tensor> in = raw(inputs), out = raw(outputs);
    check(dlc_session_run(handle.get(), entry.c_str(), in.data(), in.size(),
                          out.data(), out.size()));
  }
  void run(const std::string &entry, std::initializer_list<Tensor> inputs,
           std::initializer_list<Tensor> outputs) {
    run(entry, std::span(inputs.begin(), inputs.size()),
        std::span(outputs.begin(), outputs.size()));
  }
  /// As run(), but may return before the outputs are written: wait() sees to it.
  void submit(const std::string &entry, std::span<const Tensor> inputs,
              std::span<const Tensor> outputs) {
    std::vector<dlc_tensor> in = raw(inputs), out = raw(outputs);
    check(dlc_session_submit(handle.get(), entry.c_str(), in.data(), in.size(),
                             out.data(), out.size()));
  }
  /// Until at most `unfinished` of the submitted calls are not done.
  void wait(size_t unfinished = 0) {
    check(dlc_session_wait(handle.get(), unfinished));
  }
  void readState(const std::string &name, std::span<std::byte> to) const {
    check(dlc_session_read_state(handle.get(), name.c_str(), to.data(),
                                 to.size()));
  }
  void writeState(const std::string &name, std::span<const std::byte> from) {
    check(dlc_session_write_state(handle.get(), name.c_str(), from.data(),
                                  from.size()));
  }
  void reset(std::int64_t seed) {
    check(dlc_session_reset(handle.get(), seed));
  }
  std::uint64_t arenaBytes() const {
    return dlc_session_arena_bytes(handle.get());
  }
  std::uint64_t peakBytes() const {
    return dlc_session_peak_bytes(handle.get());
  }

private:
  static std::vector<dlc_tensor> raw(std::span<const Tensor> tensors) {
    std::vector<dlc_tensor> result;
    for (const Tensor &t : tensors)
      result.push_back({t.name.c_str(), t.dtype,
                        static_cast<std::int32_t>(t.dims.size()),
                        t.dims.data(), t.data, t.bytes});
    return result;
  }
  struct Release {
    void operator()(dlc_session *session) const {
      dlc_session_release(session);
    }
  };
  std::unique_ptr<dlc_session, Release> handle;
};

} // namespace dlc

#endif // DLC_RUNTIME_HPP
