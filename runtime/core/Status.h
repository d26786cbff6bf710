// The one error type of the runtime.
//
// A Status is "ok" (a null pointer, free to pass around) or a code, a stable
// id such as DLC5001 whose page is docs/errors/DLC5001.md, a message and the
// place that raised it. Callers add context on the way up, outermost first:
//   artifact 'm.dlc': program 'step': buffer 3 must end within ...
// Nothing in the runtime throws for a bad input; the C API turns a Status into
// a dlc_status and turns the only foreign exception, bad_alloc, into a Status.
#ifndef DLC_RUNTIME_CORE_STATUS_H
#define DLC_RUNTIME_CORE_STATUS_H

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace dlc::rt {

/// Coarse classes that a program may act on; the values are part of the C API.
enum class StatusCode {
  Ok = 0,
  InvalidArgument = 1, // the caller passed something wrong
  NotFound = 2,        // a name, file or entry does not exist
  Corrupt = 3,         // a file is not what it claims to be
  Unsupported = 4,     // valid, but this build or machine cannot do it
  OutOfMemory = 5,
  Io = 6,       // the operating system refused
  Internal = 7, // a bug of dlc
};

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string_view id, std::string message,
         const char *file, int line);

  static Status ok() { return Status(); }

  bool isOk() const { return !detail; }
  explicit operator bool() const = delete;

  StatusCode code() const { return detail ? detail->code : StatusCode::Ok; }
  /// "DLC5001", or empty when ok.
  const std::string &id() const;
  const std::string &message() const;
  /// Source file (base name) and line that raised the error.
  const std::string &file() const;
  int line() const { return detail ? detail->line : 0; }

  /// Puts `context` and ": " before the message; does nothing when ok.
  Status withContext(std::string_view context) &&;
  /// "error DLC5001: message", as tools print it.
  std::string toString() const;

private:
  struct Detail {
    StatusCode code;
    std::string id, message, file;
    int line;
  };
  std::shared_ptr<Detail> detail;
};

/// A value or the Status that says why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T v) : val(std::move(v)) {}
  Result(Status s) : st(std::move(s)) {}

  bool isOk() const { return st.isOk(); }
  Status &status() { return st; }
  T &value() { return *val; }
  const T &value() const { return *val; }
  T &operator*() { return *val; }
  T *operator->() { return &*val; }

private:
  std::optional<T> val;
  Status st;
};

/// Concatenates its arguments as operator<< prints them.
template <typename... Args> std::string concat(const Args &...args) {
  std::ostringstream out;
  (out << ... << args);
  return std::move(out).str();
}

/// "[2, 3]" for messages.
template <typename Range> std::string listOf(const Range &range) {
  std::ostringstream out;
  out << "[";
  const char *separator = "";
  for (const auto &element : range) {
    out << separator << element;
    separator = ", ";
  }
  out << "]";
  return std::move(out).str();
}

} // namespace dlc::rt

/// DLC_ERROR(Corrupt, "DLC5004", "header must ...", "but got ", n)
#define DLC_ERROR(CODE, ID, ...)                                               \
  ::dlc::rt::Status(::dlc::rt::StatusCode::CODE, ID,                           \
                    ::dlc::rt::concat(__VA_ARGS__), __FILE__, __LINE__)

#define DLC_RETURN_IF_ERROR(EXPR)                                              \
  do {                                                                         \
    if (::dlc::rt::Status dlcStatus = (EXPR); !dlcStatus.isOk())               \
      return dlcStatus;                                                        \
  } while (0)

#define DLC_CONCAT_(A, B) A##B
#define DLC_CONCAT(A, B) DLC_CONCAT_(A, B)
#define DLC_ASSIGN_(TMP, LHS, EXPR)                                            \
  auto TMP = (EXPR);                                                           \
  if (!TMP.isOk())                                                             \
    return std::move(TMP.status());                                            \
  LHS = std::move(TMP.value())

/// DLC_ASSIGN_OR_RETURN(auto file, openFile(path));
#define DLC_ASSIGN_OR_RETURN(LHS, EXPR)                                        \
  DLC_ASSIGN_(DLC_CONCAT(dlcResult, __LINE__), LHS, EXPR)

#endif // DLC_RUNTIME_CORE_STATUS_H
