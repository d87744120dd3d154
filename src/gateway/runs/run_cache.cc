#include "gateway/runs/run_cache.h"

#include <algorithm>

namespace modelrun::gateway {
namespace {

constexpr std::size_t kIndexed = 8;  // leading digits of a UID in the index; no look-up gives fewer

std::string digits_of(std::string_view uid) {
  std::string digits(uid);
  std::erase(digits, '-');
  return digits;
}

Result<CachedRun> project(const kube::Json& object) {
  try {
    return cached_run(api::decode_model_run(object));
  } catch (const kube::Json::exception& error) {
    return fail(ErrorKind::kInvalid, "unexpected shape: {}", error.what());
  }
}

}  // namespace

CachedRun cached_run(const api::ModelRun& run) {
  return {run.meta, summarize(run)};
}

RunCache::RunCache() : sink_(store_, project) {
  store_.add_index("uid",
                   [](const CachedRun& run) { return std::vector{digits_of(run.meta.uid).substr(0, kIndexed)}; });
  store_.add_index("project", [](const CachedRun& run) {
    return std::vector{api::object_key(run.meta.namespace_, run.run.project)};
  });
  store_.add_index("namespace", [](const CachedRun& run) { return std::vector{run.meta.namespace_}; });
  store_.set_on_change([this](const auto& old, const auto& now) {
    if (now) room_.changed(now->meta.uid);
    if (old && (!now || now->meta.uid != old->meta.uid)) room_.changed(old->meta.uid);
  });
}

void RunCache::note(const api::ModelRun& run) {
  store_.put(cached_run(run));
}

std::optional<RunSummary> RunCache::find(const RunKey& key) const {
  const auto found = store_.find(api::object_key(key.namespace_, key.name));
  if (!found || found->meta.uid != key.uid) return std::nullopt;
  return found->run;
}

std::vector<RunSummary> RunCache::by_uid(std::string_view digits) const {
  std::vector<RunSummary> found;
  for (const auto& each : store_.by_index("uid", digits.substr(0, kIndexed))) {
    if (digits_of(each->meta.uid).starts_with(digits)) found.push_back(each->run);
  }
  return found;
}

std::vector<RunSummary> RunCache::of_project(const ProjectRef& project) const {
  std::vector<RunSummary> found;
  for (const auto& each : store_.by_index("project", api::object_key(project.namespace_, project.name))) {
    found.push_back(each->run);
  }
  return found;
}

std::vector<RunSummary> RunCache::of_namespace(std::string_view namespace_) const {
  std::vector<RunSummary> found;
  for (const auto& each : store_.by_index("namespace", namespace_)) found.push_back(each->run);
  return found;
}

std::size_t RunCache::count_in(std::string_view namespace_) const {
  return store_.by_index("namespace", namespace_).size();
}

void RunCache::notify(const RunKey& key, std::uint64_t seen, std::chrono::milliseconds span,
                      const std::stop_token& stop, std::function<void()> wake) {
  // Enter before looking: a change between the two would be missed otherwise.
  room_.enter(key.uid, span, stop, std::move(wake));
  const auto now = find(key);
  if (!now || now->version != seen) room_.changed(key.uid);
}

}  // namespace modelrun::gateway
