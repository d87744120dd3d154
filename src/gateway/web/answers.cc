#include "gateway/web/answers.h"

#include <algorithm>

#include "api/json_access.h"

namespace modelrun::gateway {
namespace {

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Malformed request";
    case 401:
      return "Not authenticated";
    case 403:
      return "Not allowed";
    case 404:
      return "Not found";
    case 405:
      return "Method not allowed";
    case 409:
      return "Not in this state";
    case 413:
      return "Too large";
    case 415:
      return "Not this media type";
    case 422:
      return "Invalid request";
    case 429:
      return "Too many requests";
    case 503:
      return "Not now";
    case 504:
      return "No answer in time";
    default:
      return "Internal error";
  }
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
      return 503;
    case ErrorKind::kTimeout:
      return 504;
    case ErrorKind::kTooLarge:
      return 413;
    case ErrorKind::kInternal:
      break;
  }
  return 500;
}

nlohmann::json problem_fields(int status, const std::string& detail) {
  return {{"type", "about:blank"}, {"title", title_of(status)}, {"status", status}, {"detail", detail}};
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

void answer_fields(const Visit& visit, const Result<nlohmann::json>& fields) {
  visit.exchange.answer(fields ? HttpAnswer{.body = api::json_text(*fields)} : problem(fields.error()));
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

bool is_json(const HttpRequest& request) {
  if (request.count("Content-Type") != 1) return false;
  auto type = *request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  return same_letters(type, "application/json");
}

bool accepts_events(const HttpRequest& request) {
  return request.header("Accept").value_or("").find("text/event-stream") != std::string_view::npos;
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
