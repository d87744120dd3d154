// What the API server holds, as compact structs, kept in step by a Watcher and by the writer's own writes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "kube/object_meta.h"
#include "runtime/tombstones.h"
#include "runtime/watcher.h"

namespace modelrun::runtime {

// Lets std::string keyed maps be searched with a string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Objects by "namespace/name". T holds `kube::ObjectMeta meta`. Thread-safe; objects are immutable once stored and may
// be kept for as long as the caller likes.
//
// An object never goes back in time: of two, the one with the higher resourceVersion stays. A deletion is remembered
// for a while, so that the late answer to a write of ours does not bring the object back. on_change is called after
// the change, without a lock held; two changes of one object made by different threads may be reported in either
// order, so take it as a hint and look the object up.
template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  using OnChange = std::function<void(const Ptr& old, const Ptr& now)>;  // one of them may be null, never both
  using IndexFn = std::function<std::vector<std::string>(const T&)>;     // distinct values

  Store() = default;
  // The clock says how long deletions are remembered; it must outlive the store.
  explicit Store(const SteadyClock& clock) : tombstones_(&clock) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Call both before the first object comes.
  void set_on_change(OnChange on_change) { on_change_ = std::move(on_change); }
  void add_index(std::string name, IndexFn values) { indexes_[std::move(name)].values = std::move(values); }

  // Null when there is none.
  [[nodiscard]] Ptr find(std::string_view key) const;
  // Objects for which the index's function gave `value`, in no particular order.
  [[nodiscard]] std::vector<Ptr> by_index(std::string_view index, std::string_view value) const;
  // Calls `visit` for every object under the store's lock: `visit` must not call back into the store.
  void for_each(const std::function<void(const Ptr&)>& visit) const;
  [[nodiscard]] std::size_t size() const;

  // The answer to a write of our own. False, and nothing happens, when something as new is there or the object has
  // been deleted since.
  bool put(T object);

  // For StoreSink: what a watch delivers.
  void upsert(T object);
  void remove(const kube::ObjectMeta& meta);
  void replace_begin();
  void replace_done(std::uint64_t resource_version);

 private:
  struct Entry {
    Ptr object;
    bool own = false;         // from put(), not yet seen in a watch
    std::uint32_t round = 0;  // the replace in which a list last showed it
  };
  struct Index {
    IndexFn values;
    // The keys point into entries_, in no order. A plain array: most values are one object's alone, for which a set
    // would take more memory than the object; and to search ten thousand pointers takes microseconds.
    std::unordered_map<std::string, std::vector<const std::string*>, StringHash, std::equal_to<>> keys;
  };
  using Change = std::pair<Ptr, Ptr>;
  using Entries = std::unordered_map<std::string, Entry, StringHash, std::equal_to<>>;

  // All three: mutex_ is held.
  Change set_locked(const std::string& key, Ptr object, bool own);
  Change erase_locked(Entries::iterator entry, std::uint64_t resource_version);
  void reindex_locked(const std::string* key, const T* old, const T* now);
  void report(const Change& change) const {
    if (on_change_ && (change.first || change.second)) on_change_(change.first, change.second);
  }

  OnChange on_change_;
  mutable std::shared_mutex mutex_;  // guards all that follows
  Entries entries_;
  std::unordered_map<std::string, Index, StringHash, std::equal_to<>> indexes_;
  Tombstones tombstones_;
  std::uint32_t round_ = 0;
  bool replacing_ = false;
};

// Feeds a Store from a Watcher. `project` makes a T of an object; when it fails the object is logged, counted and left
// out (a malformed object must not stop the others), and an older form of it is removed. The store must outlive this.
template <class T>
class StoreSink final : public WatchSink {
 public:
  using Projector = std::function<Result<T>(const kube::Json&)>;

  StoreSink(Store<T>& store, Projector project) : store_(store), project_(std::move(project)) {}

  void replace_begin() override { store_.replace_begin(); }
  void upsert(const kube::Json& object) override {
    auto projected = project_(object);
    if (projected) return store_.upsert(std::move(*projected));
    const auto meta = kube::object_meta_from_json(object);
    log::warn("object left out of the cache",
              {{"object", kube::object_key(meta)}, {"error", projected.error().message}});
    store_.remove(meta);
  }
  void removed(const kube::Json& object) override { store_.remove(kube::object_meta_from_json(object)); }
  void replace_done(std::uint64_t resource_version) override { store_.replace_done(resource_version); }

 private:
  Store<T>& store_;
  Projector project_;
};

}  // namespace modelrun::runtime

#include "runtime/store_inl.h"  // the bodies
