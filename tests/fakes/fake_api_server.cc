#include "fakes/fake_api_server.h"

#include <algorithm>
#include <charconv>

#include "api/object_meta.h"

namespace modelrun::fakes {
namespace {

using kube::Json;
using kube::Request;
using kube::Response;

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      unsigned byte = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

Response status(int code, const std::string& reason, const std::string& message) {
  return {.status = code,
          .body = Json{
              {"kind", "Status"},
              {"apiVersion", "v1"},
              {"status", code < 300 ? "Success" : "Failure"},
              {"message", message},
              {"reason", reason},
              {"code",
               code}}.dump()};
}

Response ok(const Json& object, int code = 200) {
  return {.status = code, .body = object.dump()};
}

std::optional<Response> fault_answer(Fault fault) {
  switch (fault) {
    case Fault::k401:
      return status(401, "Unauthorized", "injected");
    case Fault::k403:
      return status(403, "Forbidden", "injected");
    case Fault::k409:
      return status(409, "Conflict", "injected");
    case Fault::k410:
      return status(410, "Expired", "injected");
    case Fault::k413:
      return status(413, "RequestEntityTooLarge", "injected");
    case Fault::k429:
      return status(429, "TooManyRequests", "injected");
    case Fault::k500:
      return status(500, "InternalError", "injected");
    case Fault::k503:
      return status(503, "ServiceUnavailable", "injected");
    default:
      return std::nullopt;
  }
}

// Returns the member at a path such as "a.b.c" as text, or nullopt when it is absent.
std::optional<std::string> at_path(const Json& object, std::string_view path) {
  const Json* here = &object;
  for (const auto& step : split(path, '.')) {
    if (!here->is_object() || !here->contains(step)) return std::nullopt;
    here = &here->at(step);
  }
  return here->is_string() ? here->get<std::string>() : here->dump();
}

// Whether one requirement of a label or field selector is met. Supports a=b, a==b, a!=b, a and !a.
bool meets(const std::string& requirement, const std::function<std::optional<std::string>(std::string)>& value) {
  if (const auto unequal = requirement.find("!="); unequal != std::string::npos) {
    return value(requirement.substr(0, unequal)) != requirement.substr(unequal + 2);
  }
  if (const auto equal = requirement.find('='); equal != std::string::npos) {
    const auto wanted = requirement.substr(requirement.find_first_not_of('=', equal) == std::string::npos
                                               ? requirement.size()
                                               : requirement.find_first_not_of('=', equal));
    return value(requirement.substr(0, equal)).value_or("") == wanted;
  }
  if (requirement.starts_with("!")) return !value(requirement.substr(1));
  return value(requirement).has_value();
}

bool has_status(const std::string& plural) {
  return plural.starts_with("model") || plural == "jobs" || plural == "pods";
}

Json without(Json object, const char* field) {
  object.erase(field);
  return object;
}

bool has_finalizers(const Json& object) {
  const auto& metadata = object.at("metadata");
  return metadata.contains("finalizers") && !metadata.at("finalizers").empty();
}

}  // namespace

struct FakeApiServer::Target {
  std::string collection;  // "group/plural"
  std::string plural;
  std::string namespace_;
  std::string name;
  std::string subresource;
  std::map<std::string, std::string> query;

  explicit Target(std::string_view url) {
    const auto mark = url.find('?');
    if (mark != std::string_view::npos) {
      for (const auto& pair : split(url.substr(mark + 1), '&')) {
        const auto equal = pair.find('=');
        query[pair.substr(0, equal)] = equal == std::string::npos ? "" : decode(pair.substr(equal + 1));
      }
    }
    auto steps = split(url.substr(0, mark), '/');
    for (auto& step : steps) step = decode(step);
    const bool core = !steps.empty() && steps[0] == "api";
    const std::string group = core || steps.size() < 2 ? "" : steps[1];
    steps.erase(steps.begin(), steps.begin() + std::min<std::ptrdiff_t>(core ? 2 : 3, std::ssize(steps)));
    if (steps.size() >= 3 && steps[0] == "namespaces") {
      namespace_ = steps[1];
      steps.erase(steps.begin(), steps.begin() + 2);
    }
    if (!steps.empty()) plural = steps[0];
    if (steps.size() > 1) name = steps[1];
    if (steps.size() > 2) subresource = steps[2];
    collection = group + '/' + plural;
  }

  Target(const kube::Resource& resource, std::string_view space, std::string_view object_name)
      : collection(std::string{resource.group} + '/' + std::string{resource.plural}),
        plural(resource.plural),
        namespace_(resource.namespaced ? space : ""),
        name(object_name) {}

  [[nodiscard]] std::string key() const { return api::object_key(namespace_, name); }
  [[nodiscard]] std::string what() const { return plural + " \"" + name + '"'; }
  [[nodiscard]] std::string option(const char* field) const {
    const auto found = query.find(field);
    return found == query.end() ? std::string{} : found->second;
  }
  [[nodiscard]] bool selects(const Json& object) const {
    const auto& metadata = object.at("metadata");
    if (!namespace_.empty() && metadata.value("namespace", "") != namespace_) return false;
    const auto label = [&](const std::string& key) -> std::optional<std::string> {
      if (!metadata.contains("labels") || !metadata.at("labels").contains(key)) return std::nullopt;
      return metadata.at("labels").at(key).get<std::string>();
    };
    const auto field = [&](const std::string& path) { return at_path(object, path); };
    return std::ranges::all_of(split(option("labelSelector"), ','), [&](auto& r) { return meets(r, label); }) &&
           std::ranges::all_of(split(option("fieldSelector"), ','), [&](auto& r) { return meets(r, field); });
  }
};

Result<Response> FakeApiServer::send(const Request& request, std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
  const bool write = request.method != kube::Method::kGet;
  Hook hook;
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (crashed_) return fail(ErrorKind::kCancelled, "crashed");
    requests_.push_back(request);
    if (write) number = ++writes_;
    hook = hook_;
  }
  const Fault fault = hook ? hook(request, number) : Fault::kNone;  // without the lock: it may call the server
  const std::lock_guard lock(mutex_);
  if (fault == Fault::kDropBefore) return fail(ErrorKind::kUnavailable, "injected: no connection");
  if (fault == Fault::kCrashBefore || fault == Fault::kCrashAfter) crashed_ = true;
  if (fault == Fault::kCrashBefore) return fail(ErrorKind::kCancelled, "crashed");
  if (auto answer = fault_answer(fault)) return *answer;
  auto response = handle(Target(request.path), request);
  changed_.notify_all();
  if (fault == Fault::kDropAfter) return fail(ErrorKind::kTimeout, "injected: answer lost");
  if (fault == Fault::kCrashAfter) return fail(ErrorKind::kCancelled, "crashed");
  return response;
}

std::optional<Response> FakeApiServer::forbidden(const Target& target) const {
  const bool resource = !target.plural.empty();  // not /version
  if (!resource || restricted_to_.empty() || target.plural == "tokenreviews") return std::nullopt;
  if (restricted_to_.contains(target.namespace_)) return std::nullopt;
  const auto where = target.namespace_.empty() ? std::string("at the cluster scope")
                                               : fmt::format("in the namespace \"{}\"", target.namespace_);
  return status(403, "Forbidden",
                fmt::format("{} is forbidden: User \"fake\" cannot do this {}", target.plural, where));
}

Response FakeApiServer::handle(const Target& target, const Request& request) {
  if (auto refusal = forbidden(target)) return *refusal;
  const Json body = request.body.empty() ? Json() : Json::parse(request.body, nullptr, false);
  if (body.is_discarded()) return status(400, "BadRequest", "the body is not JSON");
  if (target.plural == "tokenreviews") {
    Json review = body;
    review["status"] = reviewer_ ? reviewer_(body.at("spec")) : Json{{"authenticated", false}};
    return ok(review, 201);
  }
  if (target.subresource == "proxy") {
    if (!proxy_) return status(503, "ServiceUnavailable", "no endpoints available");
    const auto at = request.path.find("/proxy");
    return proxy_(target.key(), request.path.substr(at + std::string_view("/proxy").size()));
  }
  if (request.path == "/version") return ok({{"major", "1"}, {"minor", std::to_string(minor_version_)}});
  if (target.plural == "subjectaccessreviews" || target.plural == "localsubjectaccessreviews" ||
      target.plural == "selfsubjectaccessreviews") {
    Json review = body;
    review["status"] = access_reviewer_ ? access_reviewer_(body.at("spec")) : Json{{"allowed", false}};
    return ok(review, 201);
  }
  switch (request.method) {
    case kube::Method::kGet:
      return target.name.empty() ? list(target) : read(target);
    case kube::Method::kPost:
      return create(target, body);
    case kube::Method::kPut:
      return replace(target, body);
    case kube::Method::kPatch:
      return patch(target, request);
    case kube::Method::kDelete:
      return remove(target, body);
  }
  return status(405, "MethodNotAllowed", "");
}

Response FakeApiServer::read(const Target& target) {
  const auto& objects = collections_[target.collection];
  const auto found = objects.find(target.key());
  if (found == objects.end()) return status(404, "NotFound", target.what() + " not found");
  if (target.subresource != "log") return ok(found->second);
  for (const auto& each : found->second.value("/status/containerStatuses"_json_pointer, kube::Json::array())) {
    if (each["name"] == target.option("container") && each["state"].contains("waiting")) {
      return status(400, "BadRequest", "container is waiting to start: ContainerCreating");
    }
  }
  const auto log = logs_.find(target.key() + '/' + target.option("container"));
  std::string text = log == logs_.end() ? "" : log->second;
  if (const auto limit = target.option("limitBytes"); !limit.empty())
    text.resize(std::min<std::size_t>(text.size(), std::stoul(limit)));
  return {.status = 200, .body = std::move(text)};
}

Response FakeApiServer::list(const Target& target) {
  Json page{{"apiVersion", "v1"},
            {"kind", "List"},
            {"metadata", {{"resourceVersion", std::to_string(version_)}}},
            {"items", Json::array()}};
  // The continue token is "VERSION|KEY", where KEY is the last one of the previous page. A later page shows the
  // present state, not that of the first page; this is good enough for a fake.
  std::string after;
  if (const auto token = target.option("continue"); !token.empty()) {
    const auto bar = token.find('|');
    if (api::parse_resource_version(token.substr(0, bar)) < oldest_) return status(410, "Expired", "continue token");
    page["metadata"]["resourceVersion"] = token.substr(0, bar);
    after = token.substr(bar + 1);
  }
  const std::size_t limit = target.option("limit").empty() ? SIZE_MAX : std::stoul(target.option("limit"));
  std::string last;
  std::int64_t remaining = 0;
  for (const auto& [key, object] : collections_[target.collection]) {
    if (key <= after || !target.selects(object)) continue;
    if (page["items"].size() == limit) {
      page["metadata"]["continue"] = page["metadata"]["resourceVersion"].get<std::string>() + '|' + last;
      ++remaining;
      continue;
    }
    page["items"].push_back(object);
    last = key;
  }
  if (remaining > 0) page["metadata"]["remainingItemCount"] = remaining;
  return ok(page);
}

Response FakeApiServer::create(const Target& target, Json object) {
  Target named = target;
  auto& metadata = object["metadata"];
  if (!metadata.contains("name")) metadata["name"] = metadata.value("generateName", "x") + std::to_string(next_uid_);
  named.name = metadata["name"];
  if (!target.namespace_.empty()) metadata["namespace"] = target.namespace_;
  if (collections_[target.collection].contains(named.key())) {
    return status(409, "AlreadyExists", named.what() + " already exists");
  }
  metadata["uid"] = fmt::format("00000000-0000-4000-8000-{:012x}", next_uid_++);
  metadata["creationTimestamp"] = format_rfc3339(clock_.now());
  metadata["generation"] = 1;
  if (has_status(target.plural)) object.erase("status");
  if (target.plural == "modelruns") object["status"] = {{"observedGeneration", -1}};
  return ok(store(named, named.key(), std::move(object), "ADDED"), 201);
}

std::optional<Response> FakeApiServer::unmet(const Json& stored, const Json& wanted, const Target& target) const {
  for (const char* field : {"uid", "resourceVersion"}) {
    const std::string value = wanted.is_object() ? wanted.value(field, "") : "";
    if (!value.empty() && value != stored.at("metadata").value(field, "")) {
      return status(409, "Conflict", target.what() + ": the " + field + " does not match");
    }
  }
  return std::nullopt;
}

Response FakeApiServer::replace(const Target& target, Json object) {
  auto& objects = collections_[target.collection];
  const auto found = objects.find(target.key());
  if (found == objects.end()) return status(404, "NotFound", target.what() + " not found");
  const Json& stored = found->second;
  if (auto conflict = unmet(stored, object.value("metadata", Json::object()), target)) return *conflict;
  Json next = object;
  if (target.subresource == "status") {
    next = stored;
    next["status"] = object.value("status", Json::object());
  } else {
    for (const char* field : {"uid", "creationTimestamp", "deletionTimestamp", "generation", "resourceVersion"}) {
      next["metadata"].erase(field);
      if (stored["metadata"].contains(field)) next["metadata"][field] = stored["metadata"][field];
    }
    if (has_status(target.plural)) next.erase("status");
    if (has_status(target.plural) && stored.contains("status")) next["status"] = stored["status"];
    if (next.value("spec", Json()) != stored.value("spec", Json())) {
      next["metadata"]["generation"] = stored["metadata"].value("generation", 1) + 1;
    }
  }
  if (next == stored) return ok(stored);  // as in Kubernetes: no new version and no event
  if (next["metadata"].contains("deletionTimestamp") && !has_finalizers(next)) {
    found->second = next;
    drop(target, target.key());
    return ok(next);
  }
  return ok(store(target, target.key(), std::move(next), "MODIFIED"));
}

Response FakeApiServer::patch(const Target& target, const Request& request) {
  Json change = Json::parse(request.body, nullptr, false);
  const auto& objects = collections_[target.collection];
  const auto found = objects.find(target.key());
  const bool apply = request.content_type == "application/apply-patch+yaml";
  if (found == objects.end() && apply) return create(target, std::move(change));
  if (found == objects.end()) return status(404, "NotFound", target.what() + " not found");
  Json next = without(found->second, "nothing");
  next["metadata"].erase("resourceVersion");  // so that replace() checks it only if the patch has one
  if (request.content_type == "application/json-patch+json") {
    Json checked = found->second;
    try {
      next = checked.patch(change);
    } catch (const Json::exception& error) {
      return status(422, "Invalid", error.what());
    }
  } else {
    next.merge_patch(change);
  }
  return replace(target, std::move(next));
}

Response FakeApiServer::remove(const Target& target, const Json& options) {
  auto& objects = collections_[target.collection];
  const auto found = objects.find(target.key());
  if (found == objects.end()) return status(404, "NotFound", target.what() + " not found");
  const Json wanted = options.is_object() ? options.value("preconditions", Json::object()) : Json::object();
  if (auto conflict = unmet(found->second, wanted, target)) return *conflict;
  if (!has_finalizers(found->second)) {
    drop(target, target.key());
  } else if (!found->second["metadata"].contains("deletionTimestamp")) {
    Json next = found->second;
    next["metadata"]["deletionTimestamp"] = format_rfc3339(clock_.now());
    // As the real one does: a deletion counts as a change of what is wanted.
    next["metadata"]["generation"] = next["metadata"].value("generation", 0) + 1;
    store(target, target.key(), std::move(next), "MODIFIED");
  }
  return status(200, "", "");
}

Json& FakeApiServer::store(const Target& target, const std::string& key, Json object, const char* type) {
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  Json& stored = collections_[target.collection][key] = std::move(object);
  history_.push_back({version_, target.collection, target.namespace_, type, stored});
  return stored;
}

void FakeApiServer::drop(const Target& target, const std::string& key) {
  auto& objects = collections_[target.collection];
  Json last = objects.at(key);
  objects.erase(key);
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  history_.push_back({version_, target.collection, target.namespace_, "DELETED", std::move(last)});
}

std::string FakeApiServer::next_lines(const Target& target, Watch& watch) {
  std::string lines;
  for (const auto& event : history_) {
    if (event.version <= watch.seen) continue;
    if (held_ && watch.credit <= 0) return lines;
    watch.seen = event.version;
    if (event.collection != target.collection || !target.selects(event.object)) continue;
    if (held_) --watch.credit;
    lines += Json{{"type", event.type}, {"object", event.object}}.dump() + '\n';
  }
  if (watch.bookmarks < bookmarks_ && !held_) {
    watch.bookmarks = bookmarks_;
    lines +=
        Json{{"type", "BOOKMARK"}, {"object", {{"metadata", {{"resourceVersion", std::to_string(version_)}}}}}}.dump() +
        '\n';
  }
  return lines;
}

Result<Response> FakeApiServer::stream(const Request& request, std::chrono::milliseconds idle_timeout,
                                       const kube::OnData& on_data, std::stop_token stop) {
  const Target target(request.path);
  if (target.option("watch") != "true") {
    auto response = send(request, stop);
    if (!response || !response->ok()) return response;
    constexpr std::size_t kPiece = std::size_t{64} << 10U;
    const auto body = std::exchange(response->body, {});
    for (std::size_t at = 0; at < body.size(); at += kPiece) {
      if (!on_data(std::string_view(body).substr(at, kPiece))) break;
    }
    return response;
  }
  std::unique_lock lock(mutex_);
  if (crashed_) return fail(ErrorKind::kCancelled, "crashed");
  requests_.push_back(request);
  const Hook hook = hook_;
  lock.unlock();
  const Fault fault = hook ? hook(request, 0) : Fault::kNone;
  if (fault == Fault::kDropBefore) return fail(ErrorKind::kUnavailable, "injected: no connection");
  if (auto answer = fault_answer(fault)) return *answer;
  lock.lock();
  if (auto refusal = forbidden(target)) return *refusal;
  Watch watch{.seen = api::parse_resource_version(target.option("resourceVersion")), .bookmarks = bookmarks_};
  if (watch.seen < oldest_) return status(410, "Expired", "too old resource version");
  const auto breaks = breaks_;
  watches_.insert(&watch);
  Result<Response> result = Response{.status = 200};
  while (!stop.stop_requested()) {
    std::string lines;
    const bool woken = changed_.wait_for(lock, stop, idle_timeout, [&] {
      if (breaks_ == breaks && !crashed_) lines = next_lines(target, watch);
      return breaks_ != breaks || crashed_ || !lines.empty();
    });
    if (breaks_ != breaks && break_with_410_)
      lines =
          R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}})"
          "\n";
    lock.unlock();
    const bool more = lines.empty() || on_data(lines);
    lock.lock();
    if (!woken && !stop.stop_requested()) result = fail(ErrorKind::kTimeout, "no byte in time");
    if (breaks_ != breaks || crashed_) result = fail(ErrorKind::kUnavailable, "injected: connection broke off");
    if (!more || !result) break;
  }
  watches_.erase(&watch);
  if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "stopped");
  return result;
}

Json FakeApiServer::put(const kube::Resource& resource, Json object) {
  const std::lock_guard lock(mutex_);
  const auto meta = api::decode_meta(object);
  const Target target(resource, meta.namespace_, meta.name);
  auto& objects = collections_[target.collection];
  const auto found = objects.find(target.key());
  auto& metadata = object["metadata"];
  if (found == objects.end()) {
    if (meta.uid.empty()) metadata["uid"] = fmt::format("00000000-0000-4000-8000-{:012x}", next_uid_++);
    if (!metadata.contains("creationTimestamp")) metadata["creationTimestamp"] = format_rfc3339(clock_.now());
    if (!metadata.contains("generation")) metadata["generation"] = 1;
  } else {
    for (const char* field : {"uid", "creationTimestamp", "generation"}) {
      if (!metadata.contains(field)) metadata[field] = found->second["metadata"][field];
    }
  }
  const Json stored = store(target, target.key(), std::move(object), found == objects.end() ? "ADDED" : "MODIFIED");
  changed_.notify_all();
  return stored;
}

void FakeApiServer::erase(const kube::Resource& resource, std::string_view namespace_, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const Target target(resource, namespace_, name);
  if (collections_[target.collection].contains(target.key())) drop(target, target.key());
  changed_.notify_all();
}

std::optional<Json> FakeApiServer::find(const kube::Resource& resource, std::string_view namespace_,
                                        std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const Target target(resource, namespace_, name);
  const auto objects = collections_.find(target.collection);
  if (objects == collections_.end() || !objects->second.contains(target.key())) return std::nullopt;
  return objects->second.at(target.key());
}

std::vector<Json> FakeApiServer::all(const kube::Resource& resource) const {
  const std::lock_guard lock(mutex_);
  std::vector<Json> objects;
  const auto found = collections_.find(Target(resource, "", "").collection);
  if (found == collections_.end()) return objects;
  for (const auto& [key, object] : found->second) objects.push_back(object);
  return objects;
}

void FakeApiServer::collect_garbage() {
  const std::lock_guard lock(mutex_);
  bool again = true;
  while (std::exchange(again, false)) {
    std::set<std::string> uids;
    for (const auto& [name, objects] : collections_) {
      for (const auto& [key, object] : objects) uids.insert(object["metadata"].value("uid", ""));
    }
    for (auto& [name, objects] : collections_) {
      std::vector<std::string> orphans;
      for (const auto& [key, object] : objects) {
        const auto owners = object["metadata"].value("ownerReferences", Json::array());
        const auto alive = [&](const Json& owner) { return uids.contains(owner.value("uid", "")); };
        if (!owners.empty() && std::ranges::none_of(owners, alive)) orphans.push_back(key);
      }
      for (const auto& key : orphans) {
        const auto slash = key.find('/');
        Target target(kube::kPods, key.substr(0, slash), key.substr(slash + 1));
        target.collection = name;
        target.plural = name.substr(name.find('/') + 1);
        again = !has_finalizers(objects.at(key)) || again;
        remove(target, {});
      }
    }
  }
  changed_.notify_all();
}

void FakeApiServer::set_pod_log(std::string_view namespace_, std::string_view pod, std::string_view container,
                                std::string text) {
  const std::lock_guard lock(mutex_);
  logs_[api::object_key(namespace_, pod) + '/' + std::string{container}] = std::move(text);
}

void FakeApiServer::set_token_reviewer(std::function<Json(const Json&)> reviewer) {
  const std::lock_guard lock(mutex_);
  reviewer_ = std::move(reviewer);
}

void FakeApiServer::set_access_reviewer(std::function<Json(const Json&)> reviewer) {
  const std::lock_guard lock(mutex_);
  access_reviewer_ = std::move(reviewer);
}

void FakeApiServer::restrict_to(std::set<std::string> namespaces) {
  const std::lock_guard lock(mutex_);
  restricted_to_ = std::move(namespaces);
}

void FakeApiServer::set_proxy(std::function<Response(const std::string&, const std::string&)> proxy) {
  const std::lock_guard lock(mutex_);
  proxy_ = std::move(proxy);
}

void FakeApiServer::set_minor_version(int minor) {
  const std::lock_guard lock(mutex_);
  minor_version_ = minor;
}

void FakeApiServer::set_hook(Hook hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

void FakeApiServer::restart() {
  const std::lock_guard lock(mutex_);
  crashed_ = false;
}

bool FakeApiServer::crashed() const {
  const std::lock_guard lock(mutex_);
  return crashed_;
}

void FakeApiServer::hold_watches(bool held) {
  const std::lock_guard lock(mutex_);
  held_ = held;
  changed_.notify_all();
}

void FakeApiServer::deliver(int count) {
  const std::lock_guard lock(mutex_);
  for (Watch* watch : watches_) watch->credit += count;
  changed_.notify_all();
}

void FakeApiServer::send_bookmarks() {
  const std::lock_guard lock(mutex_);
  ++bookmarks_;
  changed_.notify_all();
}

bool FakeApiServer::bookmarks_sent() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(watches_, [this](const Watch* watch) { return watch->bookmarks == bookmarks_; });
}

void FakeApiServer::break_watches(bool in_stream_410) {
  const std::lock_guard lock(mutex_);
  ++breaks_;
  break_with_410_ = in_stream_410;
  changed_.notify_all();
}

void FakeApiServer::expire_history() {
  const std::lock_guard lock(mutex_);
  history_.clear();
  oldest_ = ++version_;
}

std::uint64_t FakeApiServer::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::vector<Request> FakeApiServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int FakeApiServer::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

int FakeApiServer::open_watches() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(watches_.size());
}

void FakeApiServer::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
  writes_ = 0;
}

}  // namespace modelrun::fakes
