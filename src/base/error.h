// Errors as values. A function that can fail in an expected way returns Result<T>, or std::optional<T> when the only
// failure is that there is no value. Code that calls a library which throws turns its exceptions into Errors.
//
// A function that is given a std::stop_token ends soon after stop is requested and fails with kCancelled, unless its
// header says something else. What it had written by then stays written.
//
// Usage:
//   Result<Endpoint> parse(const std::string& text) {
//     if (text.empty()) return fail(ErrorKind::kInvalid, "the address is empty");
//     ...
//   }
//   auto endpoint = parse(text);
//   if (!endpoint) return fail_in("--listen", endpoint.error());  // "--listen: the address is empty"
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace modelrun {

// Classifies an error by what the caller can do about it. Code decides by the kind only; the message is for people.
enum class ErrorKind {
  kInvalid,      // the input is wrong; the same request will fail again
  kNotFound,     // the named object does not exist
  kConflict,     // the object was changed by somebody else (HTTP 409); read it again, then decide again
  kExists,       // the object already exists (HTTP 409 with reason AlreadyExists)
  kGone,         // a resourceVersion or continue token has expired (HTTP 410)
  kDenied,       // not authenticated or not authorised (HTTP 401, 403)
  kThrottled,    // the peer asks to slow down (HTTP 429)
  kUnavailable,  // no connection, the peer is not ready, or HTTP 5xx except 504; trying again may help
  kTimeout,      // no answer in time (also HTTP 408, 504); the request may or may not have been carried out
  kCancelled,    // the caller asked to stop
  kTooLarge,     // a documented limit is exceeded (HTTP 413)
  kInternal,     // a bug or a broken environment
};

// Returns the kind in lower-case words, for example "not found".
std::string_view to_string(ErrorKind kind);

// True if the same request may succeed a moment later without anybody changing anything.
[[nodiscard]] constexpr bool is_transient(ErrorKind kind) {
  return kind == ErrorKind::kUnavailable || kind == ErrorKind::kTimeout || kind == ErrorKind::kThrottled;
}

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  // One sentence for people: what failed, on which object, and what to do about it.
  std::string message;

  // Returns this error with the name of the failed stage before its message, for example
  // "read kubeconfig: open /x: No such file". The kind stays the same.
  [[nodiscard]] Error in(std::string_view stage) const { return {kind, fmt::format("{}: {}", stage, message)}; }
};

template <class T>
using Result = std::expected<T, Error>;

// Makes the error value of any Result<T>; `format` and `args` make the message (fmt syntax):
//   return fail(ErrorKind::kInvalid, "ref '{}' begins with '-'", ref);
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// Makes an error value from `error`, with the name of the failed stage before its message.
[[nodiscard]] inline std::unexpected<Error> fail_in(std::string_view stage, const Error& error) {
  return std::unexpected(error.in(stage));
}

// Returns from the enclosing function with the error of `result`, a Result of any type, if it holds one. The enclosing
// function must return a Result. An expression is evaluated once.
//
//   auto job = client.get(kJobs, namespace_, name, stop);
//   RETURN_IF_ERROR(job);
//   RETURN_IF_ERROR(check(*job));
#define RETURN_IF_ERROR(result)                                              \
  do {                                                                       \
    if (const auto& checked_result = (result); !checked_result) [[unlikely]] \
      return std::unexpected(checked_result.error());                        \
  } while (false)

// Returns the error for a failed system call: the message is "WHAT: TEXT OF THE ERRNO VALUE", for example "open /x:
// No such file or directory". The kind is kNotFound for ENOENT; kDenied for EACCES and EPERM; kExists for EEXIST;
// kUnavailable for ECONNREFUSED, ECONNRESET, EPIPE and EAGAIN; kTimeout for ETIMEDOUT; kTooLarge for EFBIG,
// ENOSPC and EDQUOT; kInternal for every other value.
[[nodiscard]] Error errno_error(std::string_view what, int error_number);

}  // namespace modelrun
