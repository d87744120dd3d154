#include "source/wire.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/encoding.h"
#include "source/message.h"

namespace modelrun::source {
namespace {

using nlohmann::json;

// The kinds that an answer may have, by the words of to_string().
constexpr std::array kKinds = {
    ErrorKind::kInvalid,     ErrorKind::kNotFound, ErrorKind::kDenied,
    ErrorKind::kUnavailable, ErrorKind::kTimeout,  ErrorKind::kTooLarge,
};

// The values of a Secret are any bytes, and JSON holds UTF-8 only: they travel in base64.
std::string bytes_at(const json& object, const char* name) {
  return base64_decode(object.at(name).get<std::string>()).value_or("");
}

// The whole number under `name`. json::get() converts a fraction, and a number that does not fit, without an error.
template <typename Whole>
Whole whole_at(const json& object, const char* name) {
  const auto& value = object.at(name);
  const bool fits = value.is_number_unsigned()  ? std::in_range<Whole>(value.get<std::uint64_t>())
                    : value.is_number_integer() ? std::in_range<Whole>(value.get<std::int64_t>())
                                                : false;
  if (!fits) throw json::type_error::create(302, fmt::format("{} must be a whole number", name), &object);
  return value.get<Whole>();
}

json to_json(const Credentials& credentials) {
  if (const auto* basic = std::get_if<BasicCredentials>(&credentials)) {
    return {{"username", base64_encode(basic->username)}, {"password", base64_encode(basic->password)}};
  }
  if (const auto* bearer = std::get_if<BearerCredentials>(&credentials)) {
    return {{"token", base64_encode(bearer->token)}};
  }
  return json::object();
}

Credentials credentials_of(const json& object) {
  if (object.contains("token")) return BearerCredentials{bytes_at(object, "token")};
  if (!object.contains("password")) return NoCredentials{};
  return BasicCredentials{bytes_at(object, "username"), bytes_at(object, "password")};
}

json to_json(const Policy& policy) {
  return {{"allowHttp", policy.allow_http},
          {"allowFile", policy.allow_file},
          {"allowPrivateAddresses", policy.allow_private_addresses},
          {"landlockOptional", policy.landlock_optional},
          {"maxTreeBytes", policy.max_tree_bytes},
          {"maxPackBytes", policy.max_pack_bytes},
          {"maxFileBytes", policy.max_file_bytes},
          {"maxFiles", policy.max_files},
          {"resolveMilliseconds", policy.resolve_timeout.count()},
          {"fetchMilliseconds", policy.fetch_timeout.count()}};
}

Policy policy_of(const json& object) {
  Policy policy;
  object.at("allowHttp").get_to(policy.allow_http);
  object.at("allowFile").get_to(policy.allow_file);
  object.at("allowPrivateAddresses").get_to(policy.allow_private_addresses);
  object.at("landlockOptional").get_to(policy.landlock_optional);
  policy.max_tree_bytes = whole_at<std::uint64_t>(object, "maxTreeBytes");
  policy.max_pack_bytes = whole_at<std::uint64_t>(object, "maxPackBytes");
  policy.max_file_bytes = whole_at<std::uint64_t>(object, "maxFileBytes");
  policy.max_files = whole_at<std::size_t>(object, "maxFiles");
  policy.resolve_timeout = std::chrono::milliseconds(whole_at<std::int64_t>(object, "resolveMilliseconds"));
  policy.fetch_timeout = std::chrono::milliseconds(whole_at<std::int64_t>(object, "fetchMilliseconds"));
  return policy;
}

std::unexpected<Error> no_answer() {
  return fail(ErrorKind::kUnavailable, "modelrun-source gave an answer that was not understood");
}

Result<Answer> answer_of(const json& object, bool& died) {
  if (const auto error = object.find("error"); error != object.end()) {
    const auto kind = error->at("kind").get<std::string>();
    const auto known = std::ranges::find(kKinds, kind, [](ErrorKind each) { return to_string(each); });
    if (known == kKinds.end()) return no_answer();
    died = error->at("died").get<bool>();
    return std::unexpected(Error{*known, safe_message(error->at("message").get<std::string>(), {})});
  }
  died = false;
  return Answer{{object.at("commit").get<std::string>(), object.at("branch").get<std::string>()},
                {object.at("sha256").get<std::string>(), whole_at<std::uint64_t>(object, "archiveBytes")},
                whole_at<std::uint64_t>(object, "listingBytes")};
}

}  // namespace

std::string framed(std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::string frame;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) frame += static_cast<char>(size >> shift & 0xffU);
  return frame.append(bytes);
}

std::string encode(const Request& request) {
  json object = {{"url", request.remote.url},
                 {"credentials", to_json(request.remote.credentials)},
                 {"authorities", base64_encode(request.remote.ca_pem)},
                 {"policy", to_json(request.policy)}};
  if (request.branch) object["branch"] = *request.branch;
  if (request.commit) object["commit"] = *request.commit;
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Request> decode_request(std::string_view text) try {
  const json object = json::parse(text);
  Request request;
  request.remote.url = object.at("url").get<std::string>();
  request.remote.credentials = credentials_of(object.at("credentials"));
  request.remote.ca_pem = bytes_at(object, "authorities");
  request.policy = policy_of(object.at("policy"));
  if (object.contains("branch")) request.branch = object.at("branch").get<std::string>();
  if (object.contains("commit")) request.commit = object.at("commit").get<std::string>();
  return request;
} catch (const json::exception& error) {
  return fail(ErrorKind::kInvalid, "this is no request: {}", error.what());
}

std::string encode(const Result<Answer>& answer, bool died) {
  json object;
  if (answer) {
    object = {{"commit", answer->resolved.commit},
              {"branch", answer->resolved.branch},
              {"sha256", answer->archive.sha256},
              {"archiveBytes", answer->archive.bytes},
              {"listingBytes", answer->listing_bytes}};
  } else {
    // A failure of the program itself, such as a bug, says nothing about the source.
    const auto& error = answer.error();
    const bool known = std::ranges::find(kKinds, error.kind) != kKinds.end();
    object["error"] = {
        {"kind", to_string(known ? error.kind : ErrorKind::kUnavailable)}, {"message", error.message}, {"died", died}};
  }
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Answer> decode_answer(std::string_view text, bool& died) try {
  died = true;
  return answer_of(json::parse(text), died);
} catch (const json::exception&) {
  died = true;
  return no_answer();
}

}  // namespace modelrun::source
