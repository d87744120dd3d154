#include "gateway/web/answers.h"

#include <algorithm>
#include <array>
#include <vector>

#include "api/json_access.h"
#include "base/http_status.h"
#include "base/text.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

// The parts between the separators, without the spaces around them. A separator in quotes is taken for one: no media
// type that matters here has any.
std::vector<std::string_view> split(std::string_view text, char separator) {
  auto parts = split_at(text, separator);
  for (auto& part : parts) part = trimmed(part);
  return parts;
}

// Whether a parameter of a media range is a weight of zero, "not acceptable" (RFC 9110, section 12.4.2).
bool is_zero_weight(std::string_view parameter) {
  const auto equal = parameter.find('=');
  if (equal == std::string_view::npos || !equal_ignoring_case(trimmed(parameter.substr(0, equal)), "q")) return false;
  const auto weight = trimmed(parameter.substr(equal + 1));
  return weight.starts_with('0') && weight.find_first_not_of("0.") == std::string_view::npos;
}

// A Content-Disposition (RFC 6266) for the base name; characters that a header cannot hold are percent-encoded.
std::string attachment(const std::string& name) {
  const auto slash = name.rfind('/');
  const auto base = slash == std::string::npos ? name : name.substr(slash + 1);
  std::string encoded;
  for (const char c : base) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return "attachment; filename*=UTF-8''" + encoded;
}

std::string text_to(const json& value, int depth);

// With the text of each value, in which objects are looked at `depth` levels deep.
Members members_of(const json& object, int depth) {
  constexpr std::array<std::string_view, 3> kFirst{"run_id", "sweep_id", "status"};
  const bool of_run = object.contains(kFirst[0]) || object.contains(kFirst[1]);
  Members members;
  members.reserve(object.size());
  for (const auto name : kFirst) {
    if (of_run && object.contains(name)) members.emplace_back(name, text_to(object.at(name), depth));
  }
  for (const auto& [name, value] : object.items()) {
    if (!of_run || std::ranges::find(kFirst, name) == kFirst.end()) members.emplace_back(name, text_to(value, depth));
  }
  return members;
}

std::string text_to(const json& value, int depth) {
  return depth > 0 && value.is_object() ? object_text(members_of(value, depth - 1)) : api::json_text(value);
}

}  // namespace

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 422;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kConflict:
    case ErrorKind::kExists:
    case ErrorKind::kGone:
      return 409;
    case ErrorKind::kDenied:
      return 403;
    case ErrorKind::kThrottled:
      return 429;
    case ErrorKind::kUnavailable:
    case ErrorKind::kCancelled:
    case ErrorKind::kTimeout:  // of the API server: to be tried again, as the client is told by Retry-After
      return 503;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kInternal:
      break;
  }
  return 500;
}

nlohmann::json problem_fields(int status, const std::string& detail) {
  return {{"type", "about:blank"}, {"title", status_phrase(status)}, {"status", status}, {"detail", detail}};
}

nlohmann::json problem_fields(const Error& error) {
  return problem_fields(status_of(error.kind), error.message);
}

HttpAnswer problem(int status, const std::string& detail) {
  return {.status = status,
          .content_type = "application/problem+json",
          .body = api::json_text(problem_fields(status, detail))};
}

HttpAnswer problem(const Error& error) {
  return problem(status_of(error.kind), error.message);
}

Members answer_members(const json& fields) {
  return members_of(fields, 0);
}

std::string object_text(const Members& members) {
  std::string text = "{";
  for (const auto& [name, value] : members) {
    if (text.size() > 1) text += ',';
    text += api::json_text(name);
    text += ':';
    text += value;
  }
  return text + "}";
}

std::string answer_text(const json& fields) {
  return text_to(fields, 3);
}

void answer_fields(const Visit& visit, const Result<nlohmann::json>& fields) {
  visit.exchange.answer(fields ? HttpAnswer{.body = answer_text(*fields)} : problem(fields.error()));
}

HttpHeaders attachment_headers(const std::string& name) {
  return {{"Content-Disposition", attachment(name)},
          {"Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'"},
          {"Referrer-Policy", "no-referrer"}};
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

nlohmann::json query_arguments(const HttpRequest& request) {
  nlohmann::json arguments = nlohmann::json::object();
  for (const auto& [name, value] : request.query) arguments[name] = value;
  return arguments;
}

bool is_json(const HttpRequest& request) {
  if (request.count("Content-Type") != 1) return false;
  const auto type = *request.header("Content-Type");
  return equal_ignoring_case(trimmed(type.substr(0, type.find(';'))), "application/json");
}

bool accepts_events(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (!equal_ignoring_case(name, "Accept")) continue;
    for (const auto range : split(value, ',')) {
      const auto parts = split(range, ';');
      if (equal_ignoring_case(parts.front(), "text/event-stream")) return std::ranges::none_of(parts, is_zero_weight);
    }
  }
  return false;
}

Result<std::string> idempotency_key(const HttpRequest& request) {
  const auto key = request.header("Idempotency-Key");
  if (!key) return std::string();
  if (key->empty() || key->size() > kMaxIdempotencyKey) {
    return fail(ErrorKind::kInvalid, "Idempotency-Key: 1 to {} characters", kMaxIdempotencyKey);
  }
  return std::string(*key);
}

}  // namespace modelrun::gateway
