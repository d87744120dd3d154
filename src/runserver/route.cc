#include "runserver/route.h"

#include "api/standby.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace modelrun::runserver {
namespace {

constexpr std::size_t kMaxNamespace = 63;
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxUid = 64;
constexpr int kMaxAttempt = 1'000'000;

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// True for a name as in RFC 1123, in the form that the API server accepts: lower-case letters, digits, '-' and the
// characters of `more`, with a letter or digit at both ends.
bool is_name(std::string_view text, std::size_t limit, std::string_view more) {
  if (text.empty() || text.size() > limit) return false;
  if (!is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  return std::ranges::all_of(
      text, [more](char c) { return is_lower_alnum(c) || c == '-' || more.find(c) != std::string_view::npos; });
}

std::optional<int> parse_attempt(std::string_view text) {
  int attempt = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), attempt);
  if (error != std::errc{} || end != text.data() + text.size() || text.starts_with('0')) return {};
  if (attempt < 1 || attempt > kMaxAttempt) return {};
  return attempt;
}

std::optional<Operation> parse_action(std::string_view text) {
  if (text == "source") return Operation::kSource;
  if (text == "control") return Operation::kControl;
  if (text == "result") return Operation::kResult;
  if (text == "points") return Operation::kPoints;
  if (text == "rows") return Operation::kRows;
  return {};
}

// `target` is what follows api::kStandbyPrefix.
std::optional<Route> parse_standby(std::string_view target) {
  const std::size_t slash = target.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view namespace_ = target.substr(0, slash);
  target.remove_prefix(slash + 1);
  constexpr std::string_view kEnd = "/work";
  if (!target.ends_with(kEnd)) return {};
  target.remove_suffix(kEnd.size());
  if (!is_name(namespace_, kMaxNamespace, "") || !is_name(target, kMaxName, ".")) return {};
  Route route;
  route.action = Operation::kWork;
  route.attempt.namespace_ = namespace_;
  route.standby = {std::string(namespace_), std::string(target)};
  return route;
}

}  // namespace

std::optional<Route> parse_route(std::string_view target) {
  if (target.starts_with(api::kStandbyPrefix)) return parse_standby(target.substr(api::kStandbyPrefix.size()));
  if (!target.starts_with(api::kRunServerPrefix)) return {};
  target.remove_prefix(api::kRunServerPrefix.size());
  std::array<std::string_view, 5> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    const std::size_t slash = last ? target.size() : target.find('/');
    if (slash == std::string_view::npos) return {};
    parts[i] = target.substr(0, slash);
    target.remove_prefix(last ? slash : slash + 1);
  }
  const auto attempt = parse_attempt(parts[3]);
  const auto action = parse_action(parts[4]);
  if (!attempt || !action || !is_name(parts[0], kMaxNamespace, "") || !is_name(parts[1], kMaxName, ".") ||
      !is_name(parts[2], kMaxUid, "")) {
    return {};
  }
  return Route{{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]), *attempt}, *action, {}};
}

unsigned status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kDenied:
      return 403;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
    case ErrorKind::kExists:
    case ErrorKind::kGone:
      return 409;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kThrottled:
      return 429;
    case ErrorKind::kUnavailable:
    case ErrorKind::kTimeout:
    case ErrorKind::kCancelled:
      return 503;
    case ErrorKind::kInternal:
      break;
  }
  return 500;
}

}  // namespace modelrun::runserver
