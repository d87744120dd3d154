#include "gateway/runs/names.h"

#include "base/dns_label.h"
#include "base/text.h"

namespace modelrun::gateway {
namespace {

constexpr std::size_t kMinDigits = 8;

}  // namespace

Result<ProjectRef> parse_project(std::string_view text, std::string_view default_namespace) {
  const auto slash = text.find('/');
  const auto namespace_ = slash == std::string_view::npos ? default_namespace : text.substr(0, slash);
  const auto name = slash == std::string_view::npos ? text : text.substr(slash + 1);
  if (!is_dns_label(namespace_) || !is_dns_label(name)) {
    return fail(ErrorKind::kInvalid,
                "project_name: give the name of a ModelProject, such as forecasts or team-a/forecasts: lower-case "
                "letters, digits and '-'");
  }
  return ProjectRef{std::string(namespace_), std::string(name)};
}

Result<std::string> parse_namespace(std::string_view text, std::string_view default_namespace) {
  if (text.empty()) return std::string(default_namespace);
  if (!is_dns_label(text)) {
    return fail(ErrorKind::kInvalid, "namespace: give the name of a namespace: lower-case letters, digits and '-'");
  }
  return std::string(text);
}

std::string display_project(std::string_view namespace_, std::string_view project, std::string_view default_namespace) {
  if (namespace_ == default_namespace) return std::string(project);
  return fmt::format("{}/{}", namespace_, project);
}

Result<std::string> id_digits(std::string_view text, const IdWords& words) {
  std::string digits;
  for (const char c : text) {
    if (c == '-') continue;
    const char lower = lower_case(c);
    const bool hex = (lower >= '0' && lower <= '9') || (lower >= 'a' && lower <= 'f');
    if (!hex || digits.size() == kUuidDigits) {
      return fail(ErrorKind::kInvalid, "{}: give the UUID that {} answered, or its first eight or more digits",
                  words.name, words.sources);
    }
    digits += lower;
  }
  if (digits.size() < kMinDigits) {
    return fail(ErrorKind::kInvalid, "{}: a prefix must have at least {} hex digits; this one has {}", words.name,
                kMinDigits, digits.size());
  }
  return digits;
}

Result<std::string> run_id_digits(std::string_view text) {
  return id_digits(text, kRunIds);
}

std::string no_object(const IdWords& words, std::string_view id) {
  return fmt::format("there is no {} {} that you can see; {} shows the {}s of a project", words.noun, id, words.lister,
                     words.noun);
}

std::string_view status_word(api::Phase phase) {
  switch (phase) {
    case api::Phase::kNone:
    case api::Phase::kPending:
      return "pending";
    case api::Phase::kRunning:
      return "running";
    case api::Phase::kSucceeded:
      return "success";
    case api::Phase::kFailed:
      return "failed";
    case api::Phase::kTimedOut:
      return "timed_out";
    case api::Phase::kCancelled:
      break;
  }
  return "cancelled";
}

api::Phase parse_status_word(std::string_view word) {
  for (const auto phase : {api::Phase::kPending, api::Phase::kRunning, api::Phase::kSucceeded, api::Phase::kFailed,
                           api::Phase::kTimedOut, api::Phase::kCancelled}) {
    if (status_word(phase) == word) return phase;
  }
  return api::Phase::kNone;
}

}  // namespace modelrun::gateway
