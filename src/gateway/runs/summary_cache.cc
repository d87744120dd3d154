#include "gateway/runs/summary_cache.h"

#include <algorithm>

namespace modelrun::gateway {
namespace {

constexpr std::size_t kIndexed = 8;  // leading digits of a UID in the index; no look-up gives fewer

std::string digits_of(std::string_view uid) {
  std::string digits(uid);
  std::erase(digits, '-');
  return digits;
}

void decode_into(api::ModelRun& run, const kube::Json& object) {
  run = api::decode_model_run(object);
}

void decode_into(api::ModelSweep& sweep, const kube::Json& object) {
  sweep = api::decode_model_sweep(object);
}

template <class Object, class Summary>
Result<Cached<Summary>> project(const kube::Json& from) {
  try {
    Object object;
    decode_into(object, from);
    return Cached<Summary>{object.meta, summarize(object)};
  } catch (const kube::Json::exception& error) {
    return fail(ErrorKind::kInvalid, "unexpected shape: {}", error.what());
  }
}

template <class Summary>
std::vector<Summary> summaries(const std::vector<std::shared_ptr<const Cached<Summary>>>& found) {
  std::vector<Summary> all;
  all.reserve(found.size());
  for (const auto& each : found) all.push_back(each->summary);
  return all;
}

}  // namespace

template <class Object, class Summary>
SummaryCache<Object, Summary>::SummaryCache() {
  store_.add_index(
      "uid", [](const Cached<Summary>& object) { return std::vector{digits_of(object.meta.uid).substr(0, kIndexed)}; });
  store_.add_index("project", [](const Cached<Summary>& object) {
    return std::vector{api::object_key(object.meta.namespace_, object.summary.project)};
  });
  store_.add_index("namespace", [](const Cached<Summary>& object) { return std::vector{object.meta.namespace_}; });
  store_.set_on_change([this](const auto& old, const auto& now) {
    if (now) room_.changed(now->meta.uid);
    if (old && (!now || now->meta.uid != old->meta.uid)) room_.changed(old->meta.uid);
  });
}

template <class Object, class Summary>
runtime::WatchSink& SummaryCache<Object, Summary>::sink(const std::string& namespace_) {
  return sinks_.try_emplace(namespace_, store_, project<Object, Summary>, namespace_).first->second;
}

template <class Object, class Summary>
std::optional<Summary> SummaryCache<Object, Summary>::find(const Key& key) const {
  const auto found = store_.find(api::object_key(key.namespace_, key.name));
  if (!found || found->meta.uid != key.uid) return std::nullopt;
  return found->summary;
}

template <class Object, class Summary>
std::optional<Summary> SummaryCache<Object, Summary>::find_named(std::string_view namespace_,
                                                                 std::string_view name) const {
  const auto found = store_.find(api::object_key(namespace_, name));
  return found ? std::optional(found->summary) : std::nullopt;
}

template <class Object, class Summary>
std::vector<Summary> SummaryCache<Object, Summary>::by_uid(std::string_view digits) const {
  auto found = store_.by_index("uid", digits.substr(0, kIndexed));
  std::erase_if(found, [&](const auto& each) { return !digits_of(each->meta.uid).starts_with(digits); });
  return summaries(found);
}

template <class Object, class Summary>
std::vector<Summary> SummaryCache<Object, Summary>::of_project(const ProjectRef& project) const {
  return summaries(store_.by_index("project", api::object_key(project.namespace_, project.name)));
}

template <class Object, class Summary>
std::vector<Summary> SummaryCache<Object, Summary>::of_namespace(std::string_view namespace_) const {
  return summaries(store_.by_index("namespace", namespace_));
}

template <class Object, class Summary>
std::size_t SummaryCache<Object, Summary>::count_in(std::string_view namespace_) const {
  return store_.by_index("namespace", namespace_).size();
}

template <class Object, class Summary>
void SummaryCache<Object, Summary>::notify(const Key& key, std::uint64_t seen, std::chrono::milliseconds span,
                                           const std::stop_token& stop, std::function<void()> wake) {
  // Enter before looking: a change between the two would be missed otherwise.
  room_.enter(key.uid, span, stop, std::move(wake));
  const auto now = find(key);
  if (!now || now->version != seen) room_.changed(key.uid);
}

template class SummaryCache<api::ModelRun, RunSummary>;
template class SummaryCache<api::ModelSweep, SweepSummary>;

}  // namespace modelrun::gateway
