#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace modelrun {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return "invalid";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kExists:
      return "already exists";
    case ErrorKind::kGone:
      return "gone";
    case ErrorKind::kDenied:
      return "denied";
    case ErrorKind::kThrottled:
      return "throttled";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kTooLarge:
      return "too large";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "unknown";
}

Error errno_error(std::string_view what, int error_number) {
  ErrorKind kind = ErrorKind::kInternal;
  switch (error_number) {
    case ENOENT:
      kind = ErrorKind::kNotFound;
      break;
    case EACCES:
    case EPERM:
      kind = ErrorKind::kDenied;
      break;
    case EEXIST:
      kind = ErrorKind::kExists;
      break;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EAGAIN:
      kind = ErrorKind::kUnavailable;
      break;
    case ETIMEDOUT:
      kind = ErrorKind::kTimeout;
      break;
    case EDQUOT:
    case EFBIG:
    case ENOSPC:
      kind = ErrorKind::kTooLarge;
      break;
    default:
      break;
  }
  return {kind, fmt::format("{}: {}", what, std::generic_category().message(error_number))};
}

}  // namespace modelrun
