// A cache of API objects as compact structs. A Watcher keeps it up to date through a StoreSink; code that writes an
// object adds the server's answer with put(), so that it does not have to wait for the watch.
//
//   Store<JobView> jobs(clock);
//   jobs.set_on_change(...);                        // and add_index(), before the first object
//   StoreSink<JobView> sink(jobs, &decode_job);
//   Watcher watcher(client, {.resource = kJobs}, sink, clock);
//   watcher.start();
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/object_meta.h"
#include "base/log.h"
#include "base/mutex.h"
#include "runtime/tombstones.h"
#include "runtime/watcher.h"

namespace modelrun::runtime {

// Lets a map with keys of type std::string be searched with a string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Holds objects by their key, "namespace/name" ("name" for cluster-wide objects). T must have a member
// `api::ObjectMeta meta`. Thread-safe. Objects are immutable once stored, and callers may keep the pointers.
//
// Of two versions of an object, the one with the higher resourceVersion stays. There is one exception: what a list
// shows replaces a higher version that came from a watch or an earlier list, because resourceVersions become lower
// when etcd is restored from a backup. A version that came from put() stays until a watch or list shows one at least
// as new, or the object's deletion. Deletions are remembered (see tombstones.h), so that put() does not bring a
// deleted object back when an answer comes late.
//
// The objects come from one watch over all namespaces, or from one for each of several namespaces. Each such part of
// the store is a scope: a namespace, or "" for all. A list replaces the objects of its scope only.
//
// on_change is called after each change, on the thread that made it, without a lock held. Changes of one object by
// different threads may be reported in any order: use the call as a hint and look the object up.
template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  using OnChange = std::function<void(const Ptr& old, const Ptr& now)>;  // one may be null, never both
  // Returns the values by which by_index() finds the object. They must be distinct. It is called under the store's
  // lock.
  using IndexFn = std::function<std::vector<std::string>(const T&)>;

  Store() = default;
  // The clock measures how long deletions are remembered; it must outlive the store. The default is real time.
  explicit Store(const SteadyClock& clock) : tombstones_(&clock) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Both must be called before the first object is stored.
  void set_on_change(OnChange on_change) { on_change_ = std::move(on_change); }
  void add_index(std::string name, IndexFn values) {
    const WriteLock lock(mutex_);
    indexes_[std::move(name)].values = std::move(values);
  }

  // Returns the object, or null when there is none.
  [[nodiscard]] Ptr find(std::string_view key) const;
  // Returns the objects for which the function of `index` gave `value`, in no particular order; none for an unknown
  // index.
  [[nodiscard]] std::vector<Ptr> by_index(std::string_view index, std::string_view value) const;
  // Calls `visit` for every object under the store's lock: `visit` must not call back into the store.
  void for_each(const std::function<void(const Ptr&)>& visit) const;
  [[nodiscard]] std::size_t size() const;
  // True once a whole list of every scope has been stored; it stays true. Until then an object that is not found may
  // exist.
  [[nodiscard]] bool filled() const;

  // Stores the server's answer to a write. Returns false and changes nothing when the store has a version that is as
  // new, or when the object is known to be deleted.
  bool put(T object);

  // For StoreSink only: what a list or a watch delivers. See WatchSink for the meaning.
  void upsert(T object);
  void remove(const api::ObjectMeta& meta);
  // Makes filled() wait for the first list of this scope. Call it before the first object is stored. A store has either
  // the one scope "" or one for each of its namespaces.
  void add_scope(const std::string& scope);
  void replace_begin(const std::string& scope = {});
  void replace_done(std::uint64_t resource_version, const std::string& scope = {});

 private:
  struct Scope {
    std::uint32_t round = 0;  // counts the lists that have been begun
    bool replacing = false;   // a list has been begun and is not done
    bool filled = false;      // a list has been done
  };
  struct Entry {
    Ptr object;
    bool own = false;         // came from put(), and no list or watch has shown it yet
    std::uint32_t round = 0;  // that of its scope when the object was last stored or shown
  };
  struct Index {
    IndexFn values;
    // The keys of the objects that have a value, in no order; they point into entries_. A plain array is used because
    // most values belong to one object only, for which a set would take more memory than the object itself. Searching
    // ten thousand pointers takes microseconds.
    std::unordered_map<std::string, std::vector<const std::string*>, StringHash, std::equal_to<>> keys;
  };
  using Change = std::pair<Ptr, Ptr>;
  using Entries = std::unordered_map<std::string, Entry, StringHash, std::equal_to<>>;

  Change set_locked(const std::string& key, Ptr object, bool own) REQUIRES(mutex_);
  Change erase_locked(Entries::iterator entry, std::uint64_t resource_version) REQUIRES(mutex_);
  void reindex_locked(const std::string* key, const T* old, const T* now) REQUIRES(mutex_);
  // Returns the scope of the objects in this namespace, or Scope{} if no watch covers it.
  [[nodiscard]] Scope scope_of(const std::string& namespace_) const REQUIRES_SHARED(mutex_);
  void report(const Change& change) const {
    if (on_change_ && (change.first || change.second)) on_change_(change.first, change.second);
  }

  OnChange on_change_;
  mutable SharedMutex mutex_;
  Entries entries_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, Index, StringHash, std::equal_to<>> indexes_ GUARDED_BY(mutex_);
  Tombstones tombstones_ GUARDED_BY(mutex_);
  std::map<std::string, Scope> scopes_ GUARDED_BY(mutex_);
};

// Feeds a Store from a Watcher. `project` converts a JSON object to a T. When that fails, the sink logs the object,
// leaves it out, and removes an older version of it from the store; the other objects are not affected. The store
// must outlive the sink. The Watcher must be one for all namespaces, or for `namespace_` when that is not empty.
template <class T>
class StoreSink final : public WatchSink {
 public:
  using Projector = std::function<Result<T>(const kube::Json&)>;

  StoreSink(Store<T>& store, Projector project, std::string namespace_ = {})
      : store_(store), project_(std::move(project)), scope_(std::move(namespace_)) {
    store_.add_scope(scope_);
  }

  void replace_begin() override { store_.replace_begin(scope_); }
  void upsert(const kube::Json& object) override {
    auto projected = project_(object);
    if (projected) return store_.upsert(std::move(*projected));
    const auto meta = api::decode_meta(object);
    log::warn("object left out of the cache", {{"object", meta.key()}, {"error", projected.error().message}});
    store_.remove(meta);
  }
  void removed(const kube::Json& object) override { store_.remove(api::decode_meta(object)); }
  void replace_done(std::uint64_t resource_version) override { store_.replace_done(resource_version, scope_); }

 private:
  Store<T>& store_;
  Projector project_;
  const std::string scope_;
};

}  // namespace modelrun::runtime

#include "runtime/store_inl.h"  // the definitions
