// The HTTP side of the simulated API server.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "api/json_access.h"
#include "simulation/api_server.h"

namespace modelrun::simulation {
namespace {

using api::member;
using kube::Method;
using kube::Response;

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 2 >= text.size()) {
      result += text[i];
      continue;
    }
    unsigned value = 0;
    std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    result += static_cast<char>(value);
    i += 2;
  }
  return result;
}

std::optional<Kind> kind_of(std::string_view plural) {
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (kResources.at(i)->plural == plural) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

Response object_answer(int code, const Object& object) {
  return {.status = code, .body = object->text(), .retry_after = {}};
}

Response error_answer(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return status_answer(404, "NotFound", error.message);
    case ErrorKind::kExists:
      return status_answer(409, "AlreadyExists", error.message);
    case ErrorKind::kConflict:
      return status_answer(409, "Conflict", error.message);
    case ErrorKind::kTooLarge:
      return status_answer(413, "RequestEntityTooLarge", error.message);
    default:
      return status_answer(422, "Invalid", error.message);
  }
}

}  // namespace

Response status_answer(int code, std::string_view reason, std::string_view message) {
  const Json status = {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},
                       {"reason", reason}, {"message", message}, {"code", code}};
  return {.status = code, .body = status.dump(), .retry_after = {}};
}

bool selects(std::string_view selector, const Json& object) {
  if (selector.empty()) return true;
  const auto equals = selector.find('=');
  const auto& labels = member(member(object, "metadata"), "labels");
  const auto& label = member(labels, selector.substr(0, equals));
  if (equals == std::string_view::npos) return label.is_string();
  return label.is_string() && label.get_ref<const std::string&>() == selector.substr(equals + 1);
}

struct ApiServer::Target {
  Kind kind{};
  std::string namespace_;
  std::string name;  // empty: the collection
  std::string subresource;
  std::map<std::string, std::string> query;
  [[nodiscard]] std::string key() const { return namespace_ + "/" + name; }
};

std::optional<ApiServer::Target> ApiServer::parse(std::string_view path) {
  Target target;
  const auto question = path.find('?');
  if (question != std::string_view::npos) {
    auto query = path.substr(question + 1);
    while (!query.empty()) {
      const auto pair = query.substr(0, query.find('&'));
      const auto equals = pair.find('=');
      target.query[std::string(pair.substr(0, equals))] = decoded(pair.substr(std::min(equals + 1, pair.size())));
      query.remove_prefix(std::min(pair.size() + 1, query.size()));
    }
  }
  std::vector<std::string_view> parts;
  auto rest = path.substr(1, question == std::string_view::npos ? question : question - 1);
  while (true) {
    const auto slash = rest.find('/');
    parts.push_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  // api/v1 or apis/GROUP/VERSION, then namespaces/NAMESPACE, then PLURAL, NAME and SUBRESOURCE.
  std::size_t at = !parts.empty() && parts[0] == "api" ? 2 : 3;
  if (at + 2 < parts.size() && parts[at] == "namespaces") {
    target.namespace_ = decoded(parts[at + 1]);
    at += 2;
  }
  if (at >= parts.size()) return std::nullopt;
  const auto kind = kind_of(parts[at]);
  if (!kind) return std::nullopt;
  target.kind = *kind;
  if (at + 1 < parts.size()) target.name = decoded(parts[at + 1]);
  if (at + 2 < parts.size()) target.subresource = parts[at + 2];
  return target;
}

Response ApiServer::handle(const kube::Request& request, const std::string& who) {
  const auto target = parse(request.path);
  if (!target) return status_answer(404, "NotFound", "the server could not find the requested resource");
  switch (request.method) {
    case Method::kGet:
      return target->name.empty() ? list(*target) : read(*target);
    case Method::kPost:
      return post(*target, request, who);
    case Method::kPut:
      return put(*target, request, who);
    case Method::kDelete:
      return erase(*target, request, who);
    case Method::kPatch:
      return patch(*target, request, who);
  }
  return status_answer(405, "MethodNotAllowed", "the simulated API server has no such method");
}

Response ApiServer::read(const Target& target) {
  const auto object = find(target.kind, target.key());
  if (!object) {
    return status_answer(404, "NotFound",
                         fmt::format("{} \"{}\" not found", resource_of(target.kind).plural, target.name));
  }
  if (target.subresource != "log") return object_answer(200, object);
  const auto container = target.query.find("container");
  return on_log(object->json, container == target.query.end() ? "" : container->second);
}

Response ApiServer::list(const Target& target) {
  const auto of = [&](const char* name) {
    const auto found = target.query.find(name);
    return found == target.query.end() ? std::string() : found->second;
  };
  // A continue token is "VERSION KEY": the list goes on after KEY, as of VERSION.
  std::uint64_t at = version_;
  std::string after;
  if (const auto token = of("continue"); !token.empty()) {
    const auto space = token.find(' ');
    at = std::stoull(token.substr(0, space));
    after = token.substr(space + 1);
    if (at < compacted_) return status_answer(410, "Expired", "the provided continue parameter is too old");
  }
  const std::size_t limit = of("limit").empty() ? SIZE_MAX : std::stoull(of("limit"));
  const auto selector = of("labelSelector");
  const auto objects = at == version_ ? all(target.kind) : at_version(target.kind, at);
  std::string items, last, more;
  std::size_t count = 0;
  for (const auto& [key, object] : objects) {
    if (!after.empty() && key <= after) continue;
    if (!target.namespace_.empty() && meta_text(object->json, "namespace") != target.namespace_) continue;
    if (!selects(selector, object->json)) continue;
    if (count++ == limit) {
      more = fmt::format(R"(,"continue":"{} {}")", at, last);
      break;
    }
    items += (items.empty() ? "" : ",") + object->text();
    last = key;
  }
  return {
      .status = 200,
      .body = fmt::format(R"({{"kind":"List","metadata":{{"resourceVersion":"{}"{}}},"items":[{}]}})", at, more, items),
      .retry_after = {}};
}

Response ApiServer::post(const Target& target, const kube::Request& request, const std::string& who) {
  if (auto refused = on_admission ? on_admission(target.kind) : std::nullopt) return *refused;
  Json object = Json::parse(request.body, nullptr, false);
  if (!object.is_object()) return status_answer(400, "BadRequest", "the body is not a JSON object");
  auto created = create(target.kind, std::move(object), who);
  return created ? object_answer(201, *created) : error_answer(created.error());
}

// A merge patch, which is the one kind that the operator sends.
Response ApiServer::patch(const Target& target, const kube::Request& request, const std::string& who) {
  const auto before = find(target.kind, target.key());
  const Json change = Json::parse(request.body, nullptr, false);
  if (!before || !change.is_object()) return put(target, request, who);
  auto wanted = before->json;
  wanted["metadata"].erase("resourceVersion");
  wanted.merge_patch(change);
  auto replaced = request;
  replaced.body = wanted.dump();
  return put(target, replaced, who);
}

Response ApiServer::put(const Target& target, const kube::Request& request, const std::string& who) {
  const auto before = find(target.kind, target.key());
  if (!before) {
    return status_answer(404, "NotFound",
                         fmt::format("{} \"{}\" not found", resource_of(target.kind).plural, target.name));
  }
  Json wanted = Json::parse(request.body, nullptr, false);
  if (!wanted.is_object()) return status_answer(400, "BadRequest", "the body is not a JSON object");
  for (const char* field : {"resourceVersion", "uid"}) {
    const auto& given = meta_text(wanted, field);
    if (!given.empty() && given != meta_text(before->json, field)) {
      return status_answer(409, "Conflict",
                           "the object has been modified; please apply your changes to the latest version");
    }
  }
  Json after = before->json;
  constexpr std::array kWithStatus = {Kind::kRuns, Kind::kProjects, Kind::kJobs, Kind::kSweeps};
  const bool has_status = std::ranges::find(kWithStatus, target.kind) != kWithStatus.end();
  if (target.subresource == "status") {
    after["status"] = std::move(wanted["status"]);
  } else {
    if (auto refused = on_admission ? on_admission(target.kind) : std::nullopt) return *refused;
    // Metadata that only the server sets stays as it is.
    for (const char* field : {"uid", "creationTimestamp", "generation", "deletionTimestamp"}) {
      const auto& meta = before->json.at("metadata");
      wanted["metadata"].erase(field);
      if (meta.contains(field)) wanted["metadata"][field] = meta.at(field);
    }
    if (has_status && before->json.contains("status")) wanted["status"] = before->json.at("status");
    after = std::move(wanted);
  }
  auto stored = store(target.kind, target.key(), before, std::move(after), who);
  return stored ? object_answer(200, *stored) : error_answer(stored.error());
}

Response ApiServer::erase(const Target& target, const kube::Request& request, const std::string& who) {
  const Json options = request.body.empty() ? Json::object() : Json::parse(request.body, nullptr, false);
  const auto& preconditions = member(options, "preconditions");
  RemoveOptions remove_options{.uid = api::text_at(preconditions, "uid"),
                               .resource_version = api::text_at(preconditions, "resourceVersion")};
  remove_options.at_once = api::int_at(options, "gracePeriodSeconds") == 0;
  if (auto done = remove(target.kind, target.key(), who, remove_options); !done) return error_answer(done.error());
  return {.status = 200, .body = R"({"kind":"Status","apiVersion":"v1","status":"Success"})", .retry_after = {}};
}

}  // namespace modelrun::simulation
