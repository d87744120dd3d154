// The storage: versions, generations, finalizers, history. api_requests.cc has the HTTP side.
#include "simulation/api_server.h"

#include <chrono>
#include <utility>

#include "api/json_access.h"
#include "base/clock.h"
#include "simulation/api_rules.h"

namespace modelrun::simulation {
namespace {

using api::member;

bool has_finalizers(const Json& object) {
  const auto& finalizers = member(member(object, "metadata"), "finalizers");
  return finalizers.is_array() && !finalizers.empty();
}

// Whether nothing keeps an object that is being deleted: no finalizer, and for a pod no grace period.
bool may_go(Kind kind, const Json& object) {
  if (!is_deleting(object) || has_finalizers(object)) return false;
  return kind != Kind::kPods || member(member(object, "metadata"), "deletionGracePeriodSeconds") == 0;
}

bool has_generation(Kind kind) {
  return kind == Kind::kRuns || kind == Kind::kProjects || kind == Kind::kJobs || kind == Kind::kSweeps;
}

void raise_generation(Json& object) {
  auto& meta = object["metadata"];
  meta["generation"] = meta.value("generation", std::int64_t{0}) + 1;
}

std::uint64_t part_of_digest(Kind kind, const std::string& key, const Object& object) {
  if (!object || kind == Kind::kLeases) return 0;
  return mix(mix(static_cast<std::uint64_t>(kind) + 1, hash_text(key)), object->digest());
}

}  // namespace

std::string ApiServer::stamp() const {
  const auto now = std::chrono::floor<std::chrono::seconds>(sim_.wall());
  auto text = format_rfc3339(now);
  return text.substr(0, 19) + "Z";
}

Object ApiServer::find(Kind kind, const std::string& key) const {
  const auto& objects = all(kind);
  const auto found = objects.find(key);
  return found == objects.end() ? nullptr : found->second;
}

Object ApiServer::find_uid(Kind kind, const std::string& uid) const {
  if (uid.empty()) return nullptr;
  for (const auto& [key, object] : all(kind)) {
    if (uid_of(object->json) == uid) return object;
  }
  return nullptr;
}

void ApiServer::commit(Commit commit) {
  const auto key = key_of(commit.shown->json);
  digest_ ^= part_of_digest(commit.kind, key, commit.before) ^ part_of_digest(commit.kind, key, commit.after);
  auto& history = history_.at(index(commit.kind));
  history.push_back(std::move(commit));
  if (on_commit) on_commit(Commit(history.back()));
}

Result<Object> ApiServer::create(Kind kind, Json object, const std::string& who) {
  const auto key = key_of(object);
  if (find(kind, key)) {
    return fail(ErrorKind::kExists, "{} \"{}\" already exists", resource_of(kind).plural, meta_text(object, "name"));
  }
  auto& meta = object["metadata"];
  meta["uid"] = fmt::format("uid{:05}-0000-4000-8000-{:012x}", next_uid_, next_uid_);
  ++next_uid_;
  meta["creationTimestamp"] = stamp();
  if (has_generation(kind)) meta["generation"] = 1;
  meta.erase("deletionTimestamp");
  if (has_generation(kind) && kind != Kind::kJobs) object["status"] = {{"observedGeneration", -1}};
  return store(kind, key, nullptr, std::move(object), who);
}

Object ApiServer::change(Kind kind, const std::string& key, const std::string& who,
                         const std::function<void(Json&)>& change, const std::string& uid) {
  const auto before = find(kind, key);
  if (!before || (!uid.empty() && uid_of(before->json) != uid)) return nullptr;
  Json after = before->json;
  change(after);
  auto stored = store(kind, key, before, std::move(after), who);
  return stored ? *stored : nullptr;
}

// Stores `after` in the place of `before`, which may be null. An update that changes nothing is no commit.
Result<Object> ApiServer::store(Kind kind, const std::string& key, const Object& before, Json after,
                                const std::string& who) {
  if (before) {
    after["metadata"]["resourceVersion"] = before->json.at("metadata").at("resourceVersion");
    if (after == before->json) return before;
  }
  if (auto why = broken_rule(kind, before ? &before->json : nullptr, after)) {
    return fail(ErrorKind::kInvalid, "{} \"{}\" is invalid: {}", resource_of(kind).kind, meta_text(after, "name"),
                *why);
  }
  if (before && has_generation(kind) && member(before->json, "spec") != member(after, "spec")) raise_generation(after);
  after["metadata"]["resourceVersion"] = std::to_string(++version_);
  auto stored = std::make_shared<const Stored>(std::move(after), version_);
  // Measuring the text of small objects would cost more than the rest of the write.
  if (kind != Kind::kLeases && kind != Kind::kPods && stored->text().size() > kMaxObjectBytes) {
    return fail(ErrorKind::kTooLarge, "etcdserver: request is too large");
  }
  objects_.at(index(kind))[key] = stored;
  commit({kind, version_, before, stored, stored, sim_.fibers.now(), who});
  if (may_go(kind, stored->json)) drop(kind, key, who);
  return stored;
}

void ApiServer::drop(Kind kind, const std::string& key, const std::string& who) {
  auto& objects = objects_.at(index(kind));
  const auto found = objects.find(key);
  const Object before = found->second;
  objects.erase(found);
  Json last = before->json;
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  commit({kind, version_, before, nullptr, std::make_shared<const Stored>(std::move(last), version_), sim_.fibers.now(),
          who});
}

Result<void> ApiServer::remove(Kind kind, const std::string& key, const std::string& who,
                               const RemoveOptions& options) {
  const auto before = find(kind, key);
  if (!before) return fail(ErrorKind::kNotFound, "{} \"{}\" not found", resource_of(kind).plural, key);
  const auto& meta = before->json.at("metadata");
  if ((!options.uid.empty() && options.uid != uid_of(before->json)) ||
      (!options.resource_version.empty() && options.resource_version != meta_text(before->json, "resourceVersion"))) {
    return fail(ErrorKind::kConflict, "the precondition of the deletion of {} does not hold", key);
  }
  std::int64_t grace = 0;
  if (kind == Kind::kPods && !options.at_once) {
    const auto& phase = status_text(before->json, "phase");
    const auto& spec = member(before->json, "spec");
    const bool runs = !api::text_at(spec, "nodeName").empty() && phase != "Succeeded" && phase != "Failed";
    if (runs) grace = api::int_at(spec, "terminationGracePeriodSeconds").value_or(30);
  }
  if (!has_finalizers(before->json) && grace == 0) {
    drop(kind, key, who);
    return {};
  }
  if (meta.contains("deletionTimestamp") && (kind != Kind::kPods || grace > 0)) return {};
  Json after = before->json;
  if (!meta.contains("deletionTimestamp")) {
    const auto end = std::chrono::floor<std::chrono::seconds>(sim_.wall()) + std::chrono::seconds(grace);
    after["metadata"]["deletionTimestamp"] = format_rfc3339(end).substr(0, 19) + "Z";
    if (has_generation(kind)) raise_generation(after);
  }
  after["metadata"]["deletionGracePeriodSeconds"] = grace;
  auto stored = store(kind, key, before, std::move(after), who);
  if (!stored) return std::unexpected(stored.error());
  return {};
}

ApiServer::Objects ApiServer::at_version(Kind kind, std::uint64_t version) const {
  Objects objects;
  for (const auto& commit : history(kind)) {
    if (commit.version > version) break;
    const auto key = key_of(commit.shown->json);
    if (commit.after)
      objects[key] = commit.after;
    else
      objects.erase(key);
  }
  return objects;
}

}  // namespace modelrun::simulation
