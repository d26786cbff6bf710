#include "runtime/core/Status.h"

namespace dlc::rt {

static const std::string emptyString;

Status::Status(StatusCode code, std::string_view id, std::string message,
               const char *file, int line) {
  std::string_view path = file;
  if (size_t slash = path.rfind('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  detail = std::make_shared<Detail>(Detail{
      code, std::string(id), std::move(message), std::string(path), line});
}

const std::string &Status::id() const {
  return detail ? detail->id : emptyString;
}
const std::string &Status::message() const {
  return detail ? detail->message : emptyString;
}
const std::string &Status::file() const {
  return detail ? detail->file : emptyString;
}

Status Status::withContext(std::string_view context) && {
  if (!detail)
    return std::move(*this);
  Status result;
  result.detail = std::make_shared<Detail>(*detail);
  result.detail->message = std::string(context) + ": " + detail->message;
  return result;
}

std::string Status::toString() const {
  if (!detail)
    return "ok";
  return "error " + detail->id + ": " + detail->message;
}

} // namespace dlc::rt
