// Errors as values. Every function that can fail in an expected way returns Result<T>; exceptions of libraries are
// turned into Errors at the adapter that calls the library.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace modelrun {

// What a caller can do about an error; the message is for people.
enum class ErrorKind {
  kInvalid,      // the input is wrong; trying again will not help
  kNotFound,     // the named object does not exist
  kConflict,     // somebody else changed it first (HTTP 409); read again, then decide again
  kExists,       // it already exists (HTTP 409, reason AlreadyExists)
  kGone,         // a resourceVersion or continue token has expired (HTTP 410)
  kDenied,       // not authenticated or not authorised (401, 403)
  kThrottled,    // asked to slow down (429)
  kUnavailable,  // no connection, 5xx, or a peer that is not ready; trying again may help
  kTimeout,      // no answer in time; the request may or may not have been carried out
  kCancelled,    // the caller asked to stop
  kTooLarge,     // over a documented limit
  kInternal,     // a bug or a broken environment
};

std::string_view to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  // One sentence: what failed, on which object, and what to do.
  std::string message;

  // Puts the stage that failed in front: "read kubeconfig: open /x: No such file".
  [[nodiscard]] Error in(std::string_view stage) const { return {kind, fmt::format("{}: {}", stage, message)}; }
};

template <class T>
using Result = std::expected<T, Error>;

// return fail(ErrorKind::kInvalid, "ref '{}' begins with '-'", ref);
template <class... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// Passes an error on, naming the stage it happened in.
[[nodiscard]] inline std::unexpected<Error> fail_in(std::string_view stage, const Error& error) {
  return std::unexpected(error.in(stage));
}

// "open /x: No such file or directory", with the kind that fits `error_number` (an errno value).
[[nodiscard]] Error errno_error(std::string_view what, int error_number);

}  // namespace modelrun
